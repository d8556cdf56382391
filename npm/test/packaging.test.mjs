// The packed package in real consumer projects, with real servers.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { install } from "../packaging-tests/install.mjs";
import { INPUTS, PACKAGE } from "../scripts/paths.mjs";
import { hex, payload, post, SECRET, signed } from "./support.mjs";

const PROVIDERS = ["cleanmails", "smartlead", "sendemall", "platform"];
const ANSWERS = { smartlead: '{"status":"received"}' };

describe("the installed package", () => {
  const folder = install("node");
  const packed = join(folder, "node_modules", "countersign");

  test("import and require give the same things, one error class and one core", async () => {
    const esm = await import(pathToFileURL(`${folder}/load.mjs`));
    const cjs = createRequire(`${folder}/`)("./load.cjs");
    for (const [entry, module] of Object.entries(cjs)) {
      for (const [name, value] of Object.entries(module)) assert.equal(esm[entry][name], value, `${entry} ${name}`);
    }
    const { countersign, express, fastify, fetch, hono, lambda, node, receiver } = cjs;
    const adapters = [express.webhook, fastify.webhook, fetch.webhookHandler, hono.webhook, lambda.webhookHandler];
    for (const make of [...adapters, node.webhook, receiver.createReceiver]) {
      assert.throws(() => make({ provider: "cleanmails" }), countersign.CountersignError);
    }
    const { exports } = createRequire(`${folder}/`)("countersign/package.json");
    assert.equal(Object.values(exports).filter((target) => typeof target === "object").length, Object.keys(cjs).length);
  });

  test("neither code nor types need a framework or anything else that is not in the package", () => {
    const files = readdirSync(join(packed, "dist"), { recursive: true }).map(String);
    const code = files.filter((file) => /\.(js|d\.ts)$/.test(file));
    assert.ok(code.length > 60);
    for (const file of code) {
      const text = readFileSync(join(packed, "dist", file), "utf8");
      for (const [, from] of text.matchAll(/(?:from|import|import\()\s*"([^"]+)"/g)) {
        const isOwn = from.startsWith(".") || /^countersign(\/|$)/.test(from);
        // Types of Node alone: no adapter imports a module of Node when it runs. The command line may.
        const mayUseNode = file.endsWith(".d.ts") || file.startsWith("cli/");
        assert.ok(isOwn || (mayUseNode && from.startsWith("node:")), `${file}: ${from}`);
      }
    }
  });

  test("coreHash is the SHA-256 of the kernel that it ships and that the sender signs with", () => {
    const { countersign } = createRequire(`${folder}/`)("./load.cjs");
    const sha256 = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");
    const kernel = createRequire(`${folder}/`).resolve("countersign/kernel.wasm");
    assert.equal(countersign.coreHash, sha256(kernel));
    const manifest = JSON.parse(readFileSync(`${INPUTS}manifest.json`, "utf8"));
    assert.equal(countersign.coreHash, manifest.modules.kernel.sha256);
    assert.equal(countersign.version, manifest.version);
  });

  test("each module is compiled in once, and is the file beside it", () => {
    const files = readdirSync(join(packed, "dist"), { recursive: true }).map(String);
    const code = files.filter((file) => file.endsWith(".js"));
    const texts = code.map((file) => readFileSync(join(packed, "dist", file), "utf8"));
    for (const name of ["kernel", "kernel-slim", "toolkit", "events", "explain"]) {
      const base64 = readFileSync(join(packed, "dist", `${name}.wasm`)).toString("base64");
      const found = texts.map((text) => text.split(base64).length - 1);
      assert.equal(
        found.reduce((sum, times) => sum + times),
        1,
        name,
      );
    }
  });

  test("every target of the exports map exists, and nothing is shipped that is not meant to be", () => {
    const manifest = JSON.parse(readFileSync(join(packed, "package.json"), "utf8"));
    const targets = Object.values(manifest.exports).flatMap((target) =>
      Object.values(Object(target) === target ? target : [target]),
    );
    for (const target of targets) assert.ok(existsSync(join(packed, target)), target);
    for (const [entry, target] of Object.entries(manifest.exports)) {
      if (typeof target === "object") assert.equal(Object.keys(target)[0], "types", entry);
    }
    assert.equal(manifest.dependencies, undefined);
    const top = readdirSync(packed).sort();
    assert.deepEqual(top, ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "dist", "package.json"]);
    const files = readdirSync(join(packed, "dist"), { recursive: true }).map(String);
    assert.deepEqual(files.filter((file) => !/(\.js|\.d\.ts|\.wasm|^toolkit|^cli|^client|^stores)$/.test(file)), []); // biome-ignore format: one line
    // What is built is what is packed, and every source has its types there; the code is joined into fewer files.
    assert.deepEqual(files.sort(), readdirSync(`${PACKAGE}dist`, { recursive: true }).map(String).sort());
    const sources = readdirSync(`${PACKAGE}src`, { recursive: true }).map(String);
    const typed = sources.filter((file) =>
      /^(?!cli\/).*(?<!\.d|workerd|edge-light|workerd\.parse|edge-light\.parse)\.ts$/.test(file),
    );
    assert.deepEqual(typed.filter((file) => !files.includes(file.replace(/ts$/, "d.ts"))), []); // biome-ignore format: one line
    assert.deepEqual(files.filter((file) => /\.map$|(^|[^d])\.ts$|test/.test(file) && !/\.d\.ts$|^testing\.js$/.test(file)), []); // biome-ignore format: one line
  });

  test("no entry waits at its top level and the kernel asks for nothing", () => {
    const kernel = new WebAssembly.Module(readFileSync(join(packed, "dist", "kernel.wasm")));
    assert.deepEqual(WebAssembly.Module.imports(kernel), []);
    for (const entry of readdirSync(join(packed, "dist")).filter((file) => /^(index|slim)\..*js$/.test(file))) {
      const text = readFileSync(join(packed, "dist", entry), "utf8");
      assert.ok(!/\bawait\b|node:|import\.meta/.test(text), entry);
    }
  });

  test("a bundle that only verifies leaves the toolkit out, in every condition, and stays small", async (context) => {
    const worker = install("worker");
    const { build } = createRequire(`${worker}/`)("esbuild");
    const bundle = async (contents, conditions) => {
      const stdin = { contents, resolveDir: worker };
      const loader = { ".wasm": "copy" };
      const options = {
        stdin,
        conditions,
        loader,
        bundle: true,
        format: "esm",
        minify: true,
        write: false,
        outdir: "out",
      };
      // Next.js understands this suffix; to esbuild it is said here.
      const plugin = (made) =>
        made.onResolve({ filter: /\.wasm\?module$/ }, () => ({ path: "module", external: true }));
      const { outputFiles } = await build({ ...options, plugins: [{ name: "module", setup: plugin }] });
      return outputFiles;
    };
    const only = 'import { createVerifier } from "countersign"; export default createVerifier;';
    const all = 'export * from "countersign";';
    const bytes = (files) => files.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
    for (const conditions of [[], ["edge-light"], ["workerd", "worker", "browser"]]) {
      const verifying = await bundle(only, conditions);
      assert.ok(
        !verifying.some(({ text }) => text.includes("readEvent")),
        `${conditions}: the toolkit's glue is in it`,
      );
      assert.ok(
        !verifying.some(({ path }) => /(toolkit|events|explain)[^/]*$/.test(path)),
        `${conditions}: toolkit.wasm is in it`,
      );
      assert.ok((await bundle(all, conditions)).some(({ text }) => text.includes("readEvent")));
      context.diagnostic(`${conditions.join(" ") || "default"}: ${bytes(verifying)} bytes gzipped`);
    }
  });

  test("the init functions take over from the built-in modules", async () => {
    // A copy of its own: the modules of the first one are in use already.
    const script = `
      import { readFileSync } from "node:fs";
      import { createRequire } from "node:module";
      import { createVerifier, parse } from "countersign";
      import { normalize } from "countersign/events";
      import { explain } from "countersign/explain";
      import { initEvents, initExplain, initKernel, initToolkit } from "countersign/init";
      const require = createRequire(import.meta.url);
      const Module = WebAssembly.Module;
      const load = (file) => new Module(readFileSync(require.resolve(file)));
      const modules = ["kernel", "toolkit", "events", "explain"].map((name) => load(\`countersign/\${name}.wasm\`));
      WebAssembly.Module = class {
        static [Symbol.hasInstance] = (value) => value instanceof Module;
        constructor() { throw new Error("compiling is not allowed here"); }
      };
      let refused;
      try { createVerifier({ provider: "cleanmails", secrets: "s" }); } catch (error) { refused = error.code; }
      initKernel(modules[0]);
      initToolkit(modules[1]);
      const { ok } = createVerifier({ provider: "cleanmails", secrets: "s" }).verify({ headers: {}, body: "" });
      initEvents(modules[2]);
      initExplain(modules[3]);
      const { code } = normalize("resend", { body: "{" });
      const { trials } = explain({ scheme: "github", secrets: "s" }, { headers: [], body: "" });
      let late;
      try { initExplain(modules[3]); } catch (error) { late = error.code; }
      console.log(JSON.stringify([refused, ok, parse("cleanmails", "{").code, code, trials > 0, late]));
    `;
    assert.deepEqual(await evaluated(folder, script), [
      "wasm_unavailable",
      false,
      "json_invalid",
      "json_invalid",
      true,
      "already_initialised",
    ]);
  });
});

