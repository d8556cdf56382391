// Runtimes that get a bundle: Vercel's edge runtime, with code generation off as it is in production, and Chromium.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { CHROMIUM, CHROMIUM_MISSING, startChromium } from "../needs.mjs";
import { TIMEOUT_MS } from "./processes.mjs";
import { project } from "./project.mjs";

/** Bundles the suite; returns its text and which of the package's files are in it. */
async function bundle(conditions, plugins = []) {
  const { build } = createRequire(`${project()}/`)("esbuild");
  const { outputFiles, metafile } = await build({
    entryPoints: [join(project(), "bundled.mjs")],
    absWorkingDir: project(),
    bundle: true,
    format: "iife",
    target: "es2022",
    conditions,
    plugins,
    write: false,
    metafile: true,
    logLevel: "warning",
  });
  const own = "node_modules/countersign/dist/";
  const files = Object.keys(metafile.inputs).filter((file) => file.includes(own));
  return { text: outputFiles[0].text, files: files.map((file) => file.slice(file.indexOf(own) + own.length)) };
}

/** Stops when the exports map did not lead to `entry`. */
function ledTo(entry, { files }) {
  const entries = files.filter((file) => /^index(\.workerd|\.edge-light)?\.js$/.test(file));
  if (entries.join() !== entry) throw new Error(`the exports map led to ${entries}, not to ${entry}`);
}

/** `import module from "x.wasm?module"` as Vercel's bundlers make it: the module is compiled ahead and lies in a global. */
function compiledAhead(modules) {
  return {
    name: "compiled ahead",
    setup(build) {
      build.onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => ({
        path: join(resolveDir, path.replace(/\?module$/, "")),
        namespace: "module",
      }));
      build.onLoad({ filter: /.*/, namespace: "module" }, ({ path }) => {
        const name = `wasm_${basename(path, ".wasm").replaceAll("-", "_")}`;
        modules[name] = new WebAssembly.Module(readFileSync(path));
        return { contents: `export default globalThis.${name};` };
      });
    },
  };
}

async function inEdgeVm(job) {
  const { EdgeVM } = createRequire(`${project()}/`)("@edge-runtime/vm");
  const modules = {};
  const made = await bundle(["edge-light"], [compiledAhead(modules)]);
  ledTo("index.edge-light.js", made);
  const vm = new EdgeVM({
    codeGeneration: { strings: false, wasm: false },
    extend: (context) => Object.assign(context, modules),
    initialCode: made.text,
  });
  return JSON.parse(await vm.context.runJob(JSON.stringify({ ...job, face: "edge-vm" })));
}

/** What the README says that a page has to allow, and nothing else. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'";

async function inChromium(job) {
  const made = await bundle(["import", "module"]);
  ledTo("index.js", made);
  const server = createServer(({ url }, response) => {
    const [type, text] = url === "/bundle.js" ? ["text/javascript", made.text] : ["text/html", PAGE];
    response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "content-security-policy": POLICY }).end(text);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await startChromium();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    // Later, because the policy does not hold for what is evaluated from outside.
    const later = (text) => new Promise((done, failed) => setTimeout(() => globalThis.runJob(text).then(done, failed)));
    const done = page.evaluate(later, JSON.stringify({ ...job, face: "chromium" }));
    return JSON.parse(await Promise.race([done, tooLong()]));
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}

function tooLong() {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(`it took longer than ${TIMEOUT_MS} ms`)), TIMEOUT_MS).unref();
  });
}

const PAGE = '<!doctype html><meta charset="utf-8"><title>Suite</title><script src="bundle.js"></script>';

export const BUNDLES = {
  "edge-vm": { missing: () => null, run: inEdgeVm },
  chromium: { missing: () => (CHROMIUM === null ? CHROMIUM_MISSING : null), run: inChromium },
};
