// Requests as a receiver behind Express sees them.

import { CARRIERS, signatureHeaders } from "./schemes.mjs";

/** Different requests of one size, taken in turn: nobody is measured on one body that it has seen before. */
export const REQUESTS_PER_SIZE = 4;

/** An email.replied event of SendEmAll, padded in its text to exactly this many bytes (200 at least). */
export function eventOf(bytes, number = 0) {
  const event = {
    event: "email.replied",
    id: `evt_${7_400_000 + number}`,
    timestamp: "2026-04-06T10:05:33Z",
    data: { lead_id: `lead_${100 + number}` },
  };
  const more = {
    campaign_id: "cmp_abc123",
    campaign_name: "Q2 Outreach",
    lead_email: "john@example.com",
    lead_name: "John Doe",
    lead_company: "Example Ltd",
    sequence_step: 2,
    reply_sentiment: "positive",
    thread_id: "thrd_9f8e7d",
  };
  if (bytes >= 500) Object.assign(event.data, more);
  event.data.reply_preview = "";
  const room = bytes - Buffer.byteLength(JSON.stringify(event));
  if (room < 0) throw new RangeError(`an event of ${bytes} bytes has no room for its fields`);
  event.data.reply_preview = TEXT.repeat(Math.ceil(room / TEXT.length)).slice(0, room);
  return Buffer.from(JSON.stringify(event));
}

const TEXT = "Thanks for reaching out. Could you send me the figures for our team, and a time next week? ";

/** What Express hands over besides the signature: lower case, in the order of arrival. */
const USUAL = {
  host: "hooks.example.com",
  "user-agent": "Webhooks/1.4 (+https://example.com/docs)",
  accept: "*/*",
  "accept-encoding": "gzip, deflate, br",
  "content-type": "application/json",
  "x-forwarded-for": "203.0.113.42",
  "x-forwarded-host": "hooks.example.com",
  "x-forwarded-proto": "https",
  "x-request-id": "5f0c6b1e9d3a4c7f8e2b1a0d9c8b7a6f",
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
};

/** Full request headers with the signature of `body`. */
export function headersOf(scheme, body, timestamp) {
  const headers = {};
  for (const [name, value] of Object.entries({
    ...USUAL,
    "content-length": String(body.length),
    ...signatureHeaders(scheme, body, timestamp),
    connection: "keep-alive",
  })) {
    headers[name] = flat(value);
  }
  return headers;
}

/** Requests of this size that are authentic, that have a digest with one character changed, or a body with one byte changed. */
export function requestsOf(kind, scheme, bytes) {
  return Array.from({ length: REQUESTS_PER_SIZE }, (_, number) => {
    const body = eventOf(bytes, number);
    const headers = headersOf(scheme, body);
    if (kind === "wrong digest") spoil(headers, scheme);
    if (kind === "changed byte") body[body.length - 5] ^= 1;
    return { headers, body };
  });
}

/** Changes one character of the digest; its form stays right. */
function spoil(headers, scheme) {
  const { header, prefix } = CARRIERS[scheme];
  const at = headers[header].lastIndexOf(prefix) + prefix.length + 20;
  const other = headers[header][at] === "1" ? "2" : "1";
  headers[header] = flat(headers[header].slice(0, at) + other + headers[header].slice(at + 1));
}

/** A text in one piece, as Node's HTTP parser makes it; one that was put together would be joined at its first reading. */
const flat = (text) => Buffer.from(text, "latin1").toString("latin1");
