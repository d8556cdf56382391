// The stores of Cloudflare Workers, in the real runtime.

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { install } from "../packaging-tests/install.mjs";
import { contract } from "./store-contract.mjs";
import { payload, SECRET, signed } from "./support.mjs";

describe("in workerd", { timeout: 120_000 }, () => {
  let running;
  before(async () => {
    const folder = install("worker");
    const source = fileURLToPath(new URL("stores", import.meta.url));
    cpSync(source, join(folder, "stores"), { recursive: true });
    const { serve } = await import(pathToFileURL(`${folder}/workerd.mjs`));
    process.env.SECRET = SECRET;
    running = await serve({
      entry: join(folder, "stores", "worker.mjs"),
      bindings: ["SECRET"],
      objects: { Dedupe: "Dedupe" },
      kv: join(folder, "stores", "kv-service.mjs"),
    });
  });
  after(async () => {
    running?.stop();
    await running?.ended;
  });

  const call = async (name, method, ...args) => {
    const response = await fetch(`${running.url}/${name}/${method}`, { method: "POST", body: JSON.stringify(args) });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()).result;
  };
  const store = (name) => ({
    claim: (...args) => call(name, "claim", ...args),
    confirm: (...args) => call(name, "confirm", ...args),
    release: (...args) => call(name, "release", ...args),
  });

  describe("durableObjectStore, through durableObjectClient", () => {
    contract(() => store("contract"), sleep);

    test("sweep deletes what has ended, page by page, and nothing else", async () => {
      const own = store("swept");
      await Promise.all(Array.from({ length: 300 }, (_, at) => own.confirm(`short ${at}`, 1)));
      for (const at of [0, 1, 2]) await own.confirm(`long ${at}`, 60_000);
      await sleep(20);
      assert.equal(await call("swept", "count"), 303);
      assert.equal(await call("swept", "sweep"), 300);
      assert.equal(await call("swept", "count"), 3);
      assert.equal(await call("swept", "sweep"), 0);
    });

    test("a receiver that is kept over requests handles a repeat once", async () => {
      const body = payload("sendemall");
      const answers = [];
      for (let i = 0; i < 3; i += 1) {
        const response = await fetch(`${running.url}/x/hook`, {
          method: "POST",
          body,
          headers: signed("sendemall", body),
        });
        answers.push([response.status, await response.text()]);
      }
      assert.deepEqual(answers, [[200, "1"], [200, "1"], [200, "1"]]); // biome-ignore format: one line
    });
  });

  describe("kvStore", () => {
    test("remembers what is done and holds no claims, as it says", async () => {
      const own = store("kv");
      const key = '["cleanmails","id","msg ü/\\" 1"]';
      assert.equal(await own.claim(key, "a", 1), "claimed");
      assert.equal(await own.claim(key, "b", 1), "claimed");
      await own.release(key, "a");
      await own.confirm(key, 1);
      assert.equal(await own.claim(key, "c", 1), "done");
      await own.release(key, "c");
      assert.equal(await own.claim(key, "d", 1), "done");
    });
  });
});
