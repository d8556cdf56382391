// What every adapter promises, held against the real frameworks. Each one answers `ask(init)` for a handler made with `options`.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { connect as connectHttp2, createServer as createHttp2 } from "node:http2";
import { describe, test } from "node:test";
import { createGunzip, gzipSync } from "node:zlib";
import * as byExpress from "countersign/express";
import * as byFastify from "countersign/fastify";
import * as byFetch from "countersign/fetch";
import * as byHono from "countersign/hono";
import * as byNode from "countersign/node";
import express5 from "express";
import express4 from "express4";
import fastify from "fastify";
import { Hono } from "hono";
import { payload, SECRET, serving, signed } from "./support.mjs";

const provider = "sendemall";
const body = payload(provider);
const headers = { "content-type": "application/json", "webhook-id": "msg_1", ...signed(provider, body) };
const HOST = "https://receiver.example";

/** Sends to a server. */
const overHttp = (url) => async (init) => {
  const response = await fetch(`${url}${init.path ?? "/hook"}`, { method: "POST", duplex: "half", ...init });
  return { status: response.status, text: await response.text(), headers: response.headers, url };
};

/** Hands a Request to a fetch handler. */
const asRequest = (handler) => async (init) => {
  const response = await handler(
    new Request(`${HOST}${init.path ?? "/hook"}`, { method: "POST", duplex: "half", ...init }),
  );
  return { status: response.status, text: await response.text(), headers: response.headers, url: HOST };
};

const withExpress = (express) => async (options, use) => {
  const app = express();
  app.use("/hook", byExpress.webhook(options));
  await serving(app, (url) => use(overHttp(url)));
};

const ADAPTERS = {
  "Express 4": withExpress(express4),
  "Express 5": withExpress(express5),
  "node:http": (options, use) => serving(byNode.webhook(options), (url) => use(overHttp(url))),
  async Fastify(options, use) {
    const app = fastify();
    app.register(byFastify.webhook(options), { prefix: "/hook" });
    await app.listen({ host: "127.0.0.1", port: 0 });
    try {
      await use(overHttp(`http://127.0.0.1:${app.server.address().port}`));
    } finally {
      app.server.closeAllConnections();
      await app.close();
    }
  },
  async Hono(options, use) {
    const app = new Hono();
    app.all("/hook", byHono.webhook(options));
    await use(asRequest((request) => app.fetch(request)));
  },
  fetch: (options, use) => use(asRequest(byFetch.webhookHandler(options))),
};
/** Where the adapter sees who connects. */
const SEES_PEER = new Set(["Express 4", "Express 5", "node:http", "Fastify"]);

/** Options that remember what they were told. */
function recording(options = {}) {
  const seen = { events: [], rejected: [], errors: [] };
  const own = {
    provider,
    secrets: SECRET,
    onEvent: (event, context) => void seen.events.push({ event, context }),
    onReject: (refusal) => void seen.rejected.push(refusal.code),
    onError: (error) => void seen.errors.push(error),
    ...options,
  };
  return [own, seen];
}

