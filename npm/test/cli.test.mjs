// The packed package's command, as `npx countersign` runs it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, test } from "node:test";
import { install } from "../packaging-tests/install.mjs";
import { hex, payload, post, SECRET, serving, signed } from "./support.mjs";

const BIN = join(install("node"), "node_modules", ".bin", "countersign");
const FOLDER = mkdtempSync(join(tmpdir(), "countersign-cli-"));
after(() => rmSync(FOLDER, { recursive: true, force: true }));

const BODY = payload("cleanmails");
const HEADER = `X-Webhook-Signature: sha256=${hex(BODY)}`;

/** Writes a file into the folder that commands run in. */
function file(name, content) {
  writeFileSync(join(FOLDER, name), content);
  return name;
}
const secretFile = file("secret.txt", `${SECRET}\n`);
const bodyFile = file("body.json", BODY);
const sender = ["--provider", "cleanmails", "--secret-file", secretFile];

function start(args, env = {}) {
  const { COUNTERSIGN_SECRET: _, ...own } = process.env;
  return spawn(BIN, args, { cwd: FOLDER, env: { ...own, ...env }, stdio: ["pipe", "pipe", "pipe"] });
}

/** Runs a command to its end. */
async function run(args, { input = "", env } = {}) {
  const child = start(args, env);
  const text = async (stream) => (await stream.toArray()).join("");
  child.stdin.on("error", () => {}).end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  assert.ok(!`${out}${err}`.includes(SECRET), "a secret is echoed");
  return { code, out, err };
}

/** The request as raw HTTP. */
const http = (body, end = "\r\n") => `POST /hooks HTTP/1.1${end}Host: a.example${end}${HEADER}${end}${end}${body}`;

describe("countersign verify", () => {
  test("takes a request as raw HTTP, as JSON, in its parts, from a file and from standard input", async () => {
    const forms = [
      [[file("request.http", http(BODY))]],
      [[], http(BODY)],
      [["-"], http(BODY, "\n")],
      [[], JSON.stringify({ headers: { "x-webhook-signature": `sha256=${hex(BODY)}` }, body: BODY.toString() })],
      [[], JSON.stringify({ headers: [HEADER.split(": ")], bodyBase64: BODY.toString("base64") })],
      [["--header", HEADER, "--body-file", bodyFile]],
      [["-H", HEADER, "--body-file", "-"], BODY],
    ];
    for (const [args, input] of forms) {
      const { code, out, err } = await run(["verify", ...sender, ...args], { input });
      assert.deepEqual([code, out, err], [0, "valid: secret 1 fits; the signature covers body\n", ""], String(args));
    }
  });

  test("ends with 1 when the signature does not fit, and names the code", async () => {
    const { code, out, err } = await run(["verify", ...sender], { input: `${http(BODY)}\n` });
    assert.deepEqual([code, out.startsWith("bad_signature: ")], [1, true]);
    assert.match(err, /countersign explain/);
    const json = await run(["verify", ...sender, "--json"], { input: http("") });
    assert.deepEqual([json.code, JSON.parse(json.out).code], [1, "bad_signature"]);
  });

  test("takes the secret from a file, a variable or the command line, and warns of the last", async () => {
    const request = ["-H", HEADER, "--body-file", bodyFile];
    const verify = (args, env) => run(["verify", "-p", "cleanmails", ...args, ...request], { env });
    assert.equal((await verify([], { COUNTERSIGN_SECRET: SECRET })).code, 0);
    assert.equal((await verify(["--secret-env", "OTHER"], { OTHER: SECRET })).code, 0);
    const [plain, none, unset] = [
      await verify(["--secret", "wrong", "--secret", SECRET]),
      await verify([]),
      await verify(["--secret-env", "OTHER"]),
    ];
    assert.deepEqual([plain.code, plain.out.startsWith("valid: secret 2 fits")], [0, true]);
    assert.match(plain.err, /^warning: a secret on the command line/);
    assert.deepEqual([none.code, unset.code], [2, 2]);
    assert.match(none.err, /COUNTERSIGN_SECRET/);
    assert.match(unset.err, /OTHER is not set/);
  });

  test("judges by the given clock, and reads settings", async () => {
    const timestamp = 1_772_000_000;
    const options = ["--scheme", "generic-hmac", "--secret-file", secretFile, "--option", "header=X-S"];
    const dated = [...options, "--option", "template={timestamp}.{body}", "--option", "timestampHeader=X-T"];
    const request = ["-H", `X-T: ${timestamp}`, "-H", `X-S: ${hex(`${timestamp}.${BODY}`)}`, "--body-file", bodyFile];
    const verify = (...clock) => run(["verify", ...dated, ...request, ...clock]);
    const inTime = await verify("--tolerance", "300", "--now", String(timestamp + 300));
    assert.deepEqual([inTime.code, inTime.out.includes("2026-02-25T06:13:20.000Z")], [0, true]);
    const tooLate = await verify("--tolerance", "300", "--now", String(timestamp + 301));
    assert.deepEqual([tooLate.code, tooLate.out.split(":")[0]], [1, "timestamp_too_old"]);
    assert.equal((await verify("--tolerance", "off", "--now", "1")).code, 0);
  });

  test("ends with 2 for every mistake in the call, and says what to do", async () => {
    const request = ["-H", HEADER, "--body-file", bodyFile];
    const mistakes = [
      [[], /Name the sender/],
      [["--provider", "nobody", "--secret-file", secretFile], /unknown_scheme/],
      [[...sender, "--nothing"], /--nothing/],
      [[...sender, "--tolerance", "soon"], /--tolerance must be a number/],
      [[...sender, "--option", "colour=red"], /no setting colour/],
      [[...sender, "--option", "mode=simple"], /unknown_option/],
      [["--provider", "cleanmails", "--secret-file", "nowhere"], /nowhere cannot be read: ENOENT/],
      [[...sender, "extra"], /as one FILE/],
      [[...sender, "--header", "no colon"], /--header takes NAME/],
    ];
    for (const [args, wanted] of mistakes) {
      const { code, out, err } = await run(["verify", ...request, ...args]);
      assert.deepEqual([code, out], [2, ""], String(args));
      assert.match(err, wanted);
    }
    for (const input of ["", "hello", "{}", '{"headers":{},"body":{}}', "POST / HTTP/1.1\nno name\n\n"]) {
      const { code, err } = await run(["verify", ...sender], { input });
      assert.equal(code, 2, input);
      assert.match(err, /--help/);
    }
  });
});

