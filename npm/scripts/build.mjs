// Builds dist/ from src/ and from the wasm modules that `cargo xtask build` made. The files that this compiles are moved aside
// in the end, and dist/ gets one file for each entry.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { joinEntries } from "./entries.mjs";
import { inputsHash, missingInputs, PARTS } from "./inputs.mjs";
import { COMPILED, INPUTS, PACKAGE, PACKAGING } from "./paths.mjs";
import { playground } from "./playground.mjs";

const DIST = `${PACKAGE}dist/`;
/** Declarations of entries that differ in how a module is loaded. One declaration serves all. */
const DOUBLE = /\.(workerd|edge-light)(\.parse)?\.d\.ts$/;

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

mkdirSync(PACKAGING, { recursive: true });
for (const folder of [COMPILED, DIST]) rmSync(folder, { recursive: true, force: true });
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

// The generated glue also knows how to fetch the module from beside itself, and to compile bytes. We always hand over the module.
// Bundlers would copy the file for nothing; and a module that another realm compiled, which is what Vercel's edge runtime hands
// over, is no `instanceof` ours and would be taken for bytes.
const COMPILES = /^ *if \(!\(module instanceof WebAssembly\.Module\)\) \{\n.*\n *\}\n/m;
mkdirSync(`${DIST}toolkit`, { recursive: true });
for (const name of PARTS) {
  const glue = readFileSync(`${INPUTS}${name}/${name}.js`, "utf8");
  const own = glue.replace(/new URL\([^)]*import\.meta\.url\)/g, "undefined").replace(COMPILES, "");
  if (/import\.meta|new WebAssembly\.Module/.test(own)) {
    stop(`${name}.js uses import.meta or compiles in a new way: look at scripts/build.mjs.`);
  }
  writeFileSync(`${DIST}toolkit/${name}.js`, own);
}

renameSync(DIST, COMPILED);
await joinEntries(JSON.parse(readFileSync(`${PACKAGE}package.json`, "utf8")));
for (const file of readdirSync(COMPILED, { recursive: true })) {
  const isDeclaration = file.endsWith(".d.ts") && !DOUBLE.test(file) && !file.startsWith("cli/");
  if (isDeclaration || file.endsWith(".wasm")) cpSync(COMPILED + file, DIST + file);
}

await playground(version);

writeFileSync(`${PACKAGING}npm-build.stamp`, inputsHash());
console.log(
  `countersign ${version}: ${Object.entries(modules)
    .map(([name, { length }]) => `${name} ${length} B`)
    .join(", ")}, core ${coreHash.slice(0, 12)}`,
);
