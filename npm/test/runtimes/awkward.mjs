// Requests as strangers and servers make them, each in the forms in which this runtime holds one.

import { codeOf, same } from "./tour.mjs";

const HEADER = "x-webhook-signature";

/** A verifier of Cleanmails and what it makes of a request. */
function judging({ countersign, secret }) {
  const verifier = countersign.createVerifier({ provider: "cleanmails", secrets: secret });
  return (headers, body) => {
    const verdict = verifier.verify({ headers, body });
    return verdict.ok ? "valid" : verdict.code;
  };
}

const signatureOf = ({ testing, secret }, body) => testing.sign({ provider: "cleanmails", secret, body })[0][1];

export const AWKWARD = {
  "headers in every form"(trip) {
    const verdict = judging(trip);
    const { body, headers } = trip.deliveries.find(({ provider }) => provider === "cleanmails");
    const value = headers[HEADER];
    const forms = [
      { "X-WEBHOOK-Signature": value },
      { [HEADER]: [value, "sha256=00"] },
      new Headers({ "X-Webhook-Signature": value }),
      new Request("https://receiver.example/", { headers: { [HEADER]: value } }).headers,
      new Map([["X-Webhook-Signature", value]]),
      [["host", "a"], ["X-Webhook-Signature", value]], // biome-ignore format: one line
      Object.entries({ [HEADER]: value }).values(),
      { get: (name) => (name === HEADER ? value : null) },
    ];
    for (const form of forms) same(verdict(form, body), "valid");
  },

  "bodies in every form"(trip) {
    const verdict = judging(trip);
    const { body, headers } = trip.deliveries.find(({ provider }) => provider === "cleanmails");
    const padded = new Uint8Array(body.length + 10);
    padded.set(body, 5);
    const shared = typeof SharedArrayBuffer === "function" ? new Uint8Array(new SharedArrayBuffer(body.length)) : body;
    if (shared !== body) shared.set(body);
    const text = new TextDecoder().decode(body);
    const view = new DataView(padded.buffer, 5, body.length);
    for (const form of [body, body.slice().buffer, padded.subarray(5, 5 + body.length), view, shared, text]) {
      same(verdict(headers, form), "valid");
    }
  },

  "bodies that are no text, and texts that are odd"(trip) {
    const verdict = judging(trip);
    const bytes = [[], [0xef, 0xbb, 0xbf, 0x7b, 0x7d], [0xff, 0xfe, 0, 0x80], [0x7b, 0x7d, 0x0d, 0x0a]];
    const bodies = [...bytes.map((list) => new Uint8Array(list)), "", "\u{FEFF}{}", "grün €\u{1F600}", "a\0b"];
    for (const body of bodies) same(verdict({ [HEADER]: signatureOf(trip, body) }, body), "valid");
    same(verdict({ [HEADER]: signatureOf(trip, "\u{FFFD}") }, new Uint8Array([0xff])), "bad_signature");
  },

  "large bodies, after which small ones still fit"(trip) {
    const verdict = judging(trip);
    for (const length of [767, 768, 70_000, 3_000_000, 5]) {
      const body = new Uint8Array(length).fill(0x61);
      same(verdict({ [HEADER]: signatureOf(trip, body) }, body), "valid");
      body[length - 1] = 0x62;
      same(verdict({ [HEADER]: signatureOf(trip, "a") }, body), "bad_signature");
    }
  },

  "headers that are missing or malformed"(trip) {
    const verdict = judging(trip);
    for (const headers of [{}, [], new Headers(), new Map(), { [HEADER]: "" }, { [HEADER]: null }, { [HEADER]: 7 }]) {
      same(verdict(headers, "{}"), "missing_header");
    }
    const value = signatureOf(trip, "{}");
    const malformed = [
      "sha256=",
      "sha256=00",
      `${value}00`,
      `sha256=${"é".repeat(64)}`,
      "\ud800",
      `${value}, ${value}`,
    ];
    for (const text of [...malformed, "x".repeat(100_000)]) same(verdict({ [HEADER]: text }, "{}"), "malformed_header");
  },

  async "mistakes of the caller are thrown, with a code"({ countersign, fetch, secret }) {
    const { createVerifier, CountersignError } = countersign;
    const cleanmails = { provider: "cleanmails", secrets: secret };
    const verifier = createVerifier(cleanmails);
    same(await codeOf(() => createVerifier({ provider: "cleanmails" })), "secret_missing");
    same(await codeOf(() => createVerifier({ scheme: "nobody", secrets: secret })), "unknown_scheme");
    same(await codeOf(() => verifier.verify({ headers: {}, body: { parsed: true } })), "body_already_parsed");
    const read = new Request("https://receiver.example/", { method: "POST", body: "{}" });
    await read.text();
    same(await codeOf(() => fetch.webhookHandler({ ...cleanmails, onEvent() {} })(read)), "body_already_read");
    verifier.free();
    same(await codeOf(() => verifier.verify({ headers: {}, body: "" })), "verifier_freed");
    same(new CountersignError("internal", "x") instanceof Error, true);
  },

  async "bodies that come in pieces, end early, or never end"(trip) {
    const { fetch, secret, deliveries } = trip;
    const { body, headers } = deliveries.find(({ provider }) => provider === "cleanmails");
    const codes = [];
    const handler = fetch.webhookHandler({
      provider: "cleanmails",
      secrets: secret,
      maxBytes: 10_000,
      onEvent: ({ type }) => void codes.push(type),
      onReject: ({ code }) => void codes.push(code),
    });
    const streamed = (pull) => {
      const stream = new ReadableStream({ pull });
      return new Request("https://receiver.example/", { method: "POST", headers, body: stream, duplex: "half" });
    };
    let at = 0;
    const pieces = (controller) => {
      if (at === body.length) return controller.close();
      const end = Math.min(at + 7, body.length);
      controller.enqueue(body.subarray(at, end));
      at = end;
    };
    same((await handler(streamed(pieces))).status, 200);
    const broken = (controller) => controller.error(new Error("gone"));
    same((await handler(streamed(broken))).status, 400);
    const endless = (controller) => controller.enqueue(new Uint8Array(4096));
    same((await handler(streamed(endless))).status, 413);
    const [type] = codes;
    same(codes, [type, "request_aborted", "body_too_large"]);
  },
};
