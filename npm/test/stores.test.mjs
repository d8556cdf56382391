// What every store promises, held against the real thing: this process's memory, a real Redis with its three usual clients.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { memoryStore, redisStore } from "countersign/dedupe";
import { createReceiver } from "countersign/receiver";
import { Redis } from "ioredis";
import * as redis4 from "redis4";
import * as redis5 from "redis5";
import { PACKAGE } from "../scripts/paths.mjs";
import { REDIS_MISSING, startRedis } from "./redis.mjs";
import { contract } from "./store-contract.mjs";
import { payload, SECRET, signed } from "./support.mjs";

describe("memoryStore", () => {
  let nowMs = 1_000_000;
  const now = () => nowMs;
  const pass = async (ms) => {
    nowMs += ms;
  };
  contract(() => memoryStore({ now }), pass);

  test("forgets the one written longest ago beyond maxKeys, and what has ended first of all", async () => {
    const store = memoryStore({ maxKeys: 3, now });
    for (const key of ["a", "b", "c"]) await store.confirm(key, 1000);
    await store.confirm("a", 1000);
    await store.confirm("d", 1000);
    const states = [];
    for (const key of ["a", "c", "d", "b"]) states.push(await store.claim(key, "me", 10));
    assert.deepEqual(states, ["done", "done", "done", "claimed"]);
  });

  test("stays within its bound under a flood of ids", async () => {
    const store = memoryStore({ maxKeys: 1000 });
    for (let i = 0; i < 5_000; i += 1) await store.claim(`key ${i}`, "me", 1e9);
    assert.equal(await store.claim("key 4000", "you", 1e9), "busy", "the last thousand are there");
    assert.equal(await store.claim("key 3999", "you", 1e9), "claimed", "and no more");
  });

  test("maxKeys is a whole number", () => {
    for (const maxKeys of [0, -1, 1.5, "9", Number.NaN]) {
      assert.throws(() => memoryStore({ maxKeys }), { code: "option_invalid" });
    }
  });
});

describe("redisStore", { skip: REDIS_MISSING, timeout: 60_000 }, () => {
  let server;
  before(async () => {
    server = await startRedis();
  });
  after(() => server?.stop());

  /** Makes a client, and says how it is closed. */
  const CLIENTS = {
    "node-redis 4": async (port) => {
      const client = redis4.createClient({ socket: { host: "127.0.0.1", port } });
      await client.connect();
      return [client, () => client.disconnect()];
    },
    "node-redis 5": async (port) => {
      const client = redis5.createClient({ socket: { host: "127.0.0.1", port } });
      await client.connect();
      return [client, () => client.destroy()];
    },
    ioredis: async (port) => {
      const client = new Redis({ host: "127.0.0.1", port });
      await client.ping();
      return [client, () => client.disconnect()];
    },
    "a function": async (port) => {
      const client = new Redis({ host: "127.0.0.1", port });
      return [([command, ...args]) => client.callBuffer(command, ...args), () => client.disconnect()];
    },
  };

  for (const [name, connected] of Object.entries(CLIENTS)) {
    describe(`with ${name}`, () => {
      let client;
      let close;
      before(async () => {
        [client, close] = await connected(server.port);
      });
      after(() => close());
      contract(() => redisStore(client, { prefix: `${name}:` }), sleep);

      test("keys carry the prefix and end by themselves", async () => {
        const store = redisStore(client, { prefix: `${name} own:` });
        await store.claim("claimed", "me", 5_000);
        await store.confirm("done", 9_000);
        const probe = new Redis({ host: "127.0.0.1", port: server.port });
        try {
          assert.equal(await probe.get(`${name} own:claimed`), "claim:me");
          assert.equal(await probe.get(`${name} own:done`), "done");
          const [claimed, done] = [await probe.pttl(`${name} own:claimed`), await probe.pttl(`${name} own:done`)];
          assert.ok(claimed > 0 && claimed <= 5_000 && done > 5_000 && done <= 9_000, `${claimed} ${done}`);
        } finally {
          probe.disconnect();
        }
      });
    });
  }

  test("a process that dies between claim and confirm loses no event", async () => {
    const body = payload("sendemall");
    const given = { method: "POST", headers: signed("sendemall", body), body };
    const script = `
      import { redisStore } from "countersign/dedupe";
      import { createReceiver } from "countersign/receiver";
      import { Redis } from "ioredis";
      const store = redisStore(new Redis(${server.port}, "127.0.0.1"), { prefix: "crash:" });
      const given = ${JSON.stringify({ ...given, body: body.toString() })};
      createReceiver({
        provider: "sendemall",
        secrets: ${JSON.stringify(SECRET)},
        dedupe: { store, leaseMs: 1500 },
        onEvent: () => process.kill(process.pid, "SIGKILL"),
      }).receive(given);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { cwd: PACKAGE, stdio: "inherit" });
    const [, signal] = await once(child, "close");
    assert.equal(signal, "SIGKILL");
    const client = new Redis({ host: "127.0.0.1", port: server.port });
    try {
      let calls = 0;
      const receiver = createReceiver({
        provider: "sendemall",
        secrets: SECRET,
        dedupe: { store: redisStore(client, { prefix: "crash:" }), leaseMs: 1500 },
        onEvent: () => {
          calls += 1;
        },
      });
      const statuses = [];
      for (let tries = 0; tries < 100 && statuses.at(-1) !== 200; tries += 1) {
        statuses.push((await receiver.receive(given)).status);
        await sleep(50);
      }
      assert.equal(statuses[0], 503, "the claim of the dead process still holds");
      assert.equal(statuses.at(-1), 200);
      assert.equal((await receiver.receive(given)).status, 200);
      assert.equal(calls, 1);
    } finally {
      client.disconnect();
    }
  });

  test("a Redis that is gone is a failing store: 503", async () => {
    const gone = await startRedis();
    const client = new Redis({
      host: "127.0.0.1",
      port: gone.port,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    client.on("error", () => {});
    await client.ping();
    await gone.stop();
    const errors = [];
    const receiver = createReceiver({
      provider: "sendemall",
      secrets: SECRET,
      dedupe: { store: redisStore(client) },
      onEvent: () => assert.fail("handled without a claim"),
      onError: (error) => errors.push(error),
    });
    const body = payload("sendemall");
    const { status } = await receiver.receive({ method: "POST", headers: signed("sendemall", body), body });
    assert.deepEqual([status, errors.length], [503, 1]);
    client.disconnect();
  });
});

test("redisStore says which clients it takes", () => {
  for (const client of [null, undefined, {}, "redis://127.0.0.1"]) {
    assert.throws(() => redisStore(client), { code: "option_invalid", message: /ioredis or node-redis/ });
  }
});
