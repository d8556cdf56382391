// The code in README.md, run as it stands there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import * as countersign from "countersign";
import { install } from "../packaging-tests/install.mjs";
import { PACKAGE } from "../scripts/paths.mjs";
import { payload, post, SECRET, signed } from "./support.mjs";

const README = readFileSync(`${PACKAGE}README.md`, "utf8");

/** The block whose first line is a comment with this file name. */
function block(file) {
  const found = README.match(new RegExp(`\`\`\`js\\n(// ${file}\\n[\\s\\S]*?)\`\`\``));
  assert.ok(found, `README.md has no block ${file}`);
  return found[1];
}

/** Writes a block into a consumer project, for as long as `use` takes. */
async function written(project, file, use) {
  const folder = join(install(project), `readme-${file}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), block(file));
  try {
    return await use(join(folder, file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("every JavaScript block of the README is run here", () => {
  const files = [...README.matchAll(/```js\n(.*)\n/g)].map(([, first]) => first);
  assert.deepEqual(files, [
    "// server.mjs",
    "// worker.mjs",
    "// verify.mjs",
    "// explain.mjs",
    "// events.mjs",
    "// describe.mjs",
  ]);
});

test("the Express block receives", { timeout: 60_000 }, async () => {
  await written("express", "server.mjs", async (file) => {
    const port = await freePort();
    const env = { ...process.env, PORT: String(port), SENDEMALL_SECRET: SECRET };
    const child = spawn(process.execPath, [file], { env, stdio: ["ignore", "pipe", "ignore"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    try {
      const url = `http://127.0.0.1:${port}/hooks/sendemall`;
      const body = Buffer.from(
        payload("sendemall").toString().replace('"bounce_type"', '"lead_email":"a@b.example","bounce_type"'),
      );
      const answer = await patiently(() => post(url, body, signed("sendemall", body)));
      assert.deepEqual([answer.status, answer.text], [200, '{"received":true}']);
      assert.equal((await lines.next()).value, "bounced: a@b.example");
      assert.equal((await post(url, body, signed("sendemall", body, "x"))).status, 401);
    } finally {
      child.kill();
      await once(child, "close");
    }
  });
});

test("the Workers block receives in workerd", { timeout: 60_000 }, async () => {
  await written("worker", "worker.mjs", async (file) => {
    const { serve } = await import(pathToFileURL(join(install("worker"), "workerd.mjs")));
    process.env.CLEANMAILS_SECRET = SECRET;
    const running = await serve({ entry: file, bindings: ["CLEANMAILS_SECRET"] });
    try {
      const body = payload("cleanmails");
      assert.equal((await post(running.url, body, signed("cleanmails", body))).status, 200);
      assert.equal((await post(running.url, body, signed("cleanmails", body, "x"))).status, 401);
    } finally {
      running.stop();
      await running.ended;
    }
  });
});

for (const file of ["verify.mjs", "explain.mjs", "events.mjs", "describe.mjs"]) {
  test(`the block ${file} prints what it says`, { timeout: 60_000 }, async () => {
    await written("node", file, async (path) => {
      const child = spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "inherit"] });
      const said = [...block(file).matchAll(/; \/\/ (.*)\n/g)].map(([, text]) => text);
      const lines = [];
      for await (const line of createInterface({ input: child.stdout })) lines.push(line);
      assert.deepEqual(lines, said);
    });
  });
}

test("the README names every code and every export of the package", () => {
  const source = readFileSync(`${PACKAGE}src/errors.ts`, "utf8");
  const codes = [...source.matchAll(/^ {2}\| "([a-z_]+)"/gm)].map(([, code]) => code);
  assert.ok(codes.length > 20);
  for (const name of [...codes, ...Object.keys(countersign)]) assert.ok(README.includes(name), name);
});

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** Tries until the server listens. */
async function patiently(attempt) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
