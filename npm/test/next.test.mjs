// Route handlers of Next.js, as `next build` and `next start` make and run them, in both of its runtimes.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { before, describe, test } from "node:test";
import { install } from "../packaging-tests/install.mjs";
import { payload, post, SECRET, signed } from "./support.mjs";

const BUILD_MS_MAX = 240_000;

describe("Next.js", { timeout: BUILD_MS_MAX + 60_000 }, () => {
  let folder;
  let next;
  before(() => {
    folder = install("next");
    next = createRequire(`${folder}/`).resolve("next/dist/bin/next");
    rmSync(join(folder, ".next"), { recursive: true, force: true });
  });

  /** Without telemetry, and without the variables by which a test runner speaks to its children. */
  const started = (args, env = {}) => {
    const { NODE_TEST_CONTEXT: _, ...own } = process.env;
    return spawn(process.execPath, [next, ...args], {
      cwd: folder,
      env: { ...own, NEXT_TELEMETRY_DISABLED: "1", CI: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
  };

  test("builds without a warning", async (context) => {
    const begun = Date.now();
    const child = started(["build"]);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
    const timer = setTimeout(() => child.kill(), BUILD_MS_MAX);
    const [code] = await once(child, "close");
    clearTimeout(timer);
    context.diagnostic(`next build: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    assert.equal(code, 0, text);
    assert.doesNotMatch(text, /countersign|wasm|failed|error/i);
  });

  test("its route handlers verify in the Node and in the edge runtime", async () => {
    const child = started(["start", "--hostname", "127.0.0.1", "--port", "0"], { SENDEMALL_SECRET: SECRET });
    try {
      const url = await listening(child);
      const body = payload("sendemall");
      for (const runtime of ["node", "edge", "slim"]) {
        const hook = `${url}/hooks/${runtime}`;
        assert.equal((await post(hook, body, signed("sendemall", body))).status, 200, runtime);
        assert.equal((await post(hook, body, signed("sendemall", body, "x"))).status, 401, runtime);
        assert.equal((await post(hook, `${body} `, signed("sendemall", body))).status, 401, runtime);
      }
    } finally {
      child.kill();
      await once(child, "close");
    }
  });
});

/** The address that a server prints once it listens. */
async function listening(child) {
  child.stderr.resume();
  let printed = "";
  for await (const line of createInterface({ input: child.stdout })) {
    printed += `${line}\n`;
    const [url] = /http:\/\/[\w.]+:\d+/.exec(line) ?? [];
    if (/Local:/.test(line) && url !== undefined) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error(`next start ended before it listened:\n${printed}`);
}
