// Who signed: one provider, one scheme, several behind one address.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import { createReceiver } from "countersign/receiver";
import { sign } from "countersign/testing";
import { hex, PAYLOADS, payload, SECRET, signed } from "./support.mjs";

const PROVIDERS = Object.keys(PAYLOADS);
const SECRETS = Object.fromEntries(PROVIDERS.map((name) => [name, `secret of ${name}`]));
const senders = (...names) => Object.fromEntries(names.map((name) => [name, { secrets: SECRETS[name] ?? "c2VjcmV0" }]));

function recording(options) {
  const seen = { events: [], rejected: [], errors: [] };
  const receiver = createReceiver({
    onEvent: (event, context) => void seen.events.push({ event, context }),
    onReject: (refusal) => void seen.rejected.push(refusal.code),
    onError: (error) => void seen.errors.push(error),
    ...options,
  });
  const ask = async (headers, body) => {
    const { status, body: text } = await receiver.receive({ method: "POST", headers, body });
    return [status, text];
  };
  return { ask, seen, receiver };
}

describe("several providers behind one address", () => {
  // Holds: S45, E34
  test("each request goes to the one whose header is there, with its own answer", async () => {
    const { ask, seen } = recording({ providers: senders(...PROVIDERS, "github") });
    for (const provider of PROVIDERS) {
      const body = payload(provider);
      const accepted = provider === "smartlead" ? '{"status":"received"}' : '{"received":true}';
      assert.deepEqual(await ask(signed(provider, body, SECRETS[provider]), body), [200, accepted], provider);
      const { event } = seen.events.at(-1);
      assert.deepEqual([event.provider, event.payload], [provider, PAYLOADS[provider]]);
      assert.equal(event.known, true);
    }
    const body = '{"zen":"x"}';
    const own = { "X-Hub-Signature-256": `sha256=${hex(body, "c2VjcmV0")}` };
    assert.equal((await ask(own, body))[0], 200);
    assert.deepEqual(seen.events.at(-1).event, {
      provider: "github",
      type: null,
      known: false,
      id: null,
      timestamp: null,
      payload: { zen: "x" },
    });
  });

  test("a secret counts for its own provider only: none is tried on another's request", async () => {
    const { ask, seen } = recording({ providers: senders(...PROVIDERS) });
    for (const provider of PROVIDERS) {
      for (const other of PROVIDERS) {
        if (other === provider) continue;
        const body = payload(provider);
        assert.equal((await ask(signed(provider, body, SECRETS[other]), body))[0], 401, `${provider} with ${other}`);
      }
    }
    assert.deepEqual(seen.events, []);
    assert.ok(seen.rejected.every((code) => code === "bad_signature"));
  });

  // Holds: R-P4
  test("Cleanmails and the platform share a header and differ in its form", async () => {
    const { ask, seen } = recording({ providers: senders("platform", "cleanmails") });
    for (const provider of ["cleanmails", "platform"]) {
      const body = payload(provider);
      const [[name, value]] = Object.entries(signed(provider, body, SECRETS[provider]));
      assert.equal((await ask({ [name]: value }, body))[0], 200);
      const otherForm = value.startsWith("sha256=") ? value.slice(7) : `sha256=${value}`;
      assert.equal((await ask({ [name]: otherForm }, body))[0], 401);
    }
    assert.deepEqual(seen.rejected, ["bad_signature", "bad_signature"]);
  });

  test("no header of any of them: 401", async () => {
    const { ask, seen } = recording({ providers: senders("cleanmails", "sendemall") });
    for (const headers of [{}, { "x-smartlead-signature": hex("{}") }, { "webhook-id": "msg_1" }]) {
      assert.deepEqual(await ask(headers, "{}"), [401, '{"error":"Invalid signature"}']);
    }
    assert.deepEqual(seen.rejected, ["missing_header", "missing_header", "missing_header"]);
  });

  test("when a request fits several, the first counts", async () => {
    const body = payload("sendemall");
    const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
    const standard = Object.fromEntries(sign({ scheme: "standard-webhooks", secret, id: "msg_9", body }));
    const both = { ...standard, ...signed("sendemall", body, SECRETS.sendemall) };
    const providers = { "standard-webhooks": { secrets: secret }, ...senders("sendemall") };
    const first = recording({ providers });
    assert.equal((await first.ask(both, body))[0], 200);
    assert.equal(first.seen.events[0].event.provider, "standard-webhooks");
    // An id alone is no signature.
    const { "webhook-signature": _left, ...unsigned } = both;
    assert.equal((await first.ask(unsigned, body))[0], 200);
    assert.equal(first.seen.events[1].event.provider, "sendemall");
    const turned = recording({ providers: { ...senders("sendemall"), "standard-webhooks": { secrets: secret } } });
    assert.equal((await turned.ask(both, body))[0], 200);
    assert.equal(turned.seen.events[0].event.provider, "sendemall");
  });

  test("a provider may sign with another scheme and still be read", async () => {
    const body = payload("sendemall");
    const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
    const headers = sign({ scheme: "standard-webhooks", secret, id: "msg_9", body });
    const providers = { ...senders("cleanmails"), sendemall: { scheme: "standard-webhooks", secrets: secret } };
    const { ask, seen } = recording({ providers });
    assert.equal((await ask(headers, body))[0], 200);
    const [{ event, context }] = seen.events;
    assert.deepEqual([event.provider, event.type, context.messageId], ["sendemall", "email.bounced", "msg_9"]);
  });

  test("senders that no header tells apart are refused when the receiver is made", () => {
    const refused = (providers, message) =>
      assert.throws(() => recording({ providers }), { code: "option_invalid", message });
    const form = { secrets: "s", header: "X-Webhook-Signature" };
    refused(senders("svix", "resend"), /svix and resend both sign in the header svix-signature: give each an address/);
    refused(senders("github", "meta"), /x-hub-signature-256/);
    refused({ ...senders("cleanmails"), smartlead: form }, /x-webhook-signature/);
    refused({ cleanmails: { secrets: "a", scheme: "platform" }, platform: { secrets: "b" } }, /x-webhook-signature/);
    refused({ ...senders("cleanmails"), mailgun: { secrets: "s" } }, /address of its own/);
    refused({}, /providers/);
    refused(7, /providers/);
    assert.throws(() => recording({ providers: senders("cleanmails"), secrets: "s" }), { message: /inside/ });
    assert.throws(() => recording({ providers: { cleanmails: {} } }), { code: "secret_missing" });
    assert.throws(() => recording({ providers: { nobody: { secrets: "s" } } }), { code: "unknown_scheme" });
    assert.throws(() => recording({ providers: { cleanmails: null } }), { code: "secret_missing" });
  });
});

