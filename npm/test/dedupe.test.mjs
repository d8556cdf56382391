// Repeats: claim, handle, confirm; release when the handler fails (R-E8).

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { keyOf, memoryStore } from "countersign/dedupe";
import { createReceiver } from "countersign/receiver";
import { sign } from "countersign/testing";
import { payload, SECRET, signed } from "./support.mjs";

const provider = "sendemall";
const body = payload(provider);
const request = (more = {}) => ({ method: "POST", headers: signed(provider, body), body, ...more });

function recording(options = {}) {
  const seen = { events: 0, errors: [], keys: [] };
  const own = memoryStore();
  const store = {
    claim: (key, ...rest) => {
      seen.keys.push(key);
      return own.claim(key, ...rest);
    },
    confirm: (...given) => own.confirm(...given),
    release: (...given) => own.release(...given),
  };
  const receiver = createReceiver({
    provider,
    secrets: SECRET,
    dedupe: { store },
    onEvent: () => {
      seen.events += 1;
    },
    onError: (error) => void seen.errors.push(error),
    ...options,
  });
  return { seen, receiver, ask: async (given) => (await receiver.receive(given ?? request())).status, store };
}

describe("a repeat", () => {
  // Holds: E35
  test("of a finished event gets the same answer and no second call", async () => {
    const { seen, receiver } = recording();
    const first = await receiver.receive(request());
    for (let i = 0; i < 3; i += 1) assert.deepEqual(await receiver.receive(request()), first);
    assert.deepEqual([first.status, seen.events, seen.errors], [200, 1, []]);
  });

  test("while the first is being handled gets 503 and Retry-After, and 200 once that is done", async () => {
    const { promise: gate, resolve: open } = resolvers();
    const { seen, receiver, ask } = recording({ onEvent: () => gate });
    const first = ask();
    const { status, body: text, headers } = await receiver.receive(request());
    assert.deepEqual([status, JSON.parse(text)], [503, { error: "This event is being handled" }]);
    assert.equal(new Map(headers).get("retry-after"), "10");
    open();
    assert.deepEqual([await first, await ask(), seen.errors.length], [200, 200, 0]);
  });

  // Holds: S39, R-E8
  test("after a failed handler is handled anew", async () => {
    let calls = 0;
    const { seen, ask } = recording({
      onEvent() {
        calls += 1;
        if (calls === 1) throw new Error("no database");
      },
    });
    assert.deepEqual([await ask(), await ask(), await ask()], [500, 200, 200]);
    assert.deepEqual([calls, seen.errors.length], [2, 1]);
  });

  // Holds: R-E8
  test("after a handler that never came back is handled when the claim has ended", async () => {
    let nowMs = 0;
    let calls = 0;
    const store = memoryStore({ now: () => nowMs });
    const { ask, receiver } = recording({
      dedupe: { store, leaseMs: 2500 },
      onEvent() {
        calls += 1;
        return calls === 1 ? new Promise(() => {}) : undefined;
      },
    });
    ask();
    await new Promise((resolve) => setImmediate(resolve));
    nowMs = 2499;
    const busy = await receiver.receive(request());
    assert.deepEqual([busy.status, new Map(busy.headers).get("retry-after")], [503, "3"]);
    nowMs = 2500;
    assert.equal(await ask(), 200);
    assert.equal(calls, 2);
  });

  test("of an event that was acknowledged before is stopped too, and a failure releases it", async () => {
    let calls = 0;
    const { seen, receiver } = recording({
      acknowledge: "before-handler",
      onEvent() {
        calls += 1;
        if (calls === 1) throw new Error("late");
      },
    });
    for (const [status, isRun] of [
      [200, true],
      [200, true],
      [200, false],
    ]) {
      const receipt = await receiver.receive(request());
      assert.deepEqual([receipt.status, receipt.afterwards !== null], [status, isRun]);
      if (isRun) assert.equal((await receiver.receive(request())).status, 503);
      await receipt.afterwards?.();
    }
    assert.deepEqual([calls, seen.errors.length], [2, 1]);
  });

  // Holds: R-S15, E36
  test("with a forged signature never gets to the store", async () => {
    const { seen, ask } = recording();
    assert.equal(await ask(request({ headers: signed(provider, body, "x") })), 401);
    assert.deepEqual(seen.keys, []);
  });
});

