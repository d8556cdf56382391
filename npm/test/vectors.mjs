// Prints how one face of the package does on the signature vectors, as one JSON object:
//
//     node test/vectors.mjs --face node-esm|node-cjs|workerd [DIR]
//
// DIR, else the environment variable COUNTERSIGN_VECTORS, else tests/vectors of the project.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PROJECT } from "../scripts/paths.mjs";
import { FACES } from "./vectors/faces.mjs";

/** The vector files of a folder, by name. */
export function vectorFiles(folder) {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") }));
}

/** The folder that is meant when none is named. */
export const defaultFolder = () => process.env.COUNTERSIGN_VECTORS || join(PROJECT, "tests", "vectors");

async function report(face, folder) {
  try {
    return await FACES[face](vectorFiles(folder));
  } catch (error) {
    return { face, files: [], error: String(error?.stack ?? error) };
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