for (const [name, start] of Object.entries(ADAPTERS)) {
  describe(name, { timeout: 30_000 }, () => {
    // Holds: E34
    test("accepts what was signed, byte for byte, and gives the documented answer", async () => {
      const [options, seen] = recording();
      await start(options, async (ask) => {
        const answer = await ask({ body, headers });
        assert.deepEqual([answer.status, answer.text], [200, '{"received":true}']);
        assert.match(answer.headers.get("content-type"), /^application\/json/);
      });
      const [{ event, context }] = seen.events;
      assert.equal(event.type, "email.bounced");
      assert.deepEqual(Buffer.from(context.body), body);
      assert.equal(context.messageId, "msg_1");
      assert.deepEqual(seen.errors, []);
    });

    test("accepts every content type, and none", async () => {
      const [options, seen] = recording();
      await start(options, async (ask) => {
        for (const type of [
          "text/plain",
          "application/x-www-form-urlencoded",
          "application/octet-stream",
          "a/b; c=d",
        ]) {
          assert.equal((await ask({ body, headers: { ...headers, "content-type": type } })).status, 200, type);
        }
        const { "content-type": _none, ...bare } = headers;
        assert.equal((await ask({ body: new Uint8Array(body), headers: bare })).status, 200);
      });
      assert.equal(seen.events.length, 5);
    });

    test("refuses what was not signed with the documented 401", async () => {
      const [options, seen] = recording();
      await start(options, async (ask) => {
        const changed = Buffer.from(body);
        changed[10] ^= 1;
        for (const init of [{ body: changed, headers }, { body, headers: {} }, { headers }]) {
          const answer = await ask(init);
          assert.deepEqual([answer.status, answer.text], [401, '{"error":"Invalid signature"}']);
        }
      });
      assert.deepEqual(seen.rejected, ["bad_signature", "missing_header", "bad_signature"]);
      assert.equal(seen.events.length, 0);
    });

    test("answers 413 over maxBytes, declared or streamed, 405 to other methods, 400 to what is no event", async () => {
      const [options, seen] = recording({ maxBytes: 1000 });
      await start(options, async (ask) => {
        const declared = await ask({ body: Buffer.alloc(1001), headers });
        assert.deepEqual([declared.status, declared.text], [413, '{"error":"Payload too large"}']);
        const chunks = new ReadableStream({
          start(controller) {
            for (let i = 0; i < 5; i += 1) controller.enqueue(new Uint8Array(1000));
            controller.close();
          },
        });
        assert.equal((await ask({ body: chunks, headers })).status, 413);
        const exact = Buffer.alloc(1000, "x");
        assert.equal((await ask({ body: exact, headers: signed(provider, exact) })).status, 400);
        const other = await ask({ method: "GET" });
        assert.deepEqual([other.status, other.headers.get("allow")], [405, "POST"]);
      });
      assert.deepEqual(seen.rejected, ["body_too_large", "body_too_large", "json_invalid", "method_not_allowed"]);
    });

    test("takes a body of 1 MiB by default and none that is longer", async () => {
      const [options] = recording();
      await start(options, async (ask) => {
        const large = Buffer.alloc(1024 * 1024, "x");
        assert.equal((await ask({ body: large, headers: signed(provider, large) })).status, 400);
        assert.equal((await ask({ body: Buffer.alloc(1024 * 1024 + 1, "x"), headers })).status, 413);
      });
    });

    test("answers 500 when the handler fails, and tells onError", async () => {
      const failure = new Error("no database");
      const [options, seen] = recording({ onEvent: () => Promise.reject(failure) });
      await start(options, async (ask) => assert.equal((await ask({ body, headers })).status, 500));
      assert.deepEqual(seen.errors, [failure]);
    });

    // Holds: S33, S34, E36
    test("with before-handler the answer is there before the handler has ended, and its failure goes to onError", async () => {
      const { promise: gate, resolve: open } = resolvers();
      const { promise: told, resolve: tell } = resolvers();
      const [options] = recording({
        acknowledge: "before-handler",
        async onEvent() {
          await gate;
          throw new Error("late");
        },
        onError: tell,
      });
      await start(options, async (ask) => {
        assert.equal((await ask({ body, headers })).status, 200);
        open();
        assert.equal((await told).message, "late");
      });
    });

    test("with before-handler an accepted event is handled although its sender has gone", async () => {
      if (!SEES_PEER.has(name)) return;
      const { promise: handled, resolve: handle } = resolvers();
      const { promise: claiming, resolve: claim } = resolvers();
      const { promise: gone, resolve: go } = resolvers();
      const store = {
        async claim() {
          claim();
          await gone;
          return "claimed";
        },
        async confirm() {},
        async release() {},
      };
      const [options] = recording({ acknowledge: "before-handler", dedupe: { store }, onEvent: handle });
      await start(options, async (ask) => {
        const leaving = new AbortController();
        const asked = ask({ body, headers, signal: leaving.signal }).catch(() => {});
        await claiming;
        leaving.abort();
        await asked;
        // The server needs a moment to see it.
        await new Promise((resolve) => setTimeout(resolve, 50));
        go();
        assert.equal((await handled).id, "evt_bounce_001");
      });
    });

    test("a scheme that signs the address gets the one that was called", async () => {
      const secret = "hubspot-secret";
      const [options, seen] = recording({ provider: undefined, scheme: "hubspot", secrets: secret });
      const signedFor = (url, path) => {
        const timestamp = String(Date.now());
        const text = `POST${url}${path}{"a":1}${timestamp}`;
        return {
          "x-hubspot-signature-v3": createHmac("sha256", secret).update(text).digest("base64"),
          "x-hubspot-request-timestamp": timestamp,
        };
      };
      const path = "/hook?portal=1&b=c";
      await start(options, async (ask) => {
        const { url } = await ask({});
        assert.equal((await ask({ path, body: '{"a":1}', headers: signedFor(url, path) })).status, 200);
        assert.equal(
          (await ask({ path, body: '{"a":1}', headers: signedFor("http://other.example", path) })).status,
          401,
        );
      });
      assert.deepEqual(seen.events[0].event.payload, { a: 1 });
      const fixed = "https://public.example/in";
      for (const url of [fixed, () => fixed]) {
        await start({ ...options, url }, async (ask) => {
          assert.equal((await ask({ path, body: '{"a":1}', headers: signedFor(fixed, "") })).status, 200);
        });
      }
      await start({ ...options, trustProxy: true }, async (ask) => {
        const forwarded = { "x-forwarded-proto": "https", "x-forwarded-host": "public.example" };
        const own = { ...signedFor("https://public.example", path), ...forwarded };
        assert.equal((await ask({ path, body: '{"a":1}', headers: own })).status, 200);
      });
    });

    // Holds: S29, R-S14
    test("allowFrom lets only the listed addresses in", async () => {
      if (!SEES_PEER.has(name)) {
        const [options] = recording({ allowFrom: ["127.0.0.0/8"] });
        await assert.rejects(async () => start(options, () => {}), {
          code: "option_missing",
          message: /clientAddress/,
        });
        const clientAddress = (request) => (request.req?.raw ?? request).headers.get("cf-connecting-ip");
        await start({ ...options, clientAddress }, async (ask) => {
          assert.equal((await ask({ body, headers: { ...headers, "cf-connecting-ip": "127.0.0.1" } })).status, 200);
          assert.equal((await ask({ body, headers: { ...headers, "cf-connecting-ip": "128.0.0.1" } })).status, 403);
          assert.equal((await ask({ body, headers })).status, 403);
        });
        return;
      }
      const [options, seen] = recording();
      for (const [allowFrom, status] of [
        [["127.0.0.0/8"], 200],
        [["192.0.2.0/24", "::1"], 403],
        [[], 200],
      ]) {
        await start({ ...options, allowFrom }, async (ask) =>
          assert.equal((await ask({ body, headers })).status, status),
        );
      }
      await start({ ...options, allowFrom: ["192.0.2.0/24"], trustProxy: ["127.0.0.1"] }, async (ask) => {
        const via = (forwarded) => ask({ body, headers: { ...headers, "x-forwarded-for": forwarded } });
        assert.equal((await via("192.0.2.7")).status, 200);
        assert.equal((await via("192.0.2.7, 198.51.100.1")).status, 403);
        assert.equal(
          (await ask({ body, headers: { ...signed(provider, body, "x"), "x-forwarded-for": "192.0.2.7" } })).status,
          401,
        );
      });
      assert.deepEqual(seen.rejected, ["address_not_allowed", "address_not_allowed", "bad_signature"]);
    });

    test("mistakes in the options throw when it is made", async () => {
      const [options] = recording();
      for (const [more, code] of [
        [{ secrets: undefined }, "secret_missing"],
        [{ onEvent: undefined }, "option_invalid"],
        [{ maxBytes: "1mb" }, "option_invalid"],
        [{ acknowledge: "never" }, "option_invalid"],
        [{ url: 7 }, "option_invalid"],
        [{ allowFrom: ["10.0.0.1/8"] }, "option_invalid"],
        [{ dedupe: {} }, "option_invalid"],
      ]) {
        await assert.rejects(async () => start({ ...options, ...more }, () => {}), { code }, JSON.stringify(more));
      }
    });
  });
}

