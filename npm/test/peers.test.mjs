// The packages that others verify with accept what a running host sends; host and binary accept what they sign. They are those
// of bench/, locked there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installed } from "../bench/run.mjs";
import { PROJECT } from "../scripts/paths.mjs";
import { skipWithout } from "./needs.mjs";
import { serving } from "./support.mjs";

const BINARY = join(PROJECT, "target", "release", "countersign");
/** A text, which is the key as it stands, and a key in the spelling of Standard Webhooks. */
const SECRET = "whsec_peers-7Qe2vLkXp0RtY4mZ";
const WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/** What the packages of Standard Webhooks take for the text above (R-E6). */
const SECRET_AS_WHSEC = `whsec_${Buffer.from(SECRET).toString("base64")}`;
const PROVIDERS = [
  ["cleanmails", "email.replied"],
  ["smartlead", "EMAIL_REPLIED"],
  ["sendemall", "email.replied"],
  ["platform", "email.open"],
];
const FOLDER = mkdtempSync(join(tmpdir(), "countersign-peers-"));
after(() => rmSync(FOLDER, { recursive: true, force: true }));

/** The other packages, or why there are none. */
async function peers() {
  try {
    return { known: (await import(pathToFileURL(join(installed(), "peers.mjs")))).PEERS };
  } catch (error) {
    // Without a network the rest of the suite is still worth running; where nobody reads along it must not pass unseen.
    if (process.env.CI || !error.message.startsWith("npm ci")) throw error;
    return { missing: `the packages to compare with could not be installed: ${error.message}` };
  }
}

const { known, missing } = await peers();
const skip = missing ?? skipWithout(existsSync(BINARY), "the binary is not built (cargo xtask build)");

/** Runs a command of the binary to its end. */
async function run(args, { input = "", secret = SECRET } = {}) {
  const env = { ...process.env, COUNTERSIGN_SECRET: secret };
  const child = spawn(BINARY, args, { cwd: FOLDER, env, stdio: ["pipe", "pipe", "pipe"] });
  const text = async (stream) => (await stream.toArray()).join("");
  child.stdin.on("error", () => {}).end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code, out, err };
}

/** Whether a package accepts a request, and refuses it when a byte is another or the secret is. */
async function judged(peer, secret, { headers, body }) {
  const verdicts = [];
  for (const [key, bytes] of [
    [secret, body],
    [secret, body.replace("{", "{ ")],
    [`${secret.slice(0, -4)}AAAA`, body],
  ]) {
    verdicts.push(await peer.verify(key, headers, bytes));
  }
  return verdicts;
}
const ACCEPTED = [true, false, false];

const secretOf = ({ scheme }) => (scheme === "svix" || scheme === "standard-webhooks" ? WHSEC : SECRET);

/** A source of one's own for each package, by a name that an address can hold. */
const sourceOf = (name) => name.replace(/^@(\w+)\/.*$/, "$1");

function configuration() {
  const sources = Object.entries(known ?? {}).map(([name, peer]) =>
    [
      `[inbound.sources.${sourceOf(name)}]`,
      `scheme = "${peer.scheme}"`,
      `secrets = ["${secretOf(peer)}"]`,
      'event_type = "/type"',
    ].join("\n"),
  );
  return ["[inbound]\nenabled = true", ...sources].join("\n\n");
}

/** A body of one's own, of which no two are alike. */
let made = 0;
const bodyOf = () => JSON.stringify({ type: "order.paid", data: { name: "Ä", total: made++ } });

