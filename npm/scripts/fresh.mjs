// Stops when dist/ is not what the sources and the wasm modules would give now.

import { existsSync, readFileSync } from "node:fs";
import { inputsHash, missingInputs } from "./inputs.mjs";
import { PACKAGE, PACKAGING } from "./paths.mjs";

const stamp = `${PACKAGING}npm-build.stamp`;
const isBuilt = missingInputs().length === 0 && existsSync(`${PACKAGE}dist/index.js`) && existsSync(stamp);
if (!isBuilt || readFileSync(stamp, "utf8") !== inputsHash()) {
  console.error(
    "dist/ is missing or older than its sources: run `cargo xtask build`, or `npm run build` when only npm/src changed.",
  );
  process.exit(1);
}
