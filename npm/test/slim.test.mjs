// countersign/slim: what it has behaves as the whole package does, and what it leaves out is refused when a verifier is made.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CountersignError } from "countersign";
import * as slim from "countersign/slim";
import { sign } from "countersign/testing";
import { PACKAGE } from "../scripts/paths.mjs";
import { SECRET, signed } from "./support.mjs";
import { runVectors } from "./vectors/suite.mjs";
import { defaultFolder, vectorFiles } from "./vectors.mjs";

const SCHEMES_LEFT_OUT = [
  ...["discord", "hook0", "hubspot", "intercom", "linear", "mailgun", "mandrill", "postmark", "sendgrid", "square"],
  "twilio",
];

test("every vector passes, or is of what it leaves out and is refused as that", (context) => {
  const { files } = runVectors("slim", { createVerifier: slim.createVerifier, sign }, vectorFiles(defaultFolder()));
  const failures = files.flatMap((file) => file.failures.map(({ got }) => got.replace(/ \(.*/, "")));
  const passed = files.reduce((sum, file) => sum + file.passed, 0);
  context.diagnostic(`${passed} vectors passed, ${failures.length} files or vectors are of what it leaves out`);
  const schemes = failures.filter((got) => got.startsWith("unknown scheme ")).map((got) => got.slice(15));
  assert.deepEqual([...new Set(schemes)].sort(), SCHEMES_LEFT_OUT);
  const others = failures.filter((got) => !got.startsWith("unknown scheme "));
  assert.deepEqual([...new Set(others)].sort(), ["secret_invalid", "unknown_option"]);
  assert.ok(passed > 300, String(passed));
});

test("what it leaves out is thrown, with the code and where to read on", () => {
  const mistakes = {
    unknown_scheme: [{ scheme: "mailgun" }, { scheme: "twilio" }, { scheme: "nobody" }],
    unknown_option: [
      { scheme: "generic-hmac", header: "x", algorithm: "sha1" },
      { scheme: "generic-hmac", header: "x", algorithm: "sha512" },
      { scheme: "generic-hmac", header: "x", template: "{url}{body}" },
      { scheme: "generic-hmac", header: "x", template: "{method}{body}" },
      { scheme: "meta", escapeUnicode: true },
    ],
    secret_invalid: [{ scheme: "svix", secrets: "whpk_AAAA" }],
  };
  for (const [code, list] of Object.entries(mistakes)) {
    for (const options of list) {
      const make = () => slim.createVerifier({ secrets: "s", ...options });
      assert.throws(make, (error) => error instanceof CountersignError && error.code === code && /README/.test(error.message)); // biome-ignore format: one line
    }
  }
});

test("bodies of every size are judged, whoever is asked to hash them", () => {
  for (const hashing of ["auto", "wasm", "native"]) {
    const verifier = slim.createVerifier({ provider: "cleanmails", secrets: ["old", SECRET], hashing });
    for (const length of [0, 1, 767, 768, 5000, 2_000_000]) {
      const body = Buffer.alloc(length, "a");
      const verdict = verifier.verify({ headers: signed("cleanmails", body), body });
      assert.deepEqual(verdict, { ok: true, secretIndex: 1, timestamp: null, covers: ["body"] });
      assert.equal(verifier.verify({ headers: signed("cleanmails", body, "x"), body }).code, "bad_signature");
    }
    verifier.free();
  }
  const { answers } = slim.createVerifier({ provider: "sendemall", secrets: SECRET });
  assert.deepEqual(answers, { accepted: '{"received":true}', refused: '{"error":"Invalid signature"}' });
});

test("coreHash is that of its own kernel, which is no other than the file beside it", () => {
  const file = readFileSync(`${PACKAGE}dist/kernel-slim.wasm`);
  assert.equal(slim.coreHash, createHash("sha256").update(file).digest("hex"));
  assert.equal(slim.CountersignError, CountersignError);
});
