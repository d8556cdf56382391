// Types, style, and the package as it would be published.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { PACKAGE, TARBALL } from "./paths.mjs";

const BIN = `${PACKAGE}node_modules/.bin/`;

/** Entries that are files and no modules of JavaScript. */
const FILES = ["kernel", "kernel-slim", "toolkit", "events", "explain"].map((name) => `${name}.wasm`);

const steps = [
  ["tsc", "--noEmit"],
  ["tsc", "-p", "test/tsconfig.json"],
  ["biome", "check", "--error-on-warnings", "."],
  ["publint", "run", TARBALL, "--strict"],
  // As TypeScript sees it, by bundlers and by Node. The profile leaves out Node 10, which knows no `exports`, and `require` of ES
  // modules, which this tool does not know yet: test/resolution.test.mjs compiles that.
  ["attw", TARBALL, "--profile", "esm-only", "--no-emoji", "--exclude-entrypoints", ...FILES],
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