describe("one scheme, whose bodies are not read", () => {
  test("JSON is parsed, what is none is left as bytes", async () => {
    const { ask, seen } = recording({ scheme: "github", secrets: SECRET });
    const own = (body) => ({
      "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
    });
    for (const [body, payload] of [
      ['{"a":1}', { a: 1 }],
      ["[1]", [1]],
      ["null", null],
      ["a=1&b=2", undefined],
      ["", undefined],
      [Buffer.from([0x22, 0xff, 0x22]), undefined],
    ]) {
      assert.deepEqual(await ask(own(body), body), [200, '{"received":true}']);
      const { event, context } = seen.events.at(-1);
      assert.deepEqual([event.provider, event.known, event.payload], ["github", false, payload]);
      assert.deepEqual(Buffer.from(context.body), Buffer.from(body));
    }
    assert.equal((await ask(own("{}"), "{ }"))[0], 401);
  });

  test("the id of a message is the one that its scheme signs", async () => {
    const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
    const { ask, seen } = recording({ scheme: "svix", secrets: secret });
    const headers = Object.fromEntries(sign({ scheme: "svix", secret, id: "msg_signed", body: "{}" }));
    assert.ok("svix-id" in headers);
    assert.equal((await ask({ ...headers, "webhook-id": "msg_unsigned" }, "{}"))[0], 200);
    assert.equal(seen.events[0].context.messageId, "msg_signed");
  });
});

test("without a framework: methods, limits and parsed bodies", async () => {
  const { receiver } = recording({ provider: "sendemall", secrets: SECRET, maxBytes: 5 });
  const ask = (more) => receiver.receive({ method: "POST", headers: {}, body: "{}", ...more });
  assert.equal(receiver.maxBytes, 5);
  assert.equal((await ask({ method: "GET" })).status, 405);
  assert.equal((await ask({ body: "123456" })).status, 413);
  assert.equal((await ask({})).status, 401);
  const once = Object.entries(signed("sendemall", "")).values();
  assert.equal((await ask({ headers: once, body: "" })).status, 400, "headers that can be read once");
  await assert.rejects(ask({ body: {} }), { code: "body_already_parsed" });
  await assert.rejects(ask({ body: undefined }), { code: "body_missing" });
});
