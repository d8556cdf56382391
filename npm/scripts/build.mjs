// Builds dist/ from src/ and from the wasm modules that `cargo xtask build` made.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { inputsHash, missingInputs } from "./inputs.mjs";
import { INPUTS, PACKAGE, PACKAGING } from "./paths.mjs";

const DIST = `${PACKAGE}dist/`;

/** Ends the build with a sentence that says what to do. */
function stop(message) {
  console.error(message);
  process.exit(1);
}

const missing = missingInputs();
if (missing.length > 0) stop(`The wasm modules are not built yet (${missing.join(", ")}): run \`cargo xtask build\`.`);

const { version } = JSON.parse(readFileSync(`${PACKAGE}package.json`, "utf8"));
const manifest = JSON.parse(readFileSync(`${INPUTS}manifest.json`, "utf8"));
if (manifest.version !== version) {
  stop(
    `package.json has version ${version}, the wasm modules ${manifest.version}: set both to the same, then run \`cargo xtask build\`.`,
  );
}
const kernel = readFileSync(`${INPUTS}kernel.wasm`);
const toolkit = readFileSync(`${INPUTS}toolkit/toolkit_bg.wasm`);
const coreHash = createHash("sha256").update(kernel).digest("hex");
if (manifest.modules.kernel.sha256 !== coreHash) {
  stop("kernel.wasm is not the file that manifest.json describes: run `cargo xtask build`.");
}

rmSync(DIST, { recursive: true, force: true });
execFileSync(process.execPath, [`${PACKAGE}node_modules/typescript/bin/tsc`], { cwd: PACKAGE, stdio: "inherit" });

copyFileSync(`${INPUTS}kernel.wasm`, `${DIST}kernel.wasm`);
copyFileSync(`${INPUTS}toolkit/toolkit_bg.wasm`, `${DIST}toolkit.wasm`);
writeFileSync(`${DIST}kernel.inline.js`, `export const kernelBase64 =\n  "${kernel.toString("base64")}";\n`);
writeFileSync(`${DIST}toolkit.inline.js`, `export const toolkitBase64 =\n  "${toolkit.toString("base64")}";\n`);
writeFileSync(
  `${DIST}stamp.js`,
  `export const version = ${JSON.stringify(version)};\nexport const coreHash =\n  "${coreHash}";\n`,
);
copyFileSync(`${PACKAGE}src/stamp.d.ts`, `${DIST}stamp.d.ts`);

// The generated glue also knows how to fetch the module from beside itself. We always hand the module over, and bundlers
// would copy the file for nothing.
const glue = readFileSync(`${INPUTS}toolkit/toolkit.js`, "utf8");
const own = glue.replace(/new URL\([^)]*import\.meta\.url\)/g, "undefined");
if (own.includes("import.meta")) stop("toolkit.js uses import.meta in a new way: look at scripts/build.mjs.");
mkdirSync(`${DIST}toolkit`, { recursive: true });
writeFileSync(`${DIST}toolkit/toolkit.js`, own);

// One declaration serves all entries.
for (const entry of ["workerd", "workerd.parse", "edge-light", "edge-light.parse"])
  rmSync(`${DIST}index.${entry}.d.ts`);

mkdirSync(PACKAGING, { recursive: true });
writeFileSync(`${PACKAGING}npm-build.stamp`, inputsHash());
console.log(
  `countersign ${version}: kernel ${kernel.length} B, toolkit ${toolkit.length} B, core ${coreHash.slice(0, 12)}`,
);
