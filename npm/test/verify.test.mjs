import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { createVerifier } from "countersign";
import { sign } from "countersign/testing";
import { hex, payload, SECRET, signed } from "./support.mjs";

const NAME = "x-webhook-signature";
const body = payload("cleanmails");
const value = `sha256=${hex(body)}`;
const verifier = createVerifier({ provider: "cleanmails", secrets: SECRET });
const verdict = (headers, given = body) => verifier.verify({ headers, body: given });
const codeOf = (headers, given = body) => verdict(headers, given).code ?? "valid";
const accepts = (headers, given = body) => assert.equal(codeOf(headers, given), "valid");

test("a signed request is accepted, and the verdict says what was proved", () => {
  assert.deepEqual(verdict({ [NAME]: value }), { ok: true, secretIndex: 0, timestamp: null, covers: ["body"] });
});

test("a verifier tells which headers it reads and what its provider documents as answers", () => {
  assert.deepEqual(verifier.headers, [NAME]);
  const sendemall = createVerifier({ provider: "sendemall", secrets: SECRET });
  assert.deepEqual(sendemall.answers, { accepted: '{"received":true}', refused: '{"error":"Invalid signature"}' });
});

test("headers are taken in every usual form and in any case", () => {
  accepts({ "X-Webhook-Signature": value });
  accepts({ "X-WEBHOOK-signature": [value, "sha256=00"] });
  accepts(new Headers({ "X-Webhook-Signature": value }));
  accepts(new Map([["X-Webhook-Signature", value]]));
  accepts(new Map([[NAME, [value]]]));
  accepts([
    ["Host", "example.com"],
    ["X-Webhook-Signature", value],
  ]);
  accepts(Object.entries({ host: "a", [NAME]: value }).values());
  accepts(Object.assign(Object.create(null), { [NAME]: value }));
  accepts({ get: (name) => (name === NAME ? value : null) });
  accepts({ get: "a header named get", [NAME]: value });
  accepts({ next: "a header named next", [NAME]: value });
});

test("the first value of a repeated header counts", () => {
  const wrong = `sha256=${hex("other")}`;
  accepts([
    [NAME, value],
    [NAME, wrong],
  ]);
  assert.equal(codeOf([["X-Webhook-Signature", wrong], [NAME, value]]), "bad_signature"); // biome-ignore format: one line
});

test("several headers are found in what can be iterated only once", () => {
  const now = () => 1_700_000_000;
  const standard = createVerifier({ scheme: "standard-webhooks", secrets: "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=", now });
  const pairs = sign({
    scheme: "standard-webhooks",
    secret: "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=",
    id: "msg_1",
    timestamp: 1_700_000_000,
    body,
  });
  assert.deepEqual(standard.verify({ headers: pairs.reverse().values(), body }), {
    ok: true,
    secretIndex: 0,
    timestamp: 1_700_000_000,
    covers: ["body", "id", "timestamp"],
  });
  assert.deepEqual(standard.headers.toSorted(), ["webhook-id", "webhook-signature", "webhook-timestamp"]);
});

test("an inherited property is no header", () => {
  const inherited = Object.create({ [NAME]: value });
  assert.equal(codeOf(inherited), "missing_header");
});

// Holds: R-E7
test("a missing, empty or unusable header is a missing header", () => {
  for (const headers of [{}, [], new Headers(), new Map(), { [NAME]: "" }, { [NAME]: " \t" }]) {
    assert.equal(codeOf(headers), "missing_header");
  }
  for (const strange of [undefined, null, 7, {}, [], [7]]) {
    assert.equal(codeOf({ [NAME]: strange }), "missing_header");
  }
});

// Holds: R-E7
test("a malformed signature is refused and nothing throws", () => {
  const malformed = [
    "sha256=",
    "sha256=00",
    `${value}00`,
    `sha256=${value}`,
    hex(body),
    value.toUpperCase(),
    `sha256=${"é".repeat(64)}`,
    `sha256=${"€".repeat(64)}`,
    `sha256=${"\u{1F600}".repeat(32)}`,
    `sha256=${"0 ".repeat(32)}`,
    "\ud800",
    "x".repeat(100_000),
    `${value}, ${value}`,
  ];
  for (const text of malformed) {
    assert.ok(
      ["malformed_header", "bad_signature"].includes(codeOf({ [NAME]: text })),
      JSON.stringify(text.slice(0, 80)),
    );
  }
  assert.equal(codeOf({ [NAME]: `sha256=${hex("other")}` }), "bad_signature");
});

test("blanks around a value are dropped", () => {
  accepts({ [NAME]: ` \t${value} ` });
});

