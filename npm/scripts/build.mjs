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
const parts = Object.fromEntries(PARTS.map((name) => [name, readFileSync(`${INPUTS}${name}/${name}_bg.wasm`)]));
const coreHash = createHash("sha256").update(kernel).digest("hex");
if (manifest.modules.kernel.sha256 !== coreHash) {
  stop("kernel.wasm is not the file that manifest.json describes: run `cargo xtask build`.");
}

rmSync(DIST, { recursive: true, force: true });
execFileSync(process.execPath, [`${PACKAGE}node_modules/typescript/bin/tsc`], { cwd: PACKAGE, stdio: "inherit" });

for (const [name, bytes] of Object.entries({ kernel, ...parts })) {
  writeFileSync(`${DIST}${name}.wasm`, bytes);
  writeFileSync(`${DIST}${name}.inline.js`, `export const ${name}Base64 =\n  "${bytes.toString("base64")}";\n`);
}
writeFileSync(
  `${DIST}stamp.js`,
  `export const version = ${JSON.stringify(version)};\nexport const coreHash =\n  "${coreHash}";\n`,
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

// One declaration serves all entries.
for (const file of readdirSync(DIST)) {
  if (/\.(workerd|edge-light)(\.parse)?\.d\.ts$/.test(file)) rmSync(DIST + file);
}

await playground(version);

mkdirSync(PACKAGING, { recursive: true });
writeFileSync(`${PACKAGING}npm-build.stamp`, inputsHash());
console.log(
  `countersign ${version}: ${Object.entries({ kernel, ...parts })
    .map(([name, { length }]) => `${name} ${length} B`)
    .join(", ")}, core ${coreHash.slice(0, 12)}`,
);
