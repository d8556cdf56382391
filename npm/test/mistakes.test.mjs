import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { CountersignError, createVerifier, parse } from "countersign";
import { initKernel, initToolkit } from "countersign/init";
import { sign } from "countersign/testing";
import { SECRET } from "./support.mjs";

const mistake = (code, text) => (error) => {
  assert.ok(error instanceof CountersignError, String(error));
  assert.equal(error.name, "CountersignError");
  assert.equal(error.code, code);
  if (text !== undefined) assert.match(error.message, text);
  return true;
};

test("mistakes in the options throw at construction, with a code and the fix", () => {
  const make = (options) => () => createVerifier(options);
  const provider = "cleanmails";
  assert.throws(make({ provider }), mistake("secret_missing", /environment variable/));
  assert.throws(make({ provider, secrets: [] }), mistake("secret_missing"));
  assert.throws(make({ provider, secrets: ["a", undefined] }), mistake("secret_missing"));
  assert.throws(make({ provider, secrets: "" }), mistake("secret_invalid"));
  assert.throws(make({ provider, secrets: ["a", ""] }), mistake("secret_invalid"));
  assert.throws(make({ provider, secrets: 7 }), mistake("secret_invalid"));
  assert.throws(make({ scheme: "standard-webhooks", secrets: "whsec_!" }), mistake("secret_invalid"));
  assert.throws(make({ secrets: SECRET }), mistake("unknown_scheme", /provider: "cleanmails"/));
  assert.throws(make({ scheme: "nobody", secrets: SECRET }), mistake("unknown_scheme", /standard-webhooks/));
  assert.throws(make({ provider, secrets: SECRET, header: "x-other" }), mistake("unknown_option"));
  assert.throws(make({ provider, secrets: SECRET, header: 7 }), mistake("option_invalid"));
  assert.throws(make({ provider, secrets: SECRET, secretFormat: 7 }), mistake("option_invalid"));
  assert.throws(make({ provider, secrets: SECRET, now: 7 }), mistake("option_invalid", /now/));
  for (const tolerance of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e21, "300"]) {
    assert.throws(make({ provider, secrets: SECRET, tolerance }), mistake("tolerance_invalid"));
  }
  assert.throws(make(undefined), mistake("option_invalid"));
});

test("a parsed body names express.raw and the adapter as the fix", () => {
  const verifier = createVerifier({ provider: "cleanmails", secrets: SECRET });
  for (const body of [{}, [], { event: "email.sent" }, new Map()]) {
    assert.throws(() => verifier.verify({ headers: {}, body }), mistake("body_already_parsed", /express\.raw\(/));
    assert.throws(() => parse("cleanmails", body), mistake("body_already_parsed", /countersign\/express/));
  }
});

test("no body at all is another mistake", () => {
  const verifier = createVerifier({ provider: "cleanmails", secrets: SECRET });
  for (const body of [undefined, null, 7, true]) {
    assert.throws(() => verifier.verify({ headers: {}, body }), mistake("body_missing"));
  }
});

test("headers that cannot be read are a mistake of the caller", () => {
  const verifier = createVerifier({ provider: "cleanmails", secrets: SECRET });
  for (const headers of [undefined, null, "x-webhook-signature: a", 7, ["Name", "value"]]) {
    assert.throws(() => verifier.verify({ headers, body: "" }), mistake("headers_invalid"));
  }
});

test("a freed verifier says so, and freeing twice is harmless", () => {
  const verifier = createVerifier({ provider: "cleanmails", secrets: SECRET });
  const other = createVerifier({ provider: "cleanmails", secrets: SECRET });
  verifier.free();
  const third = createVerifier({ provider: "platform", secrets: SECRET });
  verifier.free();
  assert.throws(() => verifier.verify({ headers: {}, body: "" }), mistake("verifier_freed"));
  assert.equal(other.verify({ headers: {}, body: "" }).code, "missing_header");
  assert.equal(third.verify({ headers: {}, body: "" }).code, "missing_header");
});

test("signing without the id that a scheme signs is a mistake", () => {
  const options = { scheme: "standard-webhooks", secret: "c2VjcmV0", body: "" };
  assert.throws(() => sign(options), mistake("id_missing", /message id/));
  assert.equal(sign({ ...options, id: "msg_1" }).length, 3);
});

test("a verifier does not print its secrets", () => {
  const verifier = createVerifier({ provider: "cleanmails", secrets: SECRET });
  const printed = inspect(verifier, { depth: 9, showHidden: true }) + JSON.stringify(verifier);
  assert.ok(!printed.includes(SECRET));
});

test("changing the options afterwards changes nothing", () => {
  const secrets = [SECRET];
  const options = { provider: "cleanmails", secrets };
  const verifier = createVerifier(options);
  secrets[0] = "other";
  options.provider = "platform";
  const headers = Object.fromEntries(sign({ provider: "cleanmails", secret: SECRET, body: "{}" }));
  assert.equal(verifier.verify({ headers, body: "{}" }).ok, true);
});

test("modules that come too late or are none are refused", () => {
  createVerifier({ provider: "cleanmails", secrets: SECRET });
  parse("cleanmails", "{}");
  assert.throws(() => initKernel({}), mistake("already_initialised"));
  assert.throws(() => initToolkit({}), mistake("already_initialised"));
});

test("an error's codes are told apart by code, and it carries a cause only from the core", () => {
  const error = new CountersignError("internal", "text", { cause: 1 });
  assert.equal(error.cause, 1);
  assert.equal(Object.prototype.toString.call(error), "[object Error]");
});
