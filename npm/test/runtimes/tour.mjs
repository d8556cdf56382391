// A trip through the whole package, for every runtime: each entry is used once, and what is awkward about requests is tried.
// Pure, like the vectors' suite. Signatures come from outside: the package does not check its own.

import { AWKWARD } from "./awkward.mjs";

/**
 * Returns the row that a vector file would have. `trip` holds `secret`, `core` (version and hash that the package must have),
 * `entries` (names of the modules), `deliveries` (`{ provider, type, body, headers }`, the body in base64), and `large`, one more.
 */
export async function runTour(loaded, trip, own) {
  const result = { file: "tour of the package", passed: 0, failed: 0, failures: [] };
  const deliveries = trip.deliveries.map((one) => ({ ...one, body: bytesOf(one.body) }));
  const large = { ...trip.large, body: bytesOf(trip.large.body) };
  for (const [id, check] of Object.entries({ ...CHECKS, ...AWKWARD, ...own })) {
    try {
      await check({ ...loaded, ...loaded.modules, ...trip, deliveries, large });
      result.passed += 1;
    } catch (error) {
      const { want = "no exception", got = String(error?.stack ?? error) } = error ?? {};
      result.failed += 1;
      result.failures.push({ id, want, got });
    }
  }
  return result;
}

/** Compares as JSON, with which all of these values can be written; the order of fields says nothing. */
export function same(got, want) {
  const [text, wanted] = [canonical(got), canonical(want)];
  if (text !== wanted) throw Object.assign(new Error("not the same"), { want: wanted, got: text });
}

const canonical = (value) =>
  JSON.stringify(value, (_name, one) =>
    Object.prototype.toString.call(one) === "[object Object]" ? Object.fromEntries(Object.entries(one).sort()) : one,
  ) ?? "undefined";

