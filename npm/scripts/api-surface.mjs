// The public interface as text. The committed file is compared by a test, so that no change of it goes unnoticed:
//
//     npm run api      writes api-surface.md anew

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PACKAGE } from "./paths.mjs";

export const SURFACE = `${PACKAGE}api-surface.md`;

/** What users can import, and every declaration that it leads to. */
export async function apiSurface() {
  const { exports } = JSON.parse(readFileSync(`${PACKAGE}package.json`, "utf8"));
  const lines = ["# Public interface", "", "Written by `npm run api`; a test compares it with what is built.", ""];
  const declarations = new Set();
  for (const [entry, target] of Object.entries(exports)) {
    lines.push(`## \`${entry.replace(".", "countersign")}\``, "");
    if (typeof target === "string") {
      lines.push("A file.", "");
      continue;
    }
    const conditions = Object.keys(target).map((name) => `\`${name}\``);
    const names = Object.keys(await import(`${PACKAGE}${target.default}`)).sort();
    lines.push(`Conditions: ${conditions.join(", ")}.`, "", ...names.map((name) => `- \`${name}\``), "");
    collect(`${PACKAGE}${target.types}`, declarations);
  }
  lines.push("## Declarations", "");
  for (const file of [...declarations].sort()) {
    const name = file.slice(file.lastIndexOf("/") + 1);
    lines.push(`### ${name}`, "", "```ts", withoutComments(readFileSync(file, "utf8")), "```", "");
  }
  return lines.join("\n");
}

/** Adds a declaration file and those that it imports from beside it. */
function collect(file, found) {
  const path = fileURLToPath(new URL(`file://${file}`));
  if (found.has(path)) return;
  found.add(path);
  for (const [, beside] of readFileSync(path, "utf8").matchAll(/from "(\.\/[^"]+)\.js"/g)) {
    collect(`${PACKAGE}dist/${beside}.d.ts`, found);
  }
}

function withoutComments(text) {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.trim().startsWith("//"))
    .join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const surface = await apiSurface();
  if (process.argv.includes("--write")) writeFileSync(SURFACE, surface);
  else process.stdout.write(surface);
}
