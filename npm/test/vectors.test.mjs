// The suite of the vectors itself. The vectors are run by runtimes.test.mjs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runVectors } from "./vectors/suite.mjs";

describe("the suite itself", () => {
  const verdicts = (code) => ({
    createVerifier: () => ({ verify: () => (code === "valid" ? { ok: true } : { ok: false, code }), free() {} }),
    sign: () => [["x", "y"]],
  });
  const vector = {
    id: "a-1",
    secrets: ["s"],
    request: { method: "POST", headers: [], body: "" },
    expect: { valid: true },
    sign: { secret: "s", headers: [["x", "y"]] },
  };
  const file = (changes = {}, own = {}) => ({
    file: "a.json",
    text: JSON.stringify({ format: "webhook-vectors/1", scheme: "a", vectors: [{ ...vector, ...changes }], ...own }),
  });
  const run = (code, ...files) => runVectors("test", verdicts(code), files);

  test("a right verdict passes and a wrong one fails by its id", () => {
    assert.equal(run("valid", file()).files[0].passed, 1);
    const [wrong] = run("bad_signature", file()).files;
    assert.equal(wrong.failed, 1);
    assert.deepEqual([wrong.failures[0].id, wrong.failures[0].want], ["a-1", "valid"]);
  });

  test("a refusal passes only with one of its reasons", () => {
    const refused = file({
      expect: { valid: false, reasons: ["missing_header", "malformed_header"] },
      sign: undefined,
    });
    assert.equal(run("malformed_header", refused).files[0].passed, 1);
    assert.equal(run("bad_signature", refused).files[0].failed, 1);
    assert.equal(run("valid", refused).files[0].failed, 1);
  });

  test("headers that differ by one byte fail", () => {
    assert.equal(run("valid", file({ sign: { secret: "s", headers: [["X", "y"]] } })).files[0].failed, 1);
  });

  test("no files, no vectors, another format, bad JSON and unknown fields are failures", () => {
    assert.equal(run("valid").error, "no vectors found");
    const bad = [
      { file: "a.json", text: "{" },
      file({}, { vectors: [] }),
      file({}, { format: "webhook-vectors/2" }),
      file({}, { more: 1 }),
      file({ more: 1 }),
      file({ request: { ...vector.request, more: 1 } }),
      file({ options: { more: 1 } }),
      file({ sign: { ...vector.sign, more: 1 } }),
      file({ expect: { valid: true, more: 1 } }),
    ];
    for (const one of bad) assert.equal(run("valid", one).files[0].failed, 1, one.text);
  });

  test("an unknown scheme fails", () => {
    const unknown = {
      createVerifier() {
        throw Object.assign(new Error("no"), { code: "unknown_scheme" });
      },
    };
    assert.equal(runVectors("test", unknown, [file()]).files[0].failed, 1);
  });

  test("the order of headers and the case of names say nothing", () => {
    const sign = () => [
      ["B", "2"],
      ["a", "1"],
    ];
    const wanted = {
      secret: "s",
      headers: [
        ["a", "1"],
        ["B", "2"],
      ],
    };
    const run = runVectors("test", { ...verdicts("valid"), sign }, [file({ sign: wanted })]);
    assert.equal(run.files[0].passed, 1);
  });

  test("primitives are read, and strange ones are failures", () => {
    const primitive = {
      id: "p-1",
      algorithm: "sha256",
      key_hex: "00",
      message_hex: "",
      digest_hex: "00",
      expect: { valid: true },
    };
    const primitives = (changes = {}, own = {}) => ({
      file: "p.json",
      text: JSON.stringify({
        format: "webhook-primitives/1",
        algorithm: "hmac",
        vectors: [{ ...primitive, ...changes }],
        ...own,
      }),
    });
    const sign = () => [["x-signature", "00"]];
    const run = (one) => runVectors("test", { ...verdicts("valid"), sign }, [one]).files[0];
    assert.equal(run(primitives()).passed, 1);
    assert.equal(run(primitives({ expect: { valid: false } })).failed, 1);
    for (const bad of [primitives({ more: 1 }), primitives({}, { more: 1 }), primitives({}, { algorithm: "rsa" })]) {
      assert.equal(run(bad).failed, 1, bad.text);
    }
  });
});
