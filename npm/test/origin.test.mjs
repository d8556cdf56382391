// What is believed of forwarding headers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { COMPILED } from "../scripts/paths.mjs";

const { Origin } = await import(`${COMPILED}origin.js`);

const arrived = (peer, headers = {}) => ({
  method: "POST",
  headers,
  origin: "http://inner:3000",
  path: "/hook?a=1",
  peer,
  request: "the request",
});
const forwarded = (value) => ({ "x-forwarded-for": value });

// Holds: S29, R-S14
test("nobody is believed unless stated", () => {
  const origin = new Origin({ allowFrom: ["192.0.2.0/24"] }, true);
  assert.equal(origin.admits(arrived("192.0.2.1", forwarded("203.0.113.9"))), true);
  assert.equal(origin.admits(arrived("203.0.113.9", forwarded("192.0.2.1"))), false);
  assert.equal(origin.admits(arrived(null, forwarded("192.0.2.1"))), false);
  const spoofed = { "x-forwarded-proto": "https", "x-forwarded-host": "evil.example" };
  assert.equal(origin.url(arrived("203.0.113.9", spoofed)), "http://inner:3000/hook?a=1");
});

// Holds: R-S14
test("of a trusted chain the first address that is none of ours is the sender, whatever it claims before that", () => {
  const origin = new Origin({ allowFrom: ["192.0.2.0/24"], trustProxy: ["10.0.0.0/8", "::1"] }, true);
  const admits = (value, peer = "10.1.1.1") => origin.admits(arrived(peer, forwarded(value)));
  assert.equal(admits("192.0.2.1"), true);
  assert.equal(admits("203.0.113.9, 192.0.2.1"), true);
  assert.equal(admits("192.0.2.1, 203.0.113.9"), false);
  assert.equal(admits("203.0.113.9,192.0.2.1 ,10.2.2.2, ::1"), true);
  assert.equal(admits("192.0.2.1:4711, 10.2.2.2:80"), true);
  assert.equal(admits("192.0.2.1, [::1]:80, ::ffff:10.0.0.1"), true);
  assert.equal(admits("192.0.2.1, nonsense, 10.2.2.2"), false, "what cannot be read is not skipped");
  assert.equal(admits("192.0.2.1,"), false);
  assert.equal(admits(""), false);
  assert.equal(admits("10.2.2.2"), false, "no sender at all");
  assert.equal(admits("192.0.2.1", "203.0.113.1"), false, "past the proxy");
  assert.equal(admits(`192.0.2.1${", 10.0.0.1".repeat(10_000)}`), false, "no chain is followed for ever");
});

test("trustProxy: true takes what the one proxy has added", () => {
  const origin = new Origin({ allowFrom: ["192.0.2.0/24"], trustProxy: true }, false);
  assert.equal(origin.admits(arrived(null, forwarded("203.0.113.9, 192.0.2.1"))), true);
  assert.equal(origin.admits(arrived(null, forwarded("192.0.2.1, 203.0.113.9"))), false);
  assert.equal(origin.admits(arrived(null)), false);
});

test("the address is the seen one, the trusted proxy's, or the one that is stated", () => {
  const from = { "x-forwarded-proto": "http, https", "x-forwarded-host": "evil.example, public.example" };
  const trusting = new Origin({ trustProxy: ["10.0.0.1"] }, true);
  assert.equal(trusting.url(arrived("10.0.0.1", from)), "https://public.example/hook?a=1");
  assert.equal(trusting.url(arrived("10.0.0.1", { "x-forwarded-proto": "https" })), "https://inner:3000/hook?a=1");
  assert.equal(trusting.url(arrived("10.0.0.2", from)), "http://inner:3000/hook?a=1");
  assert.equal(new Origin({ url: "https://a.example/b?c" }, true).url(arrived(null)), "https://a.example/b?c");
  assert.equal(new Origin({ url: (request) => `https://${request}` }, true).url(arrived(null)), "https://the request");
});

test("settings that could not work are refused when they are made", () => {
  assert.throws(() => new Origin({ allowFrom: ["10.0.0.0/8"] }, false), {
    code: "option_missing",
    message: /clientAddress/,
  });
  assert.throws(() => new Origin({ trustProxy: ["10.0.0.0/8"] }, false), {
    code: "option_invalid",
    message: /trustProxy: true/,
  });
  assert.throws(() => new Origin({ clientAddress: "10.0.0.1" }, true), { code: "option_invalid" });
  assert.throws(() => new Origin({ trustProxy: "10.0.0.0/8" }, true), {
    code: "option_invalid",
    message: /trustProxy/,
  });
  assert.throws(() => new Origin({ trustProxy: 1 }, true), { code: "option_invalid", message: /trustProxy/ });
});
