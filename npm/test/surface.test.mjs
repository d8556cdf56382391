import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { apiSurface, SURFACE } from "../scripts/api-surface.mjs";
import { PACKAGE } from "../scripts/paths.mjs";

test("the public interface is the one that is written down", async () => {
  assert.equal(await apiSurface(), readFileSync(SURFACE, "utf8"), "run `npm run api` and look at the difference");
});

test("the types promise users what test/types.ts says", () => {
  const tsc = `${PACKAGE}node_modules/typescript/bin/tsc`;
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", `${PACKAGE}test/tsconfig.json`], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout);
});
