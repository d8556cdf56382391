import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "countersign";
import { PAYLOADS, payload } from "./support.mjs";

test("the payload of every provider is read, and kept whole", () => {
  const expected = {
    cleanmails: ["email.replied", null, "2026-05-12T14:30:00Z"],
    smartlead: ["EMAIL_REPLIED", null, "2024-11-25T11:00:00Z"],
    sendemall: ["email.bounced", "evt_bounce_001", "2026-04-06T10:05:33Z"],
    platform: ["email.bounce", null, "2026-03-03T08:15:00Z"],
  };
  for (const [provider, [type, id, timestamp]] of Object.entries(expected)) {
    const event = { provider, type, known: true, id, timestamp, payload: PAYLOADS[provider] };
    assert.deepEqual(parse(provider, payload(provider)), { ok: true, event });
    assert.deepEqual(parse(provider, payload(provider).toString()), { ok: true, event });
  }
});

// Holds: S40, R-X7
test("an unknown type and unknown fields are no error", () => {
  const body = { ...PAYLOADS.cleanmails, event: "lead.zzz", extra: { a: [1, "ü"] } };
  const { ok, event } = parse("cleanmails", JSON.stringify(body));
  assert.equal(ok, true);
  assert.equal(event.known, false);
  assert.equal(event.type, "lead.zzz");
  assert.deepEqual(event.payload, body);
});

test("what is no event of the provider is a result, never an exception", () => {
  const texts = ["", "{", "null", "7", '"text"', "[]", "{}", '{"event":7}', '{"event":null}', "[".repeat(100_000)];
  for (const provider of Object.keys(PAYLOADS)) {
    for (const text of texts) {
      const result = parse(provider, text);
      assert.equal(result.ok, false, `${provider}: ${text.slice(0, 20)}`);
      assert.ok(["json_invalid", "missing_field", "wrong_type"].includes(result.code), result.code);
      assert.equal(typeof result.path, "string");
      assert.ok(result.message.length > 0);
    }
    assert.equal(parse(provider, Buffer.from([0xff, 0xfe])).code, "json_invalid");
  }
});

// Holds: S35
test("a missing field is named by its path", () => {
  const { event: _, ...rest } = PAYLOADS.sendemall;
  const result = parse("sendemall", JSON.stringify(rest));
  assert.equal(result.code, "missing_field");
  assert.equal(result.path, "event");
});

test("an unknown provider is a result too, since its name may come from a URL", () => {
  for (const provider of ["nobody", "", "__proto__", "constructor"]) {
    assert.equal(parse(provider, "{}").code, "unknown_provider");
  }
});

test("hostile names in the payload stay data", () => {
  const text =
    '{"event":"email.sent","timestamp":"2026-05-12T14:30:00Z","workspace_id":1,"data":{"__proto__":{"polluted":1}}}';
  const { ok } = parse("cleanmails", text);
  assert.equal(ok, true);
  assert.equal({}.polluted, undefined);
});