test("Fastify: other routes keep their JSON parser", async () => {
  const [options, seen] = recording();
  const app = fastify();
  app.register(byFastify.webhook(options), { prefix: "/hook" });
  app.post("/other", async (request) => ({ parsed: request.body }));
  const ask = (url, given) => app.inject({ method: "POST", url, headers, payload: given });
  assert.deepEqual((await ask("/other", '{"a":1}')).json(), { parsed: { a: 1 } });
  assert.equal((await ask("/other", "{")).statusCode, 400);
  assert.equal((await ask("/hook", body)).statusCode, 200);
  assert.equal((await ask("/hook/", body)).statusCode, 200);
  assert.equal(seen.events[0].context.request.url, "/hook");
  await app.close();
});

test("Fastify: a hook that unpacks bodies is ahead of the signature, and one that fails is a broken body", async () => {
  const [options, seen] = recording();
  const app = fastify();
  app.addHook("preParsing", async (_request, _reply, stream) => stream.pipe(createGunzip()));
  app.register(byFastify.webhook(options), { prefix: "/hook" });
  const ask = (given) => app.inject({ method: "POST", url: "/hook", headers, payload: given });
  assert.equal((await ask(gzipSync(body))).statusCode, 200);
  assert.equal((await ask(Buffer.from("no gzip"))).statusCode, 400);
  assert.deepEqual([seen.events.length, seen.rejected], [1, ["request_aborted"]]);
  await app.close();
});