test("bodies are taken in every form of bytes", () => {
  const headers = { [NAME]: value };
  const copy = new Uint8Array(body);
  const padded = new Uint8Array(copy.length + 10);
  padded.set(copy, 5);
  accepts(headers, copy);
  accepts(headers, copy.buffer);
  accepts(headers, new DataView(copy.buffer));
  accepts(headers, padded.subarray(5, 5 + copy.length));
  accepts(headers, new DataView(padded.buffer, 5, copy.length));
  accepts(headers, body.toString("utf8"));
  accepts(headers, runInNewContext("Uint8Array.from(bytes)", { bytes: [...copy] }));
  accepts(headers, runInNewContext("Uint8Array.from(bytes).buffer", { bytes: [...copy] }));
  const shared = new SharedArrayBuffer(copy.length);
  new Uint8Array(shared).set(copy);
  accepts(headers, shared);
  accepts(headers, new Uint8Array(shared));
});

// Holds: C27, R-S16
test("the raw bytes count, whatever they are", () => {
  const bodies = [
    Buffer.alloc(0),
    Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]),
    Buffer.from([0xff, 0xfe, 0x00, 0x80]),
    Buffer.from("$& $1 $$ %s"),
    Buffer.from("a\0b"),
    Buffer.from("{}\r\n"),
  ];
  for (const given of bodies) accepts(signed("cleanmails", given), given);
  for (const text of ["", "\u{FEFF}{}", "grün €\u{1F600}", "$& $`"]) accepts(signed("cleanmails", text), text);
});

test("bytes that decode to the same text are not the same body", () => {
  const replaced = Buffer.from("\u{FFFD}");
  assert.equal(codeOf(signed("cleanmails", replaced), Buffer.from([0xff])), "bad_signature");
});

test("any changed byte is noticed", () => {
  for (let at = 0; at < body.length; at += 1) {
    const changed = Buffer.from(body);
    changed[at] ^= 1;
    assert.equal(codeOf({ [NAME]: value }, changed), "bad_signature");
  }
});

// Holds: R-X3
test("several secrets: the one that matched is named", () => {
  const rotating = createVerifier({ provider: "cleanmails", secrets: ["new", SECRET] });
  assert.equal(rotating.verify({ headers: { [NAME]: value }, body }).secretIndex, 1);
});

test("every provider's own scheme works, and none takes another's", () => {
  const providers = ["cleanmails", "smartlead", "sendemall", "platform"];
  for (const provider of providers) {
    const own = createVerifier({ provider, secrets: SECRET });
    for (const sender of providers) {
      const isOwn = sender === provider;
      assert.equal(own.verify({ headers: signed(sender, body), body }).ok, isOwn, `${provider} judges ${sender}`);
    }
  }
});

// Holds: R-S1
test("SmartLead's header can be named, and the body size does not matter", () => {
  const named = createVerifier({ provider: "smartlead", secrets: SECRET, header: "X-My-Signature" });
  assert.deepEqual(named.headers, ["x-my-signature"]);
  for (const size of [0, 1, 63, 64, 65, 16_383, 16_384, 70_000, 1_100_000]) {
    const large = Buffer.alloc(size, "x");
    assert.equal(named.verify({ headers: { "x-my-signature": hex(large) }, body: large }).ok, true, `${size} bytes`);
    assert.equal(named.verify({ headers: { "x-my-signature": hex(large) }, body: "x".repeat(size) }).ok, true);
  }
});

test("timestamps outside the tolerance are refused, unless it is switched off", () => {
  const secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
  const headers = sign({ scheme: "standard-webhooks", secret, id: "msg_1", timestamp: 1_000_000, body });
  const at = (now, tolerance) =>
    createVerifier({ scheme: "standard-webhooks", secrets: secret, tolerance, now: () => now }).verify({
      headers,
      body,
    });
  assert.equal(at(1_000_300).ok, true);
  assert.equal(at(1_000_301).code, "timestamp_too_old");
  assert.equal(at(999_699).code, "timestamp_too_new");
  assert.equal(at(1_000_031, 30).code, "timestamp_too_old");
  assert.equal(at(9_000_000, null).timestamp, 1_000_000);
});

test("a refusal has a sentence, without secret or signature", () => {
  const { code, message } = verdict({ [NAME]: `sha256=${hex("other")}` });
  assert.equal(code, "bad_signature");
  assert.ok(message.length > 20);
  assert.ok(!message.includes(SECRET) && !message.includes(hex(body)));
});

test("verifyOrThrow throws the refusal with its code", () => {
  assert.equal(verifier.verifyOrThrow({ headers: { [NAME]: value }, body }).ok, true);
  assert.throws(() => verifier.verifyOrThrow({ headers: {}, body }), {
    name: "CountersignError",
    code: "missing_header",
  });
});

test("a body over 64 MiB is refused with a code, in bytes and as text", () => {
  const huge = new Uint8Array(64 * 1024 * 1024 + 1);
  assert.equal(codeOf({ [NAME]: value }, huge), "body_too_large");
  assert.equal(codeOf({ [NAME]: "x".repeat(30 * 1024 * 1024) }), "body_too_large");
  accepts({ [NAME]: value });
});
