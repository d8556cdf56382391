// Types, style, and the package as it would be published.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { PACKAGE, TARBALL } from "./paths.mjs";

const BIN = `${PACKAGE}node_modules/.bin/`;

const steps = [
  ["tsc", "--noEmit"],
  ["tsc", "-p", "test/tsconfig.json"],
  ["biome", "check", "--error-on-warnings", "."],
  ["publint", "run", TARBALL, "--strict"],
];

if (!existsSync(`${PACKAGE}dist/index.d.ts`) || !existsSync(TARBALL)) {
  console.error("The package is not built and packed yet: run `cargo xtask build`.");
  process.exit(1);
}
for (const [command, ...args] of steps) {
  console.log(`> ${command} ${args.join(" ")}`);
  const { status } = spawnSync(BIN + command, args, { cwd: PACKAGE, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
