// Two command lines, one vocabulary: `npx countersign` and the binary `countersign` say the same of the same input.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { install } from "../packaging-tests/install.mjs";
import { PROJECT } from "../scripts/paths.mjs";
import { skipWithout } from "./needs.mjs";
import { hex, payload, SECRET } from "./support.mjs";

const NATIVE = join(PROJECT, "target", "release", "countersign");
const NPM = join(install("node"), "node_modules", ".bin", "countersign");
const VECTORS = join(PROJECT, "tests", "vectors");
const FOLDER = mkdtempSync(join(tmpdir(), "countersign-both-"));
after(() => rmSync(FOLDER, { recursive: true, force: true }));
const skip = skipWithout(existsSync(NATIVE), "the binary is not built (cargo xtask build)");

/** Runs a command of one of them to its end. */
async function run(binary, args, { input = "", env = {} } = {}) {
  const { COUNTERSIGN_SECRET: _, ...own } = process.env;
  const child = spawn(binary, args, { cwd: FOLDER, env: { ...own, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const text = async (stream) => (await stream.toArray()).join("");
  child.stdin.on("error", () => {}).end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code, out, err };
}

/** The same call of both. */
async function both(args, options) {
  const [native, npm] = await Promise.all([run(NATIVE, args, options), run(NPM, args, options)]);
  return { native, npm };
}

/** Does `work` for every item, as many at a time as there are processors. */
async function eachOf(items, work) {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

const parsed = ({ out }) => JSON.parse(out);

/** The words that do not depend on how settings are spelled. */
const findings = (explanation) => explanation.findings.map(({ code, confidence }) => `${confidence} ${code}`);

/** One valid and one refused vector of every scheme, as calls. */
function calls() {
  const calls = [];
  for (const file of readdirSync(VECTORS).filter((name) => name.endsWith(".json"))) {
    const { scheme, vectors } = JSON.parse(readFileSync(join(VECTORS, file), "utf8"));
    if (file.startsWith("primitives")) continue;
    // An environment holds no zero bytes, and no secret that is empty.
    const usable = vectors.filter(({ secrets }) => secrets.every((secret) => secret !== "" && !secret.includes("\0")));
    const valid = usable.filter(({ expect }) => expect.valid).slice(0, 1);
    const refused = usable.filter(({ expect }) => !expect.valid);
    for (const vector of [...valid, ...refused.slice(-1)]) calls.push({ scheme, vector });
  }
  return calls;
}

function callOf({ scheme, vector }) {
  const { secrets, options = {}, request, now, tolerance } = vector;
  const { method, url, headers, body, body_base64: bodyBase64 } = request;
  const env = Object.fromEntries(secrets.map((secret, index) => [`S${index}`, secret]));
  const args = ["--scheme", scheme, "--now", String(now), "--json"];
  for (const name of Object.keys(env)) args.push("--secret-env", name);
  for (const [name, value] of Object.entries(options)) args.push("--option", `${name}=${value}`);
  if (tolerance !== undefined) args.push("--tolerance", tolerance === null ? "off" : String(tolerance));
  return { args, options: { env, input: JSON.stringify({ method, url, headers, body, bodyBase64 }) } };
}

describe("npx countersign and the binary", { skip, timeout: 280_000 }, () => {
  test("verify: the same verdict, to the letter, in every scheme", async () => {
    const asked = calls();
    assert.ok(asked.length > 80, `${asked.length} calls`);
    await eachOf(asked, async (call) => {
      const { args, options } = callOf(call);
      const { native, npm } = await both(["verify", ...args], options);
      assert.deepEqual([native.code, native.out], [npm.code, npm.out], call.vector.id);
      if (npm.code === 2) {
        const code = ({ err }) => JSON.parse(err).error.code;
        assert.equal(code(native), code(npm), call.vector.id);
      } else {
        assert.equal(npm.code === 0, call.vector.expect.valid, call.vector.id);
      }
    });
  });

  test("explain: the same causes", async () => {
    const refused = calls().filter(({ vector }) => !vector.expect.valid);
    await eachOf(
      refused.filter((_, index) => index % 3 === 0),
      async (call) => {
        const { args, options } = callOf(call);
        const { native, npm } = await both(["explain", ...args], options);
        assert.equal(native.code, npm.code, call.vector.id);
        if (npm.code === 2) return;
        const [ours, theirs] = [parsed(native), parsed(npm)];
        assert.deepEqual(findings(ours), findings(theirs), call.vector.id);
        assert.deepEqual(
          [ours.verdict.code, ours.trials, ours.complete],
          [theirs.verdict.code, theirs.trials, theirs.complete],
          call.vector.id,
        );
      },
    );
  });

  test("sign: the same headers", async () => {
    const body = payload("cleanmails").toString();
    const at = ["--timestamp", "1772000000", "--id", "msg_1", "--url", "https://a.example/in?b=1"];
    const senders = [
      ["-p", "cleanmails"],
      ["--scheme", "stripe"],
      ["--scheme", "standard-webhooks", "--option", "secretFormat=raw"],
      ["--scheme", "standard-webhooks", "--option", "secret_format=raw"],
      ["--scheme", "hubspot"],
      ["--scheme", "hook0", "-H", "X-Own: 1"],
      [
        "--scheme",
        "generic-hmac",
        "--option",
        "header=X-A",
        "--option",
        "template={id}{body}",
        "--option",
        "idHeader=X-I",
      ],
    ];
    await eachOf(senders, async (sender) => {
      for (const format of [[], ["--json"]]) {
        const { native, npm } = await both(["sign", ...sender, ...at, ...format], {
          input: body,
          env: { COUNTERSIGN_SECRET: SECRET },
        });
        assert.deepEqual(native, npm, String(sender));
        assert.equal(npm.code, 0, npm.err);
      }
    });
  });

  test("the same words for people", async () => {
    const good = payload("cleanmails").toString();
    const request = (body) => `POST / HTTP/1.1\nX-Webhook-Signature: sha256=${hex(good)}\n\n${body}`;
    const env = { COUNTERSIGN_SECRET: SECRET };
    for (const command of ["verify", "explain"]) {
      for (const body of [good, `${good}\n`, "{}"]) {
        const { native, npm } = await both([command, "-p", "cleanmails"], { env, input: request(body) });
        assert.deepEqual(native, npm, `${command} ${body}`);
      }
    }
  });

  test("the same of keys in PEM, and of secrets that can be no keys", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const file = (name, text) => writeFileSync(join(FOLDER, name), text) ?? name;
    file("sg.pem", privateKey.export({ type: "pkcs8", format: "pem" }));
    file("sg.pub", publicKey.export({ type: "spki", format: "pem" }));
    const { out: input } = await run(NATIVE, ["trigger", "sendgrid", "open", "--secret-file", "sg.pem", "--print"]);
    const secrets = { empty: "", prefix: "whsec_", odd: "whsec_!!!", short: "short" };
    for (const command of ["verify", "explain"]) {
      const sendgrid = await both([command, "--scheme", "sendgrid", "--secret-file", "sg.pub"], { input });
      assert.deepEqual(sendgrid.native, sendgrid.npm);
      assert.equal(sendgrid.npm.code, 0, sendgrid.npm.err);
      for (const [name, secret] of Object.entries(secrets)) {
        const sender = ["--scheme", "standard-webhooks", "--secret-file", file(`${name}.txt`, secret)];
        const { native, npm } = await both([command, ...sender, "--json"], { input });
        // Settings are spelled otherwise.
        const out = native.out.replaceAll("`secret_format:", "`secretFormat:");
        assert.deepEqual([native.code, out], [2, npm.out], `${command} ${name}`);
        assert.equal(npm.code, 2);
      }
    }
    // Standard error is for errors, and each is one line of JSON.
    const { native, npm } = await both(["verify", "-p", "nobody", "--secret", SECRET, "--json"], { input });
    for (const { code, err } of [native, npm]) {
      assert.deepEqual([code, JSON.parse(err).error.code], [2, "unknown_scheme"]);
    }
  });

  test("a recording that ended inside a line is mended by both", async () => {
    const line =
      '{"at":"2026-01-01T00:00:00.000Z","method":"POST","headers":[],"body":"x","verdict":"valid","events":[]}\n';
    for (const [name, binary] of Object.entries({ native: NATIVE, npm: NPM })) {
      for (const [end, whole] of [
        ['{"at":"2026', line],
        ['{"a', line],
        [line.trimEnd(), line + line],
        ["", line],
      ]) {
        const path = join(FOLDER, `${name}-cut.jsonl`);
        writeFileSync(path, `${line}${end}`);
        const args = ["listen", "-p", "cleanmails", "--port", "0", "--json", "--record", path];
        const env = { ...process.env, COUNTERSIGN_SECRET: SECRET };
        const child = spawn(binary, args, { cwd: FOLDER, env, stdio: ["ignore", "pipe", "inherit"] });
        const [first] = await once(child.stdout.setEncoding("utf8"), "data");
        const closed = once(child, "close");
        child.kill("SIGINT");
        await closed;
        const wanted =
          whole === line && end !== "" ? new RegExp(`ended inside a line; its last ${end.length} bytes`) : /^null$/;
        assert.match(String(JSON.parse(first).problem), wanted, name);
        assert.equal(readFileSync(path, "utf8"), whole, name);
      }
    }
  });

  test("the same exit code for the same mistake", async () => {
    const env = { COUNTERSIGN_SECRET: SECRET };
    const input = '{"headers":{},"body":""}';
    const mistakes = [
      ["verify"],
      ["verify", "-p", "nobody"],
      ["verify", "-p", "cleanmails", "--secret-file", "nowhere"],
      ["verify", "-p", "cleanmails", "--secret-env", "UNSET"],
      ["verify", "-p", "cleanmails", "--tolerance", "1.5"],
      ["verify", "-p", "cleanmails", "--now", "x"],
      ["verify", "-p", "cleanmails", "--option", "colour=red"],
      ["verify", "-p", "cleanmails", "--option", "mode=simple"],
      ["verify", "-p", "cleanmails", "--line", "2"],
      ["verify", "-p", "cleanmails", "--line", "x"],
      ["verify", "--scheme", "generic-hmac"],
      ["verify", "--scheme", "meta", "--option", "escapeUnicode=maybe"],
      ["verify", "--scheme", "twilio", "-H", "X-Twilio-Signature: x"],
      ["explain", "-p", "nobody"],
      ["explain", "--scheme", "generic-hmac"],
      ["explain", "-p", "cleanmails", "--other", "x"],
      ["sign", "-p", "cleanmails", "--curl", "http://a.example"],
      ["sign", "--scheme", "standard-webhooks", "--option", "secretFormat=raw"],
      ["listen", "-p", "cleanmails", "--port", "70000"],
      ["listen", "-p", "cleanmails", "--forward", "nowhere"],
      ["nothing"],
      [],
    ];
    await eachOf(mistakes, async (args) => {
      const { native, npm } = await both(args, { env, input });
      assert.deepEqual([native.code, native.out], [npm.code, npm.out], String(args));
      assert.equal(npm.code, 2, String(args));
    });
  });

  test("what one records the other reads, and tells the same of it", async () => {
    const body = payload("cleanmails");
    const odd = Buffer.from([0, 255, 10, 13, 0x1b]);
    const half = Buffer.from(body.toString().replace('"}}', '\\ud83d"}}'));
    assert.ok(half.includes("ud83d"));
    const lines = {};
    for (const [name, binary] of Object.entries({ native: NATIVE, npm: NPM })) {
      const args = ["listen", "-p", "cleanmails", "--port", "0", "--json", "--record", `${name}.jsonl`];
      const child = spawn(binary, args, {
        cwd: FOLDER,
        env: { ...process.env, COUNTERSIGN_SECRET: SECRET },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const told = child.stdout.setEncoding("utf8")[Symbol.asyncIterator]();
      const { listening } = JSON.parse((await told.next()).value);
      for (const [bytes, digest] of [
        [body, hex(body)],
        [odd, hex(odd)],
        [half, hex(half)],
        [body, hex("x")],
      ]) {
        const headers = { "x-webhook-signature": `sha256=${digest}`, "x-odd": "é" };
        await (await fetch(`${listening}/in`, { method: "POST", body: bytes, headers })).text();
      }
      const closed = once(child, "close");
      child.kill("SIGINT");
      let rest = "";
      for (let next = await told.next(); !next.done; next = await told.next()) rest += next.value;
      assert.deepEqual(await closed, [0, null]);
      // The port and the moment are their own.
      lines[name] = rest
        .trimEnd()
        .split("\n")
        .map((line) => ({ ...JSON.parse(line), at: "" }));
    }
    assert.equal(lines.npm.length, 4);
    assert.equal(lines.npm[1].bodyBase64, odd.toString("base64"));
    const withoutWords = (line) => ({
      ...line,
      explanation: line.explanation === null ? null : findings(line.explanation),
    });
    assert.deepEqual(lines.native.map(withoutWords), lines.npm.map(withoutWords));

    const env = { COUNTERSIGN_SECRET: SECRET };
    for (const recording of ["native.jsonl", "npm.jsonl"]) {
      for (const [line, code] of [
        ["1", 0],
        ["2", 0],
        ["3", 0],
        ["4", 1],
      ]) {
        const { native, npm } = await both(["verify", "-p", "cleanmails", "--line", line, recording], { env });
        assert.deepEqual(native, npm, `${recording} ${line}`);
        assert.equal(npm.code, code);
      }
      const several = await both(["verify", "-p", "cleanmails", recording], { env });
      assert.deepEqual(several.native, several.npm);
    }
    writeFileSync(join(FOLDER, "other.txt"), `${SECRET}\n`);
    const other = ["explain", "-p", "cleanmails", "--secret-env", "WRONG", "--other", "billing=other.txt"];
    const { native, npm } = await both([...other, "--line", "1", "npm.jsonl"], { env: { WRONG: "w" } });
    assert.deepEqual(native, npm);
    assert.match(npm.out, /the endpoint billing/);
  });

  test("the same flags in the help", async () => {
    // Of the lines that describe an option, what stands before the description.
    const described = ({ out }) => out.match(/^ +(?:-\w, +)?--.*?(?: {2}|$)/gm) ?? [];
    const flagsIn = (help) =>
      new Set(
        described(help)
          .join(" ")
          .match(/--[a-z][a-z-]*/g),
      );
    for (const command of ["verify", "explain", "sign", "listen"]) {
      const { native, npm } = await both([command, "--help"]);
      const missing = [...flagsIn(npm)].filter((flag) => !flagsIn(native).has(flag));
      assert.deepEqual(missing, [], `${command}: flags that the binary does not name`);
      const more = [...flagsIn(native)].filter((flag) => !flagsIn(npm).has(flag));
      assert.deepEqual(more, [], `${command}: flags that npx countersign does not name`);
    }
  });
});