describe("a store that fails", () => {
  const failing = (call) => {
    const store = memoryStore();
    return { ...store, [call]: () => Promise.reject(new Error(`${call} failed`)) };
  };

  test("when claiming: 503, nothing is handled, onError is told", async () => {
    const { seen, ask } = recording({ dedupe: { store: failing("claim") } });
    assert.deepEqual([await ask(), seen.events, seen.errors[0].message], [503, 0, "claim failed"]);
  });

  test("when confirming or releasing: the answer is that of the handler", async () => {
    const confirming = recording({ dedupe: { store: failing("confirm") } });
    assert.deepEqual([await confirming.ask(), confirming.seen.errors[0].message], [200, "confirm failed"]);
    const onEvent = () => {
      throw new Error("no database");
    };
    const releasing = recording({ dedupe: { store: failing("release") }, onEvent });
    assert.equal(await releasing.ask(), 500);
    assert.deepEqual(
      releasing.seen.errors.map(({ message }) => message),
      ["no database", "release failed"],
    );
  });

  test("a failing key function is a failing store", async () => {
    const key = () => {
      throw new Error("no key");
    };
    const { seen, ask } = recording({ dedupe: { store: memoryStore(), key } });
    assert.deepEqual([await ask(), seen.events, seen.errors[0].message], [503, 0, "no key"]);
  });
});

test("a key function that returns none loses no event: 503 and onError", async () => {
  for (const key of [() => undefined, () => "", () => 7, async () => null]) {
    const { seen, ask } = recording({ dedupe: { store: memoryStore(), key } });
    assert.deepEqual([await ask(), seen.events, seen.errors[0].code], [503, 0, "option_invalid"]);
  }
});

describe("the key", () => {
  const keyFor = async (options, given) => {
    const { seen, ask } = recording({ ...options });
    assert.equal(await ask(given), 200);
    return JSON.parse(seen.keys[0]);
  };
  const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

  // Holds: E35
  test("is the event's own id, whatever headers say", async () => {
    const headers = { ...signed(provider, body), "webhook-id": "msg_1" };
    assert.deepEqual(await keyFor({}, request({ headers })), ["sendemall", "id", "evt_bounce_001"]);
  });

  // Holds: R-S3
  test("without one is webhook-id, of SmartLead X-Request-Id, else the hash of the body", async () => {
    for (const [name, more, key] of [
      ["cleanmails", { "webhook-id": "msg_1", "x-request-id": "r" }, ["cleanmails", "id", "msg_1"]],
      ["cleanmails", { "x-request-id": "r" }, ["cleanmails", "body", sha256(payload("cleanmails"))]],
      ["smartlead", { "X-Request-Id": "r_1" }, ["smartlead", "id", "r_1"]],
      ["smartlead", { "X-Request-Id": "r_1", "Webhook-Id": "msg_1" }, ["smartlead", "id", "msg_1"]],
      ["smartlead", { "X-Request-Id": "" }, ["smartlead", "body", sha256(payload("smartlead"))]],
    ]) {
      const own = payload(name);
      const given = { method: "POST", headers: { ...signed(name, own), ...more }, body: own };
      assert.deepEqual(await keyFor({ provider: name }, given), key);
    }
  });

  test("of other schemes is the id that they sign", async () => {
    const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
    const headers = sign({ scheme: "svix", secret, id: "msg_7", body: "{}" });
    const options = { provider: undefined, scheme: "svix", secrets: secret };
    assert.deepEqual(await keyFor(options, { method: "POST", headers, body: "{}" }), ["svix", "id", "msg_7"]);
  });

  test("stays short and plain for every id", async () => {
    const bodyWith = (id) => JSON.stringify({ event: "email.sent", id, timestamp: "2026-04-06T10:05:33Z", data: {} });
    for (const id of ["x".repeat(201), "\u0000", "é"]) {
      const own = Buffer.from(bodyWith(id));
      const parsed = JSON.parse(own).id;
      const key = await keyFor({}, { method: "POST", headers: signed(provider, own), body: own });
      assert.deepEqual(key, ["sendemall", "hashed id", sha256(parsed)]);
    }
  });

  test("can be one's own, and use the default", async () => {
    const seen = [];
    const key = async (event, context) => {
      seen.push(await keyOf(event, context));
      return `${event.type} ${context.messageId}`;
    };
    const claimed = [];
    const own = memoryStore();
    const store = { ...own, claim: (key, ...rest) => claimed.push(key) && own.claim(key, ...rest) };
    const { ask } = recording({ dedupe: { store, key } });
    assert.equal(await ask(request({ headers: { ...signed(provider, body), "webhook-id": "msg_1" } })), 200);
    assert.deepEqual([claimed, seen], [["email.bounced msg_1"], ['["sendemall","id","evt_bounce_001"]']]);
  });
});

test("mistakes in the settings throw when the receiver is made", () => {
  const make = (dedupe) => () => recording({ dedupe });
  const store = memoryStore();
  for (const [dedupe, message] of [
    [{ store: {} }, /memoryStore/],
    [{ store: new Map() }, /memoryStore/],
    [{ store, key: "id" }, /dedupe\.key/],
    [{ store, leaseMs: 0 }, /leaseMs/],
    [{ store, keepMs: 1.5 }, /keepMs/],
    [{ store, keepMs: "1d" }, /keepMs/],
  ]) {
    assert.throws(make(dedupe), { code: "option_invalid", message });
  }
});

function resolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
