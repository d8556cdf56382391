// Joins the compiled files into few: Node spends a third of a millisecond on every file that it loads, which was half of the time
// from `import` to the first verdict.

import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { build } from "esbuild";
import { COMPILED, PACKAGE } from "./paths.mjs";

/** What nearly every entry needs becomes one file. */
const BASE = ["body", "compile", "errors", "headers", "internal", "kernel", "native", "stamp", "verifier"];
/** Files that stay apart, so that a bundler leaves out what nobody calls: wasm-bindgen's code does work while it is loaded. */
const PARSERS = ["index.parse.js", "index.workerd.parse.js", "index.edge-light.parse.js"];

const SETTINGS = {
  absWorkingDir: COMPILED,
  outdir: `${PACKAGE}dist`,
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  // What imports the package by its name means the entry that fits the runtime in which it will be.
  external: ["countersign", "countersign/*", "*.wasm", "*.wasm?module", "node:*"],
  legalComments: "none",
  logLevel: "warning",
};

/** Leaves the files of the base where they are: in one file that lies beside all others. */
const baseApart = {
  name: "base",
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ path }) =>
      BASE.includes(basename(path, ".js")) ? { path: "./base.js", external: true } : undefined,
    );
  },
};

const beside = (file) => file.replace(/^(\.\/)?dist\//, "");

/** Writes the JavaScript of dist/. Modules of wasm stay files of their own where an entry imports them as such. */
export async function joinEntries({ name, type, sideEffects, bin, exports }) {
  // The playground is built from the compiled files, some of which import the package by its name.
  const moved = JSON.stringify({ name, type, sideEffects, exports }).replaceAll('"./dist/', '"./');
  writeFileSync(`${COMPILED}package.json`, moved);
  const base = BASE.map((file) => `export * from "./${file}.js";`).join("\n");
  await build({
    ...SETTINGS,
    stdin: { contents: base, resolveDir: COMPILED, sourcefile: "base.js" },
    entryNames: "base",
  });

  const targets = Object.values(exports).filter((target) => typeof target === "object");
  const entries = targets.flatMap(({ types: _declarations, ...conditions }) => Object.values(conditions));
  await build({
    ...SETTINGS,
    entryPoints: [...new Set([...entries, ...Object.values(bin)])].map(beside).concat(PARSERS),
    outbase: COMPILED,
    splitting: true,
    // Beside the entries, because from there the base is found.
    chunkNames: "shared-[hash]",
    plugins: [baseApart],
  });
}
