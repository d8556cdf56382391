// What the build reads, and a hash over it: so that a stale dist is noticed before a test passes on it.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { INPUTS, PACKAGE } from "./paths.mjs";

/** The modules beside the kernel, each with JavaScript of wasm-bindgen. */
export const PARTS = ["toolkit", "events", "explain"];

const WASM_FILES = [
  ...["kernel.wasm", "kernel-slim.wasm", "manifest.json"],
  ...PARTS.flatMap((name) => [`${name}/${name}.js`, `${name}/${name}_bg.wasm`]),
];
const OWN_FILES = [
  "package.json",
  "tsconfig.json",
  "scripts/build.mjs",
  "scripts/entries.mjs",
  "scripts/playground.mjs",
];
const OWN_FOLDERS = ["src", "playground/src"];

/** Input files of the wasm chain that are not there. */
export function missingInputs() {
  return WASM_FILES.filter((file) => !existsSync(INPUTS + file));
}

/** A hash over everything that decides what the build writes. */
export function inputsHash() {
  const hash = createHash("sha256");
  const add = (folder, file) =>
    hash
      .update(`${file}\0`)
      .update(readFileSync(folder + file))
      .update("\0");
  for (const file of WASM_FILES) add(INPUTS, file);
  for (const file of OWN_FILES) add(PACKAGE, file);
  const sources = OWN_FOLDERS.flatMap((folder) =>
    readdirSync(PACKAGE + folder, { recursive: true, withFileTypes: true }),
  )
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.slice(PACKAGE.length))
    .sort();
  for (const file of sources) add(PACKAGE, file);
  return hash.digest("hex");
}
