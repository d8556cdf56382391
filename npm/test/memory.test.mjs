import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createVerifier } from "countersign";
import { sign } from "countersign/testing";
import { hex, SECRET } from "./support.mjs";

const NAME = "x-webhook-signature";
const RealInstance = WebAssembly.Instance;
let memory;
/** Set to make the next call of the kernel's `verify` trap. */
let trapNext = false;
/** Verifiers that live in the kernel. */
let alive = 0;

// Looks over the kernel's shoulder: keeps its memory, and can make a call trap, which the real one never does.
WebAssembly.Instance = function Instance(module) {
  const { exports } = new RealInstance(module);
  memory = exports.memory;
  return {
    exports: {
      ...exports,
      verifier_new(bytes) {
        alive += 1;
        return exports.verifier_new(bytes);
      },
      verifier_free(handle) {
        alive -= 1;
        exports.verifier_free(handle);
      },
      verify(...args) {
        if (!trapNext) return exports.verify(...args);
        trapNext = false;
        throw new WebAssembly.RuntimeError("unreachable");
      },
    },
  };
};

const accepts = (verifier, body) => verifier.verify({ headers: { [NAME]: `sha256=${hex(body)}` }, body }).ok;

test("memory grows under a 5 MiB body and everything still fits", () => {
  // Native hashing would leave such a body outside.
  const verifier = createVerifier({ provider: "cleanmails", secrets: SECRET, hashing: "wasm" });
  assert.equal(accepts(verifier, "small"), true);
  const before = memory.buffer.byteLength;
  const large = Buffer.alloc(5 * 1024 * 1024, "x");
  assert.equal(accepts(verifier, large), true);
  assert.ok(memory.buffer.byteLength > before);
  assert.equal(accepts(verifier, "small"), true);
  assert.equal(accepts(verifier, large.toString("latin1")), true);
  const grown = memory.buffer.byteLength;
  for (let i = 0; i < 20; i += 1) {
    assert.equal(accepts(verifier, large), true);
    assert.equal(accepts(verifier, "small"), true);
  }
  assert.equal(memory.buffer.byteLength, grown);
});

test("a header that needs more room than the body left keeps the headers before it", () => {
  for (const hashing of ["wasm", "native"]) {
    const options = { scheme: "standard-webhooks", secrets: "c2VjcmV0", now: () => 1, hashing };
    const verifier = createVerifier(options);
    for (const size of [10, 5_000, 17_000, 300_000]) {
      const long = "x".repeat(size);
      const headers = { "webhook-id": long, "webhook-timestamp": "1", "webhook-signature": `v1,${long}` };
      assert.ok(["malformed_header", "bad_signature"].includes(verifier.verify({ headers, body: long }).code));
      const signed = sign({ ...options, secret: "c2VjcmV0", id: long, timestamp: 1, body: long });
      assert.equal(verifier.verify({ headers: signed, body: long }).ok, true);
    }
  }
});

test("10,000 verifiers made and freed do not grow memory", () => {
  const make = () => createVerifier({ provider: "sendemall", secrets: [SECRET, "second"] });
  for (let i = 0; i < 100; i += 1) make().free();
  const before = memory.buffer.byteLength;
  for (let i = 0; i < 10_000; i += 1) make().free();
  assert.equal(memory.buffer.byteLength, before);
});

test("verifiers that nobody holds any more are freed by the garbage collector", { timeout: 20_000 }, async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const before = alive;
  for (let i = 0; i < 1_000; i += 1) createVerifier({ provider: "sendemall", secrets: SECRET });
  assert.equal(alive, before + 1_000);
  while (alive > before + 10) {
    collect();
    await turn();
  }
});

test("100,000 requests do not grow memory", () => {
  const verifier = createVerifier({ provider: "cleanmails", secrets: SECRET });
  const body = Buffer.alloc(500, "x");
  const request = { headers: { [NAME]: `sha256=${hex(body)}` }, body };
  const before = memory.buffer.byteLength;
  for (let i = 0; i < 100_000; i += 1) assert.equal(verifier.verify(request).ok, true);
  assert.equal(memory.buffer.byteLength, before);
});

test("after a trap the core is started anew and verifiers made before still work", () => {
  const first = createVerifier({ provider: "cleanmails", secrets: SECRET });
  const freed = createVerifier({ provider: "cleanmails", secrets: SECRET });
  trapNext = true;
  assert.throws(() => accepts(first, "body"), { name: "CountersignError", code: "internal" });
  assert.equal(accepts(first, "body"), true);
  assert.equal(first.verify({ headers: { [NAME]: `sha256=${hex("other")}` }, body: "body" }).code, "bad_signature");
  const later = createVerifier({ provider: "cleanmails", secrets: SECRET });
  freed.free();
  assert.equal(accepts(later, "body"), true);
  assert.equal(accepts(first, "body"), true);
});
