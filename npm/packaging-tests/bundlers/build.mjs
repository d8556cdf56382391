// Builds an entry with each of the usual bundlers, as its documents say and without further plug-ins where it needs none.

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import * as vite from "vite";
import webpack from "webpack";

/** Where a bundle is to run, and the conditions by which the package's entries are chosen. */
export const TARGETS = {
  node: ["node"],
  browser: ["browser"],
  worker: ["workerd", "worker", "browser"],
};

/** The file that every bundler writes. */
export const BUNDLE = "bundle.mjs";

/** What each bundler can build for; webpack has no way to leave the import of a wasm module to the runtime. */
export const BUNDLERS = {
  esbuild: { build: withEsbuild, targets: ["node", "browser", "worker"] },
  rollup: { build: withRollup, targets: ["node", "browser", "worker"] },
  vite: { build: withVite, targets: ["node", "browser", "worker"] },
  webpack: { build: withWebpack, targets: ["node", "browser"] },
};

/** Bundles `entry` into `folder`; returns what the bundler complains of. */
export function bundled(bundler, entry, target, folder) {
  return BUNDLERS[bundler].build(entry, target, folder);
}

/** The files of a bundle with their bytes. */
export function filesOf(folder) {
  return readdirSync(folder).map((file) => ({ file, bytes: readFileSync(join(folder, file)) }));
}

async function withEsbuild(entry, target, folder) {
  const { warnings } = await esbuild.build({
    entryPoints: [entry],
    outfile: join(folder, BUNDLE),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: target === "node" ? "node" : "browser",
    conditions: TARGETS[target],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
    logLevel: "silent",
  });
  return warnings.map(({ text }) => text);
}

/** Leaves `import module from "./file.wasm"` to the runtime, and puts the file beside the bundle. */
function wasmModules() {
  const emitted = new Set();
  return {
    name: "wasm-modules",
    resolveId: {
      order: "pre",
      async handler(id, importer) {
        if (!id.endsWith(".wasm")) return null;
        const file = await this.resolve(id, importer, { skipSelf: true });
        const name = basename(file.id);
        // Whatever stands under its name is the same file.
        if (!emitted.has(name)) this.emitFile({ type: "asset", fileName: name, source: readFileSync(file.id) });
        emitted.add(name);
        return { id: `./${name}`, external: true };
      },
    },
  };
}

async function withRollup(entry, target, folder) {
  const warnings = [];
  const bundle = await rollup({
    input: entry,
    plugins: [wasmModules(), nodeResolve({ exportConditions: TARGETS[target], browser: target === "browser" })],
    onLog: (_level, { message }) => warnings.push(message),
  });
  await bundle.write({ file: join(folder, BUNDLE), format: "esm" });
  await bundle.close();
  return warnings;
}

async function withVite(entry, target, folder) {
  const warnings = [];
  const warn = (message) => warnings.push(message);
  const logger = { ...vite.createLogger("silent"), warn, warnOnce: warn, error: warn };
  await vite.build({
    root: join(entry, ".."),
    configFile: false,
    customLogger: logger,
    plugins: target === "worker" ? [wasmModules()] : [],
    resolve: { conditions: TARGETS[target] },
    ssr: {
      noExternal: true,
      target: target === "node" ? "node" : "webworker",
      resolve: { conditions: TARGETS[target] },
    },
    build: {
      ssr: target !== "browser",
      outDir: folder,
      emptyOutDir: false,
      ssrEmitAssets: true,
      minify: true,
      target: "es2022",
      lib: target === "browser" ? { entry, formats: ["es"], fileName: () => BUNDLE } : undefined,
      rolldownOptions: target === "browser" ? {} : { input: entry, output: { entryFileNames: BUNDLE } },
    },
  });
  return warnings;
}

function withWebpack(entry, target, path) {
  const compiler = webpack({
    mode: "production",
    entry,
    target: target === "node" ? "node20" : ["web", "es2022"],
    experiments: { outputModule: true },
    output: { path, filename: BUNDLE, library: { type: "module" } },
    resolve: { conditionNames: [...TARGETS[target], "import"] },
    performance: { hints: "warning", maxAssetSize: 4_000_000, maxEntrypointSize: 4_000_000 },
  });
  return new Promise((resolve, reject) => {
    compiler.run((error, stats) => {
      compiler.close(() => {
        if (error) return reject(error);
        const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
        resolve([...errors, ...warnings].map(({ message }) => message));
      });
    });
  });
}
