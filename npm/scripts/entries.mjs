// Joins the compiled files into one for each entry and a few that entries share: Node spends a third of a millisecond on every
// file that it loads, which was half of the time from `import` to the first verdict.

import { writeFileSync } from "node:fs";
import { build } from "esbuild";
import { COMPILED, PACKAGE } from "./paths.mjs";

/** Writes the JavaScript of dist/. Modules of wasm stay files of their own where an entry imports them as such. */
export async function joinEntries({ name, type, sideEffects, bin, exports }) {
  // The command line imports the package by its name.
  const moved = JSON.parse(
    JSON.stringify({ name, type, sideEffects, bin, exports }).replaceAll(/"(\.\/)?dist\//g, '"./'),
  );
  writeFileSync(`${COMPILED}package.json`, JSON.stringify(moved));
  const targets = Object.values(moved.exports).filter((target) => typeof target === "object");
  const files = targets.flatMap(({ types: _declarations, ...conditions }) => Object.values(conditions));
  await build({
    absWorkingDir: COMPILED,
    entryPoints: [...new Set([...Object.values(moved.bin), ...files])],
    outbase: COMPILED,
    outdir: `${PACKAGE}dist`,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    external: ["*.wasm", "*.wasm?module", "node:*"],
    chunkNames: "shared/[hash]",
    legalComments: "none",
    logLevel: "warning",
  });
}