describe("countersign explain", () => {
  test("says why, and how to mend it", async () => {
    const input = http(JSON.stringify(JSON.parse(BODY), null, 2));
    const { code, out } = await run(["explain", ...sender], { input });
    assert.equal(code, 1);
    assert.match(out, /^bad_signature: .*\ncertain: .*\(body_reserialised\)\n {2}fix: .*raw/);
    const json = JSON.parse((await run(["explain", ...sender, "--json"], { input })).out);
    assert.deepEqual([json.findings[0].code, json.complete], ["body_reserialised", true]);
  });

  test("knows other endpoints, and has nothing to say of what fits", async () => {
    const other = ["explain", "-p", "cleanmails", "--secret-env", "OWN", "--other", `billing=${secretFile}`];
    const found = await run(other, { input: http(BODY), env: { OWN: "another" } });
    assert.deepEqual([found.code, found.out.includes("the endpoint billing")], [1, true]);
    const fits = await run(["explain", ...sender], { input: http(BODY) });
    assert.deepEqual([fits.code, fits.out], [0, "valid: nothing to explain\n"]);
    const nothing = await run(["explain", "-p", "cleanmails"], { input: http(BODY), env: { COUNTERSIGN_SECRET: "x" } });
    assert.deepEqual([nothing.code, nothing.out.includes("No known mistake explains it")], [1, true]);
  });
});

