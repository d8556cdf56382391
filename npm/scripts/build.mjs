// Builds dist/ from src/ and from the wasm modules that `cargo xtask build` made.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { inputsHash, missingInputs, PARTS } from "./inputs.mjs";
import { INPUTS, PACKAGE, PACKAGING } from "./paths.mjs";
import { playground } from "./playground.mjs";

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
const slim = readFileSync(`${INPUTS}kernel-slim.wasm`);
const parts = Object.fromEntries(PARTS.map((name) => [name, readFileSync(`${INPUTS}${name}/${name}_bg.wasm`)]));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const [coreHash, slimHash] = [kernel, slim].map(sha256);
if (manifest.modules.kernel.sha256 !== coreHash || manifest.modules["kernel-slim"].sha256 !== slimHash) {
  stop("The kernels are not the files that manifest.json describes: run `cargo xtask build`.");
}

rmSync(DIST, { recursive: true, force: true });
execFileSync(process.execPath, [`${PACKAGE}node_modules/typescript/bin/tsc`], { cwd: PACKAGE, stdio: "inherit" });

const modules = { kernel, "kernel-slim": slim, ...parts };
for (const [name, bytes] of Object.entries(modules)) {
  const constant = name.replace("-s", "S");
  writeFileSync(`${DIST}${name}.wasm`, bytes);
  writeFileSync(`${DIST}${name}.inline.js`, `export const ${constant}Base64 =\n  "${bytes.toString("base64")}";\n`);
}
writeFileSync(
  `${DIST}stamp.js`,
  `export const version = ${JSON.stringify(version)};\nexport const coreHash =\n  "${coreHash}";\nexport const slimHash =\n  "${slimHash}";\n`,
);
copyFileSync(`${PACKAGE}src/stamp.d.ts`, `${DIST}stamp.d.ts`);

// The generated glue also knows how to fetch the module from beside itself. We always hand the module over, and bundlers
// would copy the file for nothing. It takes for bytes what is no module of its own realm, as the modules of Next's edge runtime
// are: `compiled` and the runtimes hand over modules only.
const BYTES_TAKEN =
  /if \(!\(module instanceof WebAssembly\.Module\)\) \{\s*module = new WebAssembly\.Module\(module\);\s*\}/;
mkdirSync(`${DIST}toolkit`, { recursive: true });
for (const name of PARTS) {
  const glue = readFileSync(`${INPUTS}${name}/${name}.js`, "utf8");
  if (!BYTES_TAKEN.test(glue)) stop(`${name}.js looks at its module in a new way: look at scripts/build.mjs.`);
  const own = glue.replace(BYTES_TAKEN, "").replace(/new URL\([^)]*import\.meta\.url\)/g, "undefined");
  if (own.includes("import.meta")) stop(`${name}.js uses import.meta in a new way: look at scripts/build.mjs.`);
  writeFileSync(`${DIST}toolkit/${name}.js`, own);
}

// One declaration serves all entries.
for (const file of readdirSync(DIST)) {
  if (/\.(workerd|edge-light)(\.parse)?\.d\.ts$/.test(file)) rmSync(DIST + file);
}

await playground(version);

mkdirSync(PACKAGING, { recursive: true });
writeFileSync(`${PACKAGING}npm-build.stamp`, inputsHash());
console.log(
  `countersign ${version}: ${Object.entries(modules)
    .map(([name, { length }]) => `${name} ${length} B`)
    .join(", ")}, core ${coreHash.slice(0, 12)}`,
);
