// What a store promises. `pass(ms)` lets time go by, on its clock.

import assert from "node:assert/strict";
import { test } from "node:test";

const LEASE_MS = 120;
const LONG_MS = 60_000;
let made = 0;

/** Declares the tests of a store. */
export function contract(make, pass) {
  const fresh = () => {
    made += 1;
    return [make(), `["sendemall","id","evt_${made} ü \\" :*"]`];
  };

  test("one claims, others find it busy until it is released by its owner", async () => {
    const [store, key] = fresh();
    assert.equal(await store.claim(key, "a", LONG_MS), "claimed");
    assert.equal(await store.claim(key, "b", LONG_MS), "busy");
    assert.equal(await store.claim(key, "a", LONG_MS), "busy");
    await store.release(key, "b");
    assert.equal(await store.claim(key, "b", LONG_MS), "busy");
    await store.release(key, "a");
    assert.equal(await store.claim(key, "b", LONG_MS), "claimed");
    assert.equal(await store.claim(`${key}2`, "c", LONG_MS), "claimed");
  });

  test("what is confirmed is done, and no release undoes it", async () => {
    const [store, key] = fresh();
    await store.claim(key, "a", LONG_MS);
    await store.confirm(key, LONG_MS);
    await store.release(key, "a");
    assert.equal(await store.claim(key, "b", LONG_MS), "done");
  });

  test("a claim ends by itself, and its late owner takes nothing from the next", async () => {
    const [store, key] = fresh();
    assert.equal(await store.claim(key, "a", LEASE_MS), "claimed");
    await pass(LEASE_MS + 30);
    assert.equal(await store.claim(key, "b", LONG_MS), "claimed");
    await store.release(key, "a");
    assert.equal(await store.claim(key, "c", LONG_MS), "busy");
    await store.confirm(key, LONG_MS);
    await store.release(key, "b");
    assert.equal(await store.claim(key, "c", LONG_MS), "done");
  });

  test("what is done is forgotten after keepMs", async () => {
    const [store, key] = fresh();
    await store.claim(key, "a", LONG_MS);
    await store.confirm(key, LEASE_MS);
    assert.equal(await store.claim(key, "b", LONG_MS), "done");
    await pass(LEASE_MS + 30);
    assert.equal(await store.claim(key, "b", LONG_MS), "claimed");
  });

  test("of many at once exactly one claims", async () => {
    const [store, key] = fresh();
    const states = await Promise.all(Array.from({ length: 50 }, (_, at) => store.claim(key, `owner ${at}`, LONG_MS)));
    assert.equal(states.filter((state) => state === "claimed").length, 1);
    assert.equal(states.filter((state) => state === "busy").length, 49);
  });
}