for (const [project, start] of Object.entries({ express: "server.mjs", worker: "start.mjs" })) {
  describe(`the ${project} sample`, { timeout: 120_000 }, () => {
    test("accepts what every provider signs, refuses what it did not, and keeps a list of both", async () => {
      await running(project, start, async (url) => {
        const seen = [];
        for (const provider of PROVIDERS) {
          const body = payload(provider);
          const id = `msg_${provider}`;
          const answer = await post(`${url}/hooks/${provider}`, body, { ...signed(provider, body), "webhook-id": id });
          assert.deepEqual([answer.status, answer.text], [200, ANSWERS[provider] ?? '{"received":true}'], provider);
          const forged = await post(`${url}/hooks/${provider}`, body, {
            ...signed(provider, body, "x"),
            "webhook-id": id,
          });
          assert.deepEqual([forged.status, forged.text], [401, '{"error":"Invalid signature"}'], provider);
          const changed = await post(`${url}/hooks/${provider}`, `${body} `, signed(provider, body));
          assert.equal(changed.status, 401);
          const { type, event } = JSON.parse(body);
          seen.push([id, provider, event ?? type, true, null, 1], [id, provider, null, false, "bad_signature", 2]);
          seen.push([null, provider, null, false, "bad_signature", 1]);
        }
        const { events } = await (await fetch(`${url}/received`)).json();
        const rows = events.map((row) => [row.messageId, row.provider, row.type, row.ok, row.code, row.attempt]);
        assert.deepEqual(rows, seen);
        assert.ok(events.every((row) => Math.abs(Date.now() - row.receivedAtMs) < 60_000));
        assert.equal((await fetch(`${url}/health`)).status, 200);
      });
    });

    test("answers strangers with a status and no detail, and never with 500", async () => {
      await running(project, start, async (url) => {
        const hook = `${url}/hooks/cleanmails`;
        const body = payload("cleanmails");
        const hostile = [
          {},
          { "x-webhook-signature": "sha256=" },
          { "x-webhook-signature": "é" },
          { "x-webhook-signature": hex(body) },
        ];
        for (const headers of hostile) assert.equal((await post(hook, body, headers)).status, 401);
        assert.equal((await post(hook, "{", signed("cleanmails", "{"))).status, 400);
        assert.equal((await post(hook, Buffer.alloc(2 * 1024 * 1024), {})).status, 413);
        for (const path of ["nobody", "__proto__", "constructor"]) {
          assert.equal((await post(`${url}/hooks/${path}`, body)).status, 404);
        }
        const bytes = Buffer.from([0xff, 0x00, 0xef, 0xbb, 0xbf]);
        assert.equal((await post(hook, bytes, signed("cleanmails", bytes))).status, 400);
      });
    });
  });
}