describe("a running host", { skip, timeout: 120_000 }, () => {
  let host;
  let url;

  before(async () => {
    const config = join(FOLDER, "countersign.toml");
    writeFileSync(config, configuration());
    const args = ["serve", "--dev", "--listen", "127.0.0.1:0", "--config", config, "--data-dir", join(FOLDER, "data")];
    host = spawn(BINARY, args, { cwd: FOLDER, stdio: ["ignore", "pipe", "ignore"] });
    const [line] = await once(host.stdout.setEncoding("utf8"), "data");
    url = JSON.parse(line).listening;
  });
  after(async () => {
    const ended = once(host, "close");
    host.kill("SIGTERM");
    await ended;
  });

  /** Makes an endpoint, lets something happen, and returns the request that arrived. */
  async function delivered(endpoint, happen) {
    let arrive;
    const arrival = new Promise((resolve) => {
      arrive = resolve;
    });
    const receive = async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString();
      response.writeHead(200).end();
      arrive({ headers: request.headers, body });
    };
    return serving(receive, async (receiver) => {
      const made = await fetch(`${url}/v1/endpoints`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...endpoint, url: `${receiver}/hooks` }),
      });
      const { id, ...answer } = await made.json();
      assert.equal(made.status, 201, JSON.stringify(answer));
      await happen();
      const request = await arrival;
      // So that later events do not go there.
      await fetch(`${url}/v1/endpoints/${id}`, { method: "DELETE" });
      return request;
    });
  }

  const trigger = (provider, event) => async () => {
    const triggered = await run(["trigger", provider, event, "--host", url]);
    assert.equal(triggered.code, 0, triggered.out + triggered.err);
  };

  for (const [provider, event] of PROVIDERS) {
    test(`svix and standardwebhooks verify deliveries of ${provider}`, async () => {
      const request = await delivered({ provider, secret: SECRET }, trigger(provider, event));
      for (const name of ["svix", "standardwebhooks"]) {
        assert.deepEqual(await judged(known[name], SECRET_AS_WHSEC, request), ACCEPTED, name);
      }
    });
  }

  test("svix and standardwebhooks verify events of one's own", async () => {
    const request = await delivered({ provider: "standard", secret: WHSEC }, trigger("standard", "order.paid"));
    for (const name of ["svix", "standardwebhooks"]) {
      assert.deepEqual(await judged(known[name], WHSEC, request), ACCEPTED, name);
    }
    assert.equal(JSON.parse(request.body).type, "order.paid");
  });

  for (const [name, peer] of Object.entries(known ?? {})) {
    test(`${name} verifies deliveries that are signed as it knows them`, async () => {
      const secret = secretOf(peer);
      const endpoint = { provider: "sendemall", secret, signature: { scheme: peer.scheme } };
      const request = await delivered(endpoint, trigger("sendemall", "email.bounced"));
      assert.deepEqual(await judged(peer, secret, request), ACCEPTED);
    });

    test(`what ${name} signs is taken in, passed on, and verified by svix`, async () => {
      const body = bodyOf();
      const headers = await peer.sign(secretOf(peer), body, { id: `msg_${made}`, at: new Date() });
      const post = async (bytes) => {
        const source = `${url}/api/webhooks/${sourceOf(name)}`;
        const response = await fetch(source, { method: "POST", headers, body: bytes });
        return [response.status, await response.text()];
      };
      assert.equal((await post(`${body} `))[0], 401);
      const request = await delivered({ provider: "standard", secret: WHSEC }, async () => {
        assert.deepEqual(await post(body), [200, '{"received":true}']);
      });
      assert.deepEqual(await judged(known.svix, WHSEC, request), ACCEPTED);
      const { type, data } = JSON.parse(request.body);
      assert.deepEqual([type, data], ["order.paid", JSON.parse(body)]);
    });
  }
});

describe("what other packages sign", { skip, timeout: 60_000 }, () => {
  for (const [name, peer] of Object.entries(known ?? {})) {
    test(`the binary accepts what ${name} signs`, async () => {
      const secret = secretOf(peer);
      const body = bodyOf();
      const headers = await peer.sign(secret, body, { id: "msg_1", at: new Date() });
      const verify = (text) =>
        run(["verify", "--scheme", peer.scheme, "--json"], { secret, input: JSON.stringify({ headers, body: text }) });
      const [good, changed] = [await verify(body), await verify(`${body} `)];
      assert.deepEqual([good.code, JSON.parse(good.out).ok], [0, true], good.err);
      assert.deepEqual([changed.code, JSON.parse(changed.out).code], [1, "bad_signature"]);
    });

    test(`${name} accepts what the binary signs`, async () => {
      const secret = secretOf(peer);
      const body = bodyOf();
      const signed = await run(["sign", "--scheme", peer.scheme, "--id", "msg_1", "--json"], { secret, input: body });
      assert.equal(signed.code, 0, signed.err);
      const headers = Object.fromEntries(
        JSON.parse(signed.out).headers.map(([key, value]) => [key.toLowerCase(), value]),
      );
      assert.deepEqual(await judged(peer, secret, { headers, body }), ACCEPTED);
    });
  }
});
