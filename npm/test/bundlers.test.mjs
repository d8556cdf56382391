// The packed package in the usual bundlers; what they make is run.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { install } from "../packaging-tests/install.mjs";
import { payload, post, SECRET, signed } from "./support.mjs";

const WAYS = ["slim", "verify", "receive"];
/** Most that a Worker may weigh with everything it loads, each file compressed by itself (gzip -9), by its entry. */
const WORKER_BYTES_MAX = { slim: 25 * 1024, verify: 160 * 1024, receive: 160 * 1024 };

const folder = install("bundlers");
const { bundled, BUNDLE, BUNDLERS, filesOf } = await import(pathToFileURL(join(folder, "build.mjs")));
const { serve } = await import(pathToFileURL(join(install("worker"), "workerd.mjs")));

/** Builds an entry and returns the folder; a warning fails the test. */
async function made(bundler, entry, target) {
  const out = join(folder, "out", bundler, target, entry);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  assert.deepEqual(await bundled(bundler, join(folder, "entries", `${entry}.mjs`), target, out), []);
  return out;
}

/** Sends what is right, what is signed with another secret, and what was changed on the way. */
async function judged(send) {
  const body = payload("sendemall");
  for (const way of WAYS) {
    const statuses = [
      await send(way, body, signed("sendemall", body)),
      await send(way, body, signed("sendemall", body, "x")),
      await send(way, Buffer.concat([body, Buffer.from(" ")]), signed("sendemall", body)),
      await send(way, body, {}),
    ];
    assert.deepEqual(statuses, [200, 401, 401, 401], way);
  }
}

/** Runs a bundle in workerd. */
async function inWorkerd(out, use) {
  process.env.SECRET = SECRET;
  const bundle = (_entry, to) => {
    const files = filesOf(out).map(({ file }) => file);
    for (const file of files) cpSync(join(out, file), join(to, file === BUNDLE ? "bundle.js" : basename(file)));
    return files.filter((file) => file.endsWith(".wasm"));
  };
  const running = await serve({ bundle, bindings: ["SECRET"] });
  try {
    return await use(running.url);
  } finally {
    running.stop();
    await running.ended;
  }
}

for (const [bundler, { targets }] of Object.entries(BUNDLERS)) {
  describe(bundler, { timeout: 120_000 }, () => {
    for (const target of targets) {
      test(`builds for ${target} without a warning, and what it builds verifies`, async () => {
        const out = await made(bundler, "all", target);
        if (target === "worker") {
          await inWorkerd(out, (url) =>
            judged(async (way, ...request) => (await post(`${url}/${way}`, ...request)).status),
          );
          return;
        }
        const { default: app } = await import(pathToFileURL(join(out, BUNDLE)));
        await judged(async (way, body, headers) => {
          const request = new Request(`http://localhost/${way}`, { method: "POST", body, headers });
          const context = { waitUntil() {} };
          return (await app.fetch(request, { SECRET }, context)).status;
        });
      });
    }

    test("leaves out what is not used", async (context) => {
      const rows = [];
      for (const target of targets) {
        for (const entry of WAYS) {
          const files = filesOf(await made(bundler, entry, target));
          const bytes = files.reduce((sum, file) => sum + gzipSync(file.bytes, { level: 9 }).length, 0);
          rows.push([entry, target, bytes]);
          context.diagnostic(`${bundler} ${target} ${entry}: ${bytes} bytes with gzip`);
        }
        const [slim, verify, receive] = rows.slice(-WAYS.length).map(([, , bytes]) => bytes);
        assert.ok(slim * 3 < verify && verify < receive, `${slim} ${verify} ${receive}`);
      }
      if (bundler !== "esbuild") return;
      for (const [entry, target, bytes] of rows) {
        if (target === "worker") assert.ok(bytes <= WORKER_BYTES_MAX[entry], `${entry}: ${bytes}`);
      }
    });
  });
}
