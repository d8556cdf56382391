import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { explain } from "countersign/explain";
import { PROJECT } from "../scripts/paths.mjs";
import { CASES } from "./insight/causes.mjs";

describe("the cases of the suite", () => {
  test("there is a case for every cause of the core, and a type for each", () => {
    const core = readFileSync(`${PROJECT}core/src/explain/cause.rs`, "utf8");
    const causes = [...core.matchAll(/^ {4}\w+ = "([a-z0-9_]+)"/gm)].map(([, code]) => code).sort();
    assert.ok(causes.length > 30);
    assert.deepEqual(CASES.map(({ code }) => code).sort(), causes);
    const types = readFileSync(new URL("../src/explaining.ts", import.meta.url), "utf8");
    const union = types.slice(types.indexOf("export type Cause ="), types.indexOf("/** One cause."));
    assert.deepEqual([...union.matchAll(/\| "([a-z0-9_]+)"/g)].map(([, code]) => code).sort(), causes); // biome-ignore format: one line
  });
});

describe("an explanation", () => {
  const options = { scheme: "github", secrets: "It's a Secret to Everybody" };
  // Source: GitHub's documentation on validating deliveries.
  const headers = {
    "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
  };
  const request = { headers, body: "Hello, World!" };

  test("of a request that fits is empty", () => {
    const verdict = { ok: true, secretIndex: 0, timestamp: null, covers: ["body"] };
    assert.deepEqual(explain(options, request), { verdict, findings: [], trials: 1, complete: true });
  });

  test("of what nothing explains is empty too, and complete", () => {
    const { verdict, findings, complete } = explain({ ...options, secrets: "another" }, request);
    assert.deepEqual([verdict.code, findings, complete], ["bad_signature", [], true]);
  });

  test("names settings as this package spells them", () => {
    const [finding] = explain(
      { ...CASES.find(({ code }) => code === "secret_not_decoded").options, now: undefined },
      {
        ...CASES.find(({ code }) => code === "secret_not_decoded").request,
        body: Buffer.from(CASES.find(({ code }) => code === "secret_not_decoded").request.body, "base64"),
      },
    ).findings;
    assert.match(finding.fix, /`secretFormat: base64`/);
    const { verdict } = explain(
      { scheme: "generic-hmac", header: "x", template: "{timestamp}.{body}", secrets: "a" },
      request,
    );
    assert.deepEqual([verdict.code, verdict.message.includes("`timestampHeader`")], ["option_missing", true]);
  });

  test("of options that make no verifier says so, since that may be the cause", () => {
    const code = (changes) => explain({ ...options, ...changes }, request).verdict.code;
    assert.equal(code({ scheme: "nobody" }), "unknown_scheme");
    assert.equal(code({ mode: "simple" }), "unknown_option");
    assert.equal(code({ secrets: "" }), "secret_invalid");
  });

  test("takes headers in every form that can be looked through, several values under one name included", () => {
    const [[name, value]] = Object.entries(headers);
    const wrong = value.replace(/.$/, "0");
    for (const form of [
      new Headers(headers),
      new Map([[name, value]]),
      [[name, value]].values(),
      { [name]: [value] },
    ]) {
      assert.equal(explain(options, { ...request, headers: form }).verdict.ok, true);
    }
    const { findings } = explain(options, { ...request, headers: { [name]: [wrong, value], other: undefined } });
    assert.equal(findings[0].code, "header_repeated");
  });

  test("throws for mistakes in the call only, with a code", () => {
    const mistakes = [
      [{}, request, "unknown_scheme"],
      [{ scheme: "github" }, request, "secret_missing"],
      [{ ...options, secrets: [] }, request, "secret_missing"],
      [{ ...options, secrets: [7] }, request, "secret_invalid"],
      [{ ...options, tolerance: "300" }, request, "tolerance_invalid"],
      [{ ...options, prefix: 7 }, request, "option_invalid"],
      [options, { ...request, headers: { get: () => "x" } }, "headers_invalid"],
      [options, { ...request, headers: [7] }, "headers_invalid"],
      [options, { ...request, headers: null }, "headers_invalid"],
      [options, { ...request, body: { parsed: true } }, "body_already_parsed"],
      [options, { headers }, "body_missing"],
    ];
    for (const [given, asked, code] of mistakes) {
      assert.throws(() => explain(given, asked), { name: "CountersignError", code });
    }
  });

  test("of hostile bytes and headers ends, and tells nothing of secret, body or signature", () => {
    const secret = "a secret that must not be told";
    for (const body of [
      "[".repeat(100_000),
      "\u0000",
      Buffer.from([0xff, 0xfe, 0]),
      "{".repeat(1000),
      '"'.repeat(9999),
    ]) {
      for (const value of ["", "sha256=", ",".repeat(5000), "é\u4e2d\ud800", "sha256=".repeat(500)]) {
        const text = JSON.stringify(
          explain({ scheme: "github", secrets: secret }, { headers: { "x-hub-signature-256": value }, body }),
        );
        assert.ok(!text.includes(secret) && text.length < 4000);
      }
    }
  });
});
