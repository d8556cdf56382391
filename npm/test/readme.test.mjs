// The code in README.md, run as it stands there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import * as countersign from "countersign";
import { install } from "../packaging-tests/install.mjs";
import { PACKAGE } from "../scripts/paths.mjs";
import { HOST_MISSING, startHost } from "./host.mjs";
import { skipWithout } from "./needs.mjs";
import { hex, payload, post, SECRET, signed } from "./support.mjs";

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

/** Writes a block beside the package's own dependencies, where the frameworks are, for as long as `use` takes. */
async function beside(file, use) {
  const folder = mkdtempSync(join(PACKAGE, ".readme-"));
  writeFileSync(join(folder, file), block(file));
  try {
    return await use(join(folder, file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Imports a block. */
const imported = (file, env) => beside(file, (path) => import(pathToFileURL(Object.assign(process.env, env) && path)));

/** Runs a block that listens, and hands on its address and what it prints. */
const served = (file, env, use) =>
  beside(file, async (path) => {
    const port = await freePort();
    const child = spawn(process.execPath, [path], {
      env: { ...process.env, ...env, PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await use(`http://127.0.0.1:${port}`, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    } finally {
      child.kill();
      await once(child, "close");
    }
  });

test("every JavaScript block of the README is run here", () => {
  const files = [...README.matchAll(/```js\n(.*)\n/g)].map(([, first]) => first);
  const own = readFileSync(new URL(import.meta.url), "utf8");
  assert.equal(files.length, 13);
  for (const file of files) assert.ok(own.includes(`"${file.slice(3)}"`), file);
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

test("the block with a Durable Object handles a repeat once, in workerd", { timeout: 60_000 }, async () => {
  await written("worker", "dedupe-worker.mjs", async (file) => {
    const { serve } = await import(pathToFileURL(join(install("worker"), "workerd.mjs")));
    process.env.CLEANMAILS_SECRET = SECRET;
    const objects = { DEDUPE: "Dedupe" };
    const running = await serve({ entry: file, bindings: ["CLEANMAILS_SECRET"], objects, pipe: true });
    try {
      const body = payload("cleanmails");
      for (let i = 0; i < 3; i += 1)
        assert.equal((await post(running.url, body, signed("cleanmails", body))).status, 200);
      const other = Buffer.from(String(body).replace("email.replied", "email.opened"));
      assert.equal((await post(running.url, other, signed("cleanmails", other))).status, 200);
      const said = [(await running.lines.next()).value, (await running.lines.next()).value];
      assert.deepEqual(said, ["email.replied", "email.opened"]);
    } finally {
      running.stop();
      await running.ended;
    }
  });
});

test("the Fastify block receives", { timeout: 60_000 }, async () => {
  await served("fastify.mjs", { SMARTLEAD_SECRET: SECRET }, async (url, lines) => {
    const body = payload("smartlead");
    const answer = await patiently(() => post(`${url}/hooks/smartlead`, body, signed("smartlead", body)));
    assert.deepEqual([answer.status, answer.text], [200, '{"status":"received"}']);
    assert.equal((await lines.next()).value, "EMAIL_REPLIED 789");
  });
});

test("the block with several providers receives each, once", { timeout: 60_000 }, async () => {
  const secrets = { CLEANMAILS_SECRET: "a", SENDEMALL_SECRET: "b", GITHUB_SECRET: "c" };
  await served("several.mjs", secrets, async (url, lines) => {
    const bodies = { cleanmails: payload("cleanmails"), sendemall: payload("sendemall") };
    for (const [provider, secret] of [
      ["cleanmails", "a"],
      ["sendemall", "b"],
      ["sendemall", "b"],
    ]) {
      const headers = signed(provider, bodies[provider], secret);
      assert.equal((await patiently(() => post(url, bodies[provider], headers))).status, 200);
    }
    assert.equal((await post(url, "{}", { "x-hub-signature-256": `sha256=${hex("{}", "c")}` })).status, 200);
    const said = [];
    for (let i = 0; i < 3; i += 1) said.push((await lines.next()).value);
    assert.deepEqual(said, [
      "cleanmails email.replied null",
      "sendemall email.bounced evt_bounce_001",
      "github null null",
    ]);
  });
});

test("the Hono block receives", async (context) => {
  const said = context.mock.method(console, "log", () => {});
  const body = payload("sendemall");
  const { default: app } = await imported("hono.mjs", { SENDEMALL_SECRET: SECRET });
  const response = await app.request("/hooks/sendemall", { method: "POST", body, headers: signed("sendemall", body) });
  assert.deepEqual([response.status, await response.text()], [200, '{"received":true}']);
  assert.deepEqual(said.mock.calls[0].arguments, ["email.bounced", "evt_bounce_001"]);
});

test("the Lambda block receives", async (context) => {
  const said = context.mock.method(console, "log", () => {});
  const body = payload("cleanmails").toString();
  const { handler } = await imported("lambda.mjs", { CLEANMAILS_SECRET: SECRET });
  const requestContext = { http: { method: "POST", sourceIp: "192.0.2.1" } };
  const result = await handler({ version: "2.0", requestContext, headers: signed("cleanmails", body), body });
  assert.equal(result.statusCode, 200);
  assert.deepEqual(said.mock.calls[0].arguments, ["email.replied", "2026-05-12T14:30:00Z"]);
});

test("the block of the API's client publishes and lists", {
  skip: skipWithout(!HOST_MISSING, HOST_MISSING),
}, async () => {
  const host = await startHost();
  try {
    await written("node", "publish.mjs", async (path) => {
      const env = { ...process.env, COUNTERSIGN_URL: host.url, COUNTERSIGN_KEY: "" };
      const child = spawn(process.execPath, [path], { env, stdio: ["ignore", "pipe", "inherit"] });
      const lines = [];
      for await (const line of createInterface({ input: child.stdout })) lines.push(line);
      assert.equal(lines.length, 1);
      assert.match(lines[0], /^msg_/);
    });
  } finally {
    await host.stop();
  }
});

for (const file of ["verify.mjs", "explain.mjs", "events.mjs", "describe.mjs", "slim.mjs"]) {
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
