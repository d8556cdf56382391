// The packed package in TypeScript, in each way of finding modules that it can be found in.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { install } from "../packaging-tests/install.mjs";
import { PACKAGE } from "../scripts/paths.mjs";

/** Module setting and file name by way. Of a `.cts` file the imports are calls of `require`. */
const WAYS = {
  bundler: { module: "preserve", moduleResolution: "bundler", file: "user.ts" },
  node16: { module: "node16", moduleResolution: "node16", file: "user.mts" },
  nodenext: { module: "nodenext", moduleResolution: "nodenext", file: "user.mts" },
  "nodenext, require": { module: "nodenext", moduleResolution: "nodenext", file: "user.cts" },
};

const { exports } = JSON.parse(readFileSync(`${PACKAGE}package.json`, "utf8"));
const entries = Object.keys(exports).filter((entry) => typeof exports[entry] === "object");
const names = entries.map((entry) => entry.replace(/^\./, "countersign"));

describe("TypeScript", { timeout: 120_000 }, () => {
  const folder = install("node");

  const compiled = (way, code) => {
    const { file, ...modules } = WAYS[way];
    const own = join(folder, "types", way.replace(", ", "-"));
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, file), code);
    const compilerOptions = {
      ...modules,
      target: "es2022",
      lib: ["es2023", "dom", "dom.iterable"],
      strict: true,
      noEmit: true,
      types: ["node"],
      typeRoots: [`${PACKAGE}node_modules/@types`],
    };
    writeFileSync(join(own, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
    const tsc = `${PACKAGE}node_modules/typescript/bin/tsc`;
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", own], { encoding: "utf8" });
    return { status, stdout };
  };

  for (const way of Object.keys(WAYS)) {
    test(`finds every entry: ${way}`, () => {
      const imports = names.map((name, index) => `import * as entry${index} from ${JSON.stringify(name)};`);
      const uses = `
        import { createVerifier, type Verdict } from "countersign/slim";
        const verdict: Verdict = createVerifier({ provider: "cleanmails", secrets: "s" }).verify({ headers: {}, body: "" });
        export const all = [${names.map((_, index) => `entry${index}`).join(", ")}, verdict.ok];`;
      const { status, stdout } = compiled(way, `${imports.join("\n")}${uses}`);
      assert.equal(status, 0, stdout);
    });
  }

  test("and a mistake is one", () => {
    const { status, stdout } = compiled(
      "bundler",
      'import { createVerifier } from "countersign/slim"; createVerifier({ provider: 1 });',
    );
    assert.notEqual(status, 0);
    assert.match(stdout, /TS2322/);
  });
});
