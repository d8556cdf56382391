// Prints how the package does on the signature vectors in one runtime, and on the tour of its entries, as one JSON object:
//
//     node test/vectors.mjs --face node-esm|node-cjs|node-22|node-24|deno|bun|workerd|workerd-node|edge-vm|chromium [DIR]
//
// DIR, else the environment variable COUNTERSIGN_VECTORS, else tests/vectors of the project.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PROJECT } from "../scripts/paths.mjs";
import { FACES } from "./runtimes/faces.mjs";
import { tripOf } from "./runtimes/trip.mjs";

/** The vector files of a folder, by name. */
export function vectorFiles(folder) {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") }));
}

/** The folder that is meant when none is named. */
export const defaultFolder = () => process.env.COUNTERSIGN_VECTORS || join(PROJECT, "tests", "vectors");

/** `missing` says why the runtime is not there; `error` why the suite did not come to its end. */
async function report(face, folder) {
  const empty = { face, runtime: null, files: [], error: null, missing: null };
  try {
    const missing = FACES[face].missing();
    if (missing !== null) return { ...empty, missing };
    const { facts, vectors, tour } = await FACES[face].run({ vectors: vectorFiles(folder), tour: tripOf() });
    return { ...empty, ...vectors, runtime: facts.runtime, files: [...vectors.files, tour] };
  } catch (error) {
    return { ...empty, error: String(error?.stack ?? error) };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({ options: { face: { type: "string" } }, allowPositionals: true });
  if (!Object.hasOwn(FACES, values.face ?? "")) {
    console.error(`usage: node test/vectors.mjs --face ${Object.keys(FACES).join("|")} [DIR]`);
    process.exit(2);
  }
  const result = await report(values.face, resolve(positionals[0] ?? defaultFolder()));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
