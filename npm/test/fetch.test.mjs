import assert from "node:assert/strict";
import { test } from "node:test";
import { webhookHandler } from "countersign/fetch";
import { payload, SECRET, signed } from "./support.mjs";

const provider = "sendemall";
const body = payload(provider);
const headers = { "webhook-id": "msg_1", ...signed(provider, body) };
const URL_ = "https://receiver.example/hooks/sendemall";

function recording(options = {}) {
  const seen = { events: [], rejected: [], errors: [] };
  const handler = webhookHandler({
    provider,
    secrets: SECRET,
    onEvent: (event, context) => void seen.events.push({ event, context }),
    onReject: (refusal) => void seen.rejected.push(refusal.code),
    onError: (error) => void seen.errors.push(error),
    ...options,
  });
  return { seen, handler };
}

const request = (given = body, own = headers, init = {}) =>
  new Request(URL_, { method: "POST", body: given, headers: own, ...init });

function chunked(...chunks) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at === chunks.length) controller.close();
      else controller.enqueue(chunks[at++]);
    },
  });
}

const answerOf = async (response) => [response.status, await response.text()];

test("a signed request reaches the handler and gets the documented answer", async () => {
  const { seen, handler } = recording();
  const given = request();
  const response = await handler(given);
  assert.match(response.headers.get("content-type"), /^application\/json/);
  assert.deepEqual(await answerOf(response), [200, '{"received":true}']);
  const [{ event, context }] = seen.events;
  assert.equal(event.type, "email.bounced");
  assert.equal(context.messageId, "msg_1");
  assert.equal(context.request, given);
  assert.deepEqual(Buffer.from(context.body), body);
});

// Holds: S45
test("SmartLead gets its own documented answer", async () => {
  const lead = payload("smartlead");
  const { handler } = recording({ provider: "smartlead" });
  const response = await handler(request(lead, signed("smartlead", lead)));
  assert.deepEqual(await answerOf(response), [200, '{"status":"received"}']);
});

test("a forged or unsigned request gets 401", async () => {
  const { seen, handler } = recording();
  for (const bad of [signed(provider, body, "another"), {}]) {
    assert.deepEqual(await answerOf(await handler(request(body, bad))), [401, '{"error":"Invalid signature"}']);
  }
  assert.deepEqual(seen.rejected, ["bad_signature", "missing_header"]);
});

test("a body in many chunks is put together byte for byte", async () => {
  const { seen, handler } = recording();
  const chunks = [...body].map((byte) => Uint8Array.of(byte));
  assert.equal((await handler(request(chunked(...chunks), headers, { duplex: "half" }))).status, 200);
  assert.deepEqual(Buffer.from(seen.events[0].context.body), body);
});

test("the limit holds while the body is read, and reading stops there", async () => {
  const { seen, handler } = recording({ maxBytes: 1000 });
  let pulled = 0;
  let isCancelled = false;
  const endless = new ReadableStream({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(100));
    },
    cancel() {
      isCancelled = true;
    },
  });
  const response = await handler(request(endless, {}, { duplex: "half" }));
  assert.equal(response.status, 413);
  assert.equal(isCancelled, true);
  assert.ok(pulled < 20, `${pulled} chunks were read`);
  assert.equal((await handler(request("x", { "content-length": "5000" }))).status, 413);
  assert.deepEqual(seen.rejected, ["body_too_large", "body_too_large"]);
});

test("an empty body and a body that breaks off are answered", async () => {
  const { handler } = recording();
  assert.equal((await handler(request(null, signed(provider, "")))).status, 400);
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
  assert.equal((await handler(request(broken, headers, { duplex: "half" }))).status, 400);
});

test("a body that was read before is the developer's mistake", async () => {
  const { handler } = recording();
  const used = request();
  await used.text();
  await assert.rejects(handler(used), { name: "CountersignError", code: "body_already_read" });
  const locked = request();
  locked.body.getReader();
  await assert.rejects(handler(locked), { code: "body_already_read" });
});

test("other methods get 405 with Allow", async () => {
  const { handler } = recording();
  for (const method of ["GET", "HEAD", "PUT", "OPTIONS"]) {
    const response = await handler(new Request(URL_, { method }));
    assert.deepEqual([response.status, response.headers.get("allow")], [405, "POST"]);
  }
});

test("a failing handler gives 500 and onError is told", async () => {
  const { seen, handler } = recording({
    onEvent() {
      throw new Error("no database");
    },
  });
  assert.equal((await handler(request())).status, 500);
  assert.equal(seen.errors[0].message, "no database");
});

test("a failing onReject or onError does not change the answer", async (context) => {
  context.mock.method(console, "error", () => {});
  const fails = () => {
    throw new Error("log is full");
  };
  const { handler } = recording({ onReject: fails, onError: fails });
  assert.equal((await handler(request(body, {}))).status, 401);
  assert.equal(console.error.mock.callCount(), 1);
});

test("acknowledge before-handler answers first and keeps the Worker alive until the handler is done", async () => {
  const { promise: gate, resolve: open } = withResolvers();
  const { seen, handler } = recording({ acknowledge: "before-handler", onEvent: () => gate });
  const waited = [];
  const response = await handler(request(), { waitUntil: (work) => waited.push(work) });
  assert.equal(response.status, 200);
  assert.equal(waited.length, 1);
  open();
  await waited[0];
  assert.deepEqual(seen.errors, []);
});

// Holds: R-X1
test("another scheme can carry a provider's events", async () => {
  const { sign } = await import("countersign/testing");
  const secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
  const pairs = sign({ scheme: "standard-webhooks", secret, id: "msg_2", body });
  const { seen, handler } = recording({ scheme: "standard-webhooks", secrets: secret });
  assert.equal((await handler(request(body, pairs))).status, 200);
  assert.deepEqual(seen.events[0].context.verdict.covers, ["body", "id", "timestamp"]);
});

function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