/** The code of the error that `call` throws or rejects with. */
export async function codeOf(call) {
  try {
    await call();
  } catch (error) {
    return error?.code ?? String(error);
  }
  return "no error";
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** What the provider documents as the answer to an event. */
const ANSWERS = { smartlead: '{"status":"received"}' };
const REFUSED = [401, '{"error":"Invalid signature"}'];

const ADDRESS = "https://receiver.example/hook";
const request = ({ body, headers }, init = {}) => new Request(ADDRESS, { method: "POST", body, headers, ...init });
const answerOf = async (response) => {
  const { status } = await response;
  return [status, await (await response).text()];
};

/** Posts a delivery of every provider, as signed and with a byte more, and asks for the documented answers. */
export async function heldToDocuments({ deliveries, secret }, make, ask) {
  for (const delivery of deliveries) {
    const { provider, type, body, headers } = delivery;
    const seen = [];
    const options = {
      provider,
      secrets: secret,
      onEvent: (event) => void seen.push(event.type),
      onReject: ({ code }) => void seen.push(code),
    };
    const handler = make(options);
    const changed = new Uint8Array([...body, 0x20]);
    same(
      [await ask(handler, { body, headers }), await ask(handler, { body: changed, headers }), seen],
      [[200, ANSWERS[provider] ?? '{"received":true}'], REFUSED, [type, "bad_signature"]],
    );
  }
}

const CHECKS = {
  "every entry is there"({ modules, entries }) {
    same(Object.keys(modules).sort(), entries);
    for (const [name, module] of Object.entries(modules)) {
      if (Object.keys(module).length === 0) same(name, "an entry with exports");
    }
  },

  "version and coreHash are those of the build"({ countersign: { version, coreHash }, core }) {
    same({ version, coreHash }, core);
  },

  "verifier: what was signed is accepted, what was changed is not"({ countersign, deliveries, large, secret }) {
    for (const { provider, body, headers } of [...deliveries, large]) {
      for (const hashing of ["auto", "wasm", "native"]) {
        const verifier = countersign.createVerifier({ provider, secrets: ["another", secret], hashing });
        same(verifier.verify({ headers, body }), { ok: true, secretIndex: 1, timestamp: null, covers: ["body"] });
        const changed = body.slice();
        changed[changed.length - 1] ^= 1;
        same(verifier.verify({ headers, body: changed }).code, "bad_signature");
        verifier.free();
      }
    }
  },

  "slim: the same verdicts by the smaller kernel"({ slim, countersign, deliveries, secret }) {
    if (slim.coreHash === countersign.coreHash) same("slim", "a kernel of its own");
    for (const { provider, body, headers } of deliveries) {
      const verifier = slim.createVerifier({ provider, secrets: secret });
      same(verifier.verify({ headers, body }), { ok: true, secretIndex: 0, timestamp: null, covers: ["body"] });
      same(verifier.verify({ headers, body: `${new TextDecoder().decode(body)} ` }).code, "bad_signature");
      verifier.free();
    }
  },

  "parse: a typed event, and a path where it is none"({ countersign: { parse }, deliveries }) {
    for (const { provider, type, body } of deliveries) {
      const { ok, event } = parse(provider, body);
      same([ok, event.type, event.known], [true, type, true]);
      same(event.payload, JSON.parse(new TextDecoder().decode(body)));
    }
    same(parse("cleanmails", "{").code, "json_invalid");
    const { code, path } = parse("cleanmails", '{"event":"email.sent","workspace_id":"x"}');
    same([typeof code, typeof path], ["string", "string"]);
  },

  "sign: the headers that the provider would send"({ testing: { sign }, deliveries, secret }) {
    for (const { provider, body, headers } of deliveries) {
      const pairs = sign({ provider, secret, body }).map(([name, value]) => [name.toLowerCase(), value]);
      same(Object.fromEntries(pairs), headers);
    }
  },

  async "fetch: Request to Response"(trip) {
    const ask = (handler, delivery) => answerOf(handler(request(delivery)));
    await heldToDocuments(trip, trip.fetch.webhookHandler, ask);
  },

  async "fetch: other methods, nonsense that is signed, too much, a handler that fails"({ fetch, testing, secret }) {
    const codes = [];
    const handler = fetch.webhookHandler({
      provider: "cleanmails",
      secrets: secret,
      maxBytes: 100,
      onEvent() {
        throw new Error("no");
      },
      onReject: ({ code }) => void codes.push(code),
      onError: ({ message }) => void codes.push(message),
    });
    const signed = (body) => ({ body, headers: testing.sign({ provider: "cleanmails", secret, body }) });
    const status = async (given) => (await handler(given)).status;
    same(await status(new Request(ADDRESS)), 405);
    same(await status(request(signed("{"))), 400);
    same(await status(request(signed("x".repeat(101)))), 413);
    const event = '{"event":"email.sent","workspace_id":1,"timestamp":"2026-05-12T14:30:00Z","data":{}}';
    same(await status(request(signed(event))), 500);
    same(codes, ["method_not_allowed", "json_invalid", "body_too_large", "no"]);
  },

  async "hono: the real one"(trip) {
    const make = (options) => new trip.Hono().post("/hook", trip.hono.webhook(options));
    await heldToDocuments(trip, make, (app, delivery) => answerOf(app.request(request(delivery))));
  },

  async "lambda: an event of a function URL"(trip) {
    const ask = async (handler, { body, headers }) => {
      const requestContext = { http: { method: "POST", path: "/hook", sourceIp: "192.0.2.1" } };
      const base64 = btoa(Array.from(body, (byte) => String.fromCharCode(byte)).join(""));
      const event = { version: "2.0", rawPath: "/hook", rawQueryString: "", headers, requestContext };
      const { statusCode, body: text } = await handler({ ...event, body: base64, isBase64Encoded: true });
      return [statusCode, text];
    };
    await heldToDocuments(trip, trip.lambda.webhookHandler, ask);
  },

  async "receiver: bytes in, answer out"(trip) {
    const ask = async (receiver, { body, headers }) => {
      const answer = await receiver.receive({ method: "POST", headers, body });
      return [answer.status, answer.body];
    };
    await heldToDocuments(trip, trip.receiver.createReceiver, ask);
  },

  async "dedupe: a repeat is answered and not handled again"({ fetch, dedupe, deliveries, secret }) {
    for (const delivery of deliveries) {
      const seen = [];
      const handler = fetch.webhookHandler({
        provider: delivery.provider,
        secrets: secret,
        dedupe: { store: dedupe.memoryStore() },
        onEvent: ({ type }) => void seen.push(type),
      });
      for (let i = 0; i < 3; i += 1) same((await handler(request(delivery))).status, 200);
      same(seen, [delivery.type]);
    }
  },

  "events: normalised, keyed, and written for the others"({ events, deliveries }) {
    for (const { provider, body, headers } of deliveries) {
      const read = events.normalize(provider, { headers, body });
      same([read.ok, read.events.length, read.events[0].provider], [true, 1, provider]);
      const [event] = read.events;
      same(event.original, JSON.parse(new TextDecoder().decode(body)));
      same(events.idempotencyKey(event), events.idempotencyKey(JSON.parse(JSON.stringify(event))));
      same(Object.keys(events.orderingKey(event)).sort(), ["key", "order"]);
      same(events.render(event, provider).ok, true);
    }
    same(events.normalize("resend", { body: "{" }).code, "json_invalid");
  },

  "explain: names the cause"({ explain, deliveries, secret }) {
    for (const { provider, body, headers } of deliveries) {
      same(explain.explain({ provider, secrets: secret }, { headers, body }).verdict.ok, true);
      const { findings } = explain.explain({ provider, secrets: `${secret}\n` }, { headers, body });
      same([findings[0].code, findings[0].confidence], ["secret_white_space", "certain"]);
    }
  },
};