test("Fastify: a parsed body is the developer's mistake and goes to the error handler", async () => {
  const [options] = recording();
  const app = fastify();
  app.register(byFastify.webhook(options), { prefix: "/hook" });
  app.addHook("preHandler", async (request) => {
    request.body = { parsed: true };
  });
  app.setErrorHandler((error, _request, reply) => reply.code(500).send({ code: error.code, message: error.message }));
  const answer = await app.inject({ method: "POST", url: "/hook", headers, payload: body });
  assert.equal(answer.json().code, "body_already_parsed");
  assert.match(answer.json().message, /Fastify/);
  await app.close();
});

test("Hono: a body that was parsed before is refused, its bytes are used, waitUntil is called", async () => {
  const [options, seen] = recording({ acknowledge: "before-handler" });
  const app = new Hono();
  app.use("/parsed", async (context, next) => {
    await context.req.json();
    await next();
  });
  app.use("/kept", async (context, next) => {
    await context.req.arrayBuffer();
    await context.req.json();
    await next();
  });
  app.post("*", byHono.webhook(options));
  app.onError((error, context) => context.json({ code: error.code, message: error.message }, 500));
  const waited = [];
  const ask = (path) =>
    app.request(path, { method: "POST", body, headers }, { SECRET }, { waitUntil: (work) => waited.push(work) });
  const parsed = await (await ask("/parsed")).json();
  assert.equal(parsed.code, "body_already_read");
  assert.match(parsed.message, /c\.req\.arrayBuffer/);
  assert.equal((await ask("/kept")).status, 200);
  assert.equal(waited.length, 1);
  await waited[0];
  assert.equal(seen.events[0].context.request.env.SECRET, SECRET);
});

test("node: a body that was read before is answered with 500 and told to onError", async () => {
  const [options, seen] = recording();
  const listener = byNode.webhook(options);
  const drained = (request, response) => request.on("end", () => listener(request, response)).resume();
  await serving(drained, async (url) => {
    const response = await fetch(url, { method: "POST", body, headers });
    assert.deepEqual([response.status, await response.text()], [500, '{"error":"Server error"}']);
  });
  assert.equal(seen.errors[0].code, "body_already_read");
});

test("node: HTTP/2 works, with the address of :authority and without a connection header", async () => {
  const [options, seen] = recording({ maxBytes: body.length });
  const server = createHttp2(byNode.webhook(options)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const client = connectHttp2(`http://127.0.0.1:${server.address().port}`);
  const ask = (given) =>
    new Promise((resolve, reject) => {
      const stream = client.request({ ":method": "POST", ":path": "/hook", ...headers });
      stream.on("response", (answer) => resolve(answer[":status"])).on("error", reject);
      stream.on("data", () => {}).end(given);
    });
  try {
    assert.equal(await ask(body), 200);
    assert.equal(await ask(Buffer.alloc(body.length + 1)), 413);
  } finally {
    client.close();
    server.close();
  }
  assert.equal(seen.events.length, 1);
});

function resolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
