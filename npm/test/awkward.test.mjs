// The table of the README about awkward input is what the packages do, and ours does nothing wrong.
//
//     COUNTERSIGN_BLESS=1 node --test test/awkward.test.mjs      writes the table anew

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { installed } from "../bench/run.mjs";
import { PACKAGE } from "../scripts/paths.mjs";

const README = `${PACKAGE}README.md`;
const BEGIN = "<!-- written by test/awkward.test.mjs -->\n";
const END = "<!-- end -->\n";

/** The folder where the packages are, or why there is none. */
function comparedPackages() {
  try {
    return { folder: installed() };
  } catch (error) {
    // Without a network the rest of the suite is still worth running; where nobody reads along it must not pass unseen.
    if (process.env.CI || !error.message.startsWith("npm ci")) throw error;
    return { missing: `the packages that are compared could not be installed: ${error.message}` };
  }
}

function markdown({ names, rows }) {
  const line = (cells) => `| ${cells.join(" | ")} |\n`;
  const head = ["input", "right", ...names.map((name) => (name.includes(" ") ? name : `\`${name}\``))];
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

test("awkward input gets the right verdict, and the table says what everybody makes of it", async (context) => {
  const { folder, missing } = comparedPackages();
  if (missing !== undefined) return context.skip(missing);
  const { awkward } = await import(pathToFileURL(join(folder, "awkward.mjs")));
  const found = await awkward();
  assert.deepEqual(found.wrong, []);
  assert.ok(found.judgements > 150, `${found.judgements} judgements`);
  const table = markdown(found);
  const readme = readFileSync(README, "utf8");
  const [before, rest] = readme.split(BEGIN);
  assert.ok(rest?.includes(END), "README.md has lost the marks around its table");
  const [committed] = rest.split(END, 1);
  if (process.env.COUNTERSIGN_BLESS === "1") {
    writeFileSync(README, before + BEGIN + table + rest.slice(rest.indexOf(END)));
    return;
  }
  assert.equal(committed, table, "COUNTERSIGN_BLESS=1 writes the table anew");
});