describe("countersign sign", () => {
  test("prints the headers of the sender, as text and as JSON", async () => {
    const { code, out } = await run(["sign", ...sender, "--body-file", bodyFile]);
    assert.deepEqual([code, out], [0, `${HEADER}\n`]);
    const json = await run(["sign", ...sender, "--json"], { input: BODY });
    assert.deepEqual(JSON.parse(json.out), { headers: [HEADER.split(": ")] });
    const dated = ["--scheme", "standard-webhooks", "--id", "msg_1", "--timestamp", "1772000000"];
    const signing = await run(["sign", ...dated, ...["--option", "secretFormat=raw"], ...sender.slice(2)], {
      input: BODY,
    });
    assert.match(signing.out, /webhook-id: msg_1\nwebhook-timestamp: 1772000000\nwebhook-signature: v1,/i);
  });

  test("prints a curl command that a shell can run", async () => {
    const url = "http://127.0.0.1:1/it's?a=1&b=2";
    const { out } = await run(["sign", ...sender, "--body-file", file("it's.json", BODY), "--curl", url]);
    const child = spawn("sh", ["-c", `curl() { printf '%s\\n' "$@"; }; ${out}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const args = (await child.stdout.toArray()).join("").trimEnd().split("\n");
    assert.deepEqual(args, [url, "-H", "Content-Type: application/json", "-H", HEADER, "--data-binary", "@it's.json"]);
  });

  test("ends with 2 for what cannot be signed", async () => {
    const mistakes = [
      [[...sender, "--secret-file", secretFile, "--body-file", bodyFile], /one secret/],
      [[...sender, "--curl", "http://a.example"], /--curl needs --body-file/],
      [
        ["--scheme", "standard-webhooks", "--secret-file", file("whsec", "whsec_c2VjcmV0"), "--body-file", bodyFile],
        /id_missing/,
      ],
    ];
    for (const [args, wanted] of mistakes) {
      const { code, err } = await run(["sign", ...args]);
      assert.equal(code, 2);
      assert.match(err, wanted);
    }
  });
});

describe("countersign listen", { timeout: 60_000 }, () => {
  /** Runs the receiver for as long as `use` takes, stops it as Ctrl-C does, and returns what it printed. */
  async function listening(args, use) {
    const child = start(["listen", "--port", "0", ...args]);
    const lines = [];
    const first = new Promise((resolve) =>
      createInterface({ input: child.stdout }).on("line", (line) => resolve(lines.push(line))),
    );
    child.stderr.resume();
    const closed = once(child, "close");
    try {
      await first;
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(lines[0]);
      await use(url, lines);
    } finally {
      child.kill("SIGINT");
    }
    assert.deepEqual(await closed, [0, null]);
    return lines;
  }

  test("verifies, shows the event, explains a refusal, refuses what is too long, and ends on SIGINT", async () => {
    const pretty = JSON.stringify(JSON.parse(BODY), null, 1);
    const lines = await listening([...sender, "--max-bytes", "1000"], async (url) => {
      const good = await post(`${url}/a`, BODY, signed("cleanmails", BODY));
      assert.deepEqual([good.status, good.text], [200, '{"received":true}']);
      const changed = await post(`${url}/b`, pretty, signed("cleanmails", BODY));
      assert.deepEqual([changed.status, changed.text], [401, '{"error":"Invalid signature"}']);
      assert.equal((await post(`${url}/c`, Buffer.alloc(1001))).status, 413);
    });
    const text = lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, "")).join("\n");
    assert.match(text, /valid POST \/a \d+ B -> 200\n {2}email\.replied {2}john@example\.com {2}Q2 Outreach/);
    assert.match(text, /bad_signature POST \/b \d+ B -> 401\n {2}certain: .*\(body_reserialised\)\n {4}fix: /);
    assert.match(text, /refused POST \/c 0 B -> 413/);
    assert.match(text, /stopped: 1 valid, 2 refused$/);
    assert.ok(!text.includes("\u001b"), "colours without a terminal");
  });

  test("forwards the very bytes and headers of what verifies, and brings the answer back", async () => {
    const seen = [];
    const target = async (request, response) => {
      const body = Buffer.concat(await request.toArray());
      seen.push([request.method, request.url, request.headers["x-webhook-signature"], request.headers["x-own"], body]);
      response.writeHead(418, { "content-type": "text/x-tea" }).end("short and stout");
    };
    await serving(target, async (own) => {
      await listening([...sender, "--forward", `${own}/hook?a=1`, "--json"], async (url, lines) => {
        const headers = { ...signed("cleanmails", BODY), "x-own": "é" };
        const answer = await post(url, BODY, headers);
        assert.deepEqual(
          [answer.status, answer.text, answer.headers.get("content-type")],
          [418, "short and stout", "text/x-tea"],
        );
        assert.equal((await post(url, BODY, signed("cleanmails", BODY, "x"))).status, 401);
        assert.deepEqual(seen, [["POST", "/hook?a=1", headers["x-webhook-signature"], "é", BODY]]);
        while (lines.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
        const [, valid, refused] = lines.map((line) => JSON.parse(line));
        assert.deepEqual([valid.status, valid.verdict.ok, valid.events[0].type], [418, true, "email.replied"]);
        assert.deepEqual([refused.status, refused.verdict.code], [401, "bad_signature"]);
      });
    });
  });

  test("records every request with its exact bytes, and answers with another status when that is asked for", async () => {
    const recording = "hooks.jsonl";
    const bodies = [BODY, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), Buffer.from("")];
    await listening([...sender, "--record", recording, "--status", "503"], async (url) => {
      for (const body of bodies) {
        const headers = { ...signed("cleanmails", body), "x-odd": "é" };
        assert.equal((await post(`${url}/in?a=1`, body, headers)).status, 503);
      }
      assert.equal((await post(url, "unsigned", {})).status, 401);
    });
    const lines = readFileSync(join(FOLDER, recording), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ verdict }) => verdict),
      ["valid", "valid", "valid", "missing_header"],
    );
    assert.deepEqual([lines[0].events, lines[0].body], [["email.replied"], BODY.toString()]);
    assert.match(lines[0].url, /^http:\/\/127\.0\.0\.1:\d+\/in\?a=1$/);
    assert.deepEqual(Buffer.from(lines[1].bodyBase64, "base64"), bodies[1]);
    assert.equal(statSync(join(FOLDER, recording)).mode & 0o077, 0);
    for (const [line, code] of [
      ["1", 0],
      ["2", 0],
      ["4", 1],
      ["5", 2],
    ]) {
      assert.equal((await run(["verify", ...sender, "--line", line, recording])).code, code, line);
    }
    const several = await run(["verify", ...sender, recording]);
    assert.equal(several.code, 2);
    assert.match(several.err, /4 requests.*--line/);
    // Nothing is added to what is no recording, and nothing beyond the limit.
    const refused = await run(["listen", ...sender, "--record", file("letter.txt", "Dear Ada,")]);
    assert.deepEqual([refused.code, readFileSync(join(FOLDER, "letter.txt"), "utf8")], [2, "Dear Ada,"]);
    const limited = [...sender, "--record", "short.jsonl", "--record-max-bytes", "10", "--json"];
    const told = await listening(limited, async (url) => {
      assert.equal((await post(url, BODY, signed("cleanmails", BODY))).status, 200);
    });
    assert.match(JSON.parse(told[1]).problem, /--record-max-bytes/);
  });

  test("says so when forwarding fails, and shows hostile text without effect on the terminal", async () => {
    const body = JSON.stringify({ ...JSON.parse(BODY), event: "\u001b[31mred\u202e" });
    const gone = await serving(
      () => {},
      (url) => url,
    );
    const args = [...sender, "--forward", gone, "--show-body"];
    const lines = await listening(args, async (url) => {
      assert.equal((await post(`${url}/%1b`, body, signed("cleanmails", body))).status, 502);
      assert.equal((await post(url, "\u009b2J", {})).status, 401);
    });
    const text = lines.join("\n");
    assert.match(text, /forwarding failed: ECONNREFUSED/);
    assert.ok(text.includes("\\u009b2J"));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.test(text));
  });

  test("ends with 2 when it cannot listen or was called wrongly", async () => {
    await serving(
      () => {},
      async (url) => {
        const { code, err } = await run(["listen", ...sender, "--port", new URL(url).port]);
        assert.equal(code, 2);
        assert.match(err, /cannot be listened on: EADDRINUSE/);
      },
    );
    for (const args of [
      ["--forward", "nowhere"],
      ["--port", "70000"],
      ["--max-bytes", "x"],
      ["--status", "99"],
      ["request.http"],
    ]) {
      assert.equal((await run(["listen", ...sender, ...args])).code, 2);
    }
  });
});

describe("countersign", () => {
  test("teaches", async () => {
    const none = await run([]);
    assert.deepEqual([none.code, none.out], [2, ""]);
    assert.match(none.err, /countersign verify/);
    assert.equal((await run(["toString"])).code, 2);
    for (const command of ["verify", "explain", "sign", "listen"]) {
      const { code, out } = await run([command, "--help"]);
      assert.equal(code, 0);
      assert.match(out, new RegExp(`^countersign ${command}: `));
      assert.ok(out.split("\n").every((line) => line.length <= 100));
      assert.match(out, /Exit code: 0/);
    }
    const { code, out } = await run(["--version"]);
    assert.match(out, /^countersign \d+\.\d+\.\d+, core [0-9a-f]{64}\n$/);
    assert.equal(code, 0);
  });
});
