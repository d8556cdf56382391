// Bundles a Worker with esbuild and serves it with workerd.

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import workerd from "workerd";

/** The Workers runtime as it was on this day, still without Node's modules: the package must not need them. */
const COMPATIBILITY_DATE = "2026-06-01";
/** A day on which Node's modules are part of the runtime. */
export const WITH_NODE = "2026-10-01";

/**
 * Serves `entry` on 127.0.0.1. `bindings` are names of environment variables that the Worker may read, `objects` its
 * Durable Objects, kept in memory (binding to class), `kv` the file of a Worker that answers as the service behind the KV namespace
 * `KV`; `date` is the day whose runtime is meant; with `pipe` what it prints can be read; `bundle` makes the files. Resolves once
 * it listens: `{ url, lines, stop, ended }`.
 */
export async function serve({
  entry,
  bindings = [],
  objects = {},
  kv = null,
  date = COMPATIBILITY_DATE,
  port = 0,
  pipe = false,
  bundle = withEsbuild,
}) {
  const folder = mkdtempSync(join(tmpdir(), "countersign-worker-"));
  try {
    const wasm = await bundle(entry, folder);
    const config = join(folder, "config.capnp");
    if (kv !== null) cpSync(kv, join(folder, "kv.js"));
    writeFileSync(config, configuration(wasm, { bindings, objects, kv, date, port }));
    return await start(config, pipe, () => rmSync(folder, { recursive: true, force: true }));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Writes bundle.js and the wasm files that it imports; returns the names of the latter. */
async function withEsbuild(entry, folder) {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: join(folder, "bundle.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    external: ["cloudflare:*", "node:*"],
    conditions: ["workerd", "worker", "browser"],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
    metafile: true,
    logLevel: "warning",
  });
  return Object.keys(metafile.outputs)
    .filter((file) => file.endsWith(".wasm"))
    .map((file) => basename(file));
}

function configuration(wasm, { bindings, objects, kv, date, port }) {
  const modules = [
    '(name = "bundle.js", esModule = embed "bundle.js")',
    ...wasm.map((file) => `(name = "${file}", wasm = embed "${file}")`),
  ];
  const variables = bindings.map((name) => `(name = "${name}", fromEnvironment = "${name}")`);
  variables.push(
    ...Object.entries(objects).map(([name, own]) => `(name = "${name}", durableObjectNamespace = "${own}")`),
  );
  const classes = Object.values(objects).map((name) => `(className = "${name}", uniqueKey = "${name}")`);
  if (kv !== null) variables.push('(name = "KV", kvNamespace = "kv")');
  const services = ['(name = "main", worker = .worker)', ...(kv === null ? [] : ['(name = "kv", worker = .kv)'])];
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [${services.join(", ")}],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  compatibilityDate = "${date}",
  modules = [${modules.join(", ")}],
  bindings = [${variables.join(", ")}],
  durableObjectNamespaces = [${classes.join(", ")}],
  durableObjectStorage = (inMemory = void),
);
${kv === null ? "" : KV_WORKER}`;
}

const KV_WORKER = `
const kv :Workerd.Worker = (
  compatibilityDate = "${COMPATIBILITY_DATE}",
  modules = [(name = "kv.js", esModule = embed "kv.js")],
);
`;

/** Runs workerd, which tells on file descriptor 3 where it listens. */
function start(config, pipe, clean) {
  const child = spawn(workerd.default, ["serve", "--control-fd=3", config], {
    stdio: ["ignore", pipe ? "pipe" : "inherit", "inherit", "pipe"],
  });
  const ended = new Promise((resolve) => child.on("close", (code) => resolve(code ?? 0)));
  ended.then(clean);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    ended.then((code) => reject(new Error(`workerd ended with code ${code} before it listened`)));
    createInterface({ input: child.stdio[3] }).on("line", (line) => {
      const message = JSON.parse(line);
      if (message.event === "listen" && message.socket === "http") {
        const lines = pipe ? createInterface({ input: child.stdout })[Symbol.asyncIterator]() : null;
        resolve({ url: `http://127.0.0.1:${message.port}`, lines, stop: () => child.kill(), ended });
      }
    });
  });
}