describe("the express sample", { timeout: 60_000 }, () => {
  test("flaky fails twice per message, down always", async () => {
    await running("express", "server.mjs", async (url) => {
      const body = payload("sendemall");
      const headers = (id) => ({ ...signed("sendemall", body), "webhook-id": id });
      const statuses = [];
      for (let i = 0; i < 4; i += 1)
        statuses.push((await post(`${url}/flaky/sendemall`, body, headers("msg_a"))).status);
      statuses.push((await post(`${url}/flaky/sendemall`, body, headers("msg_b"))).status);
      assert.deepEqual(statuses, [503, 503, 200, 200, 503]);
      assert.equal((await post(`${url}/down/sendemall`, body, headers("msg_c"))).status, 503);
      assert.equal((await post(`${url}/down/sendemall`, body, { "webhook-id": "msg_c" })).status, 401);
      const { events } = await (await fetch(`${url}/received`)).json();
      assert.deepEqual(events.map((row) => row.attempt), [1, 2, 3, 4, 1, 1, 2]); // biome-ignore format: one line
    });
  });
});

describe("the worker sample", { timeout: 60_000 }, () => {
  test("workerd is gone when whoever started it closes its standard input", async () => {
    const child = started("worker", "start.mjs");
    const { listening } = JSON.parse(await firstLine(child));
    child.stdin.end();
    await once(child, "close");
    await assert.rejects(fetch(`${listening}/health`));
  });
});

/** Starts a sample with secrets for every provider, and stops it after `use`. */
async function running(project, start, use) {
  const child = started(project, start);
  try {
    const { listening } = JSON.parse(await firstLine(child));
    await use(listening);
  } finally {
    const closed = once(child, "close");
    child.kill("SIGTERM");
    await closed;
  }
}

function started(project, start) {
  const secrets = Object.fromEntries(PROVIDERS.map((provider) => [`SECRET_${provider.toUpperCase()}`, SECRET]));
  const env = { ...process.env, ...secrets, PORT: "0" };
  return spawn(process.execPath, [start], { cwd: install(project), env, stdio: ["pipe", "pipe", "inherit"] });
}

async function firstLine(child) {
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error("the sample ended before it listened");
}

/** Runs a module in a process of its own and reads the JSON that it prints. */
async function evaluated(cwd, script) {
  const child = spawn(process.execPath, ["--input-type=module"], { cwd, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(script);
  return JSON.parse(await firstLine(child));
}
