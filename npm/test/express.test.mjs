import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { webhook } from "countersign/express";
import express5 from "express";
import express4 from "express4";
import { payload, post, SECRET, serving, signed } from "./support.mjs";

const MIB = 1024 * 1024;
const provider = "sendemall";
const body = payload(provider);
const headers = { "content-type": "application/json", "webhook-id": "msg_1", ...signed(provider, body) };

/** A handler that remembers what it was told. */
function recording(options = {}) {
  const seen = { events: [], rejected: [], errors: [] };
  const handler = webhook({
    provider,
    secrets: SECRET,
    onEvent: (event, context) => void seen.events.push({ event, context }),
    onReject: (refusal, context) => void seen.rejected.push({ ...refusal, messageId: context.messageId }),
    onError: (error) => void seen.errors.push(error),
    ...options,
  });
  return { seen, handler };
}

for (const [version, express] of Object.entries({ "Express 4": express4, "Express 5": express5 })) {
  describe(version, () => {
    const app = (handler, ...before) => {
      const made = express();
      made.set("env", "test");
      for (const middleware of before) made.use(middleware);
      made.post("/hook", handler);
      made.all("/any", handler);
      made.use((error, _request, response, _next) => response.status(500).json({ code: error.code }));
      return made;
    };

    // Holds: E34
    test("a signed request reaches the handler and gets the documented answer", async () => {
      const { seen, handler } = recording();
      await serving(app(handler), async (url) => {
        const answer = await post(`${url}/hook`, body, headers);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '{"received":true}');
        assert.match(answer.headers.get("content-type"), /^application\/json/);
      });
      const [{ event, context }] = seen.events;
      assert.equal(event.type, "email.bounced");
      assert.equal(event.payload.data.bounce_code, "550");
      assert.equal(context.messageId, "msg_1");
      assert.deepEqual(context.verdict.covers, ["body"]);
      assert.deepEqual(Buffer.from(context.body), body);
      assert.equal(context.request.url, "/hook");
    });

    // Holds: E27, R-E7
    test("a forged, unsigned or mangled request gets the documented 401 and no detail", async () => {
      const { seen, handler } = recording();
      await serving(app(handler), async (url) => {
        const forged = signed(provider, body, "another secret");
        for (const bad of [forged, {}, { "x-sendemall-signature": "sha256=" }, { "x-sendemall-signature": "é" }]) {
          const answer = await post(`${url}/hook`, body, { "content-type": "application/json", ...bad });
          assert.deepEqual([answer.status, answer.text], [401, '{"error":"Invalid signature"}']);
        }
      });
      assert.equal(seen.events.length, 0);
      assert.deepEqual(
        seen.rejected.map(({ code }) => code),
        ["bad_signature", "missing_header", "malformed_header", "malformed_header"],
      );
    });

    // Holds: E28
    test("raw bodies of every middleware are used", async () => {
      const keepsRaw = express.json({
        verify: (request, _response, bytes) => Object.assign(request, { rawBody: bytes }),
      });
      const others = [
        express.raw({ type: "*/*" }),
        keepsRaw,
        express.json({ type: "text/never" }),
        express.urlencoded({ extended: false }),
      ];
      for (const middleware of others) {
        const { seen, handler } = recording();
        await serving(app(handler, middleware), async (url) => {
          assert.equal((await post(`${url}/hook`, body, headers)).status, 200);
        });
        assert.equal(seen.events.length, 1);
      }
    });

    // Holds: E28
    test("a parsed body is the developer's mistake: it goes to next with its code", async () => {
      for (const middleware of [express.json(), express.text({ type: "*/*" })]) {
        const { seen, handler } = recording();
        await serving(app(handler, middleware), async (url) => {
          const answer = await post(`${url}/hook`, body, headers);
          assert.deepEqual([answer.status, answer.text], [500, '{"code":"body_already_parsed"}']);
          const empty = await post(`${url}/hook`, "{}", headers);
          assert.deepEqual([empty.status, empty.text], [500, '{"code":"body_already_parsed"}']);
        });
        assert.equal(seen.events.length + seen.rejected.length, 0);
      }
    });

    test("a stream that was read before does not hang", { timeout: 5_000 }, async () => {
      const { handler } = recording();
      const drained = (request, _response, next) => request.on("end", next).resume();
      await serving(app(handler, drained), async (url) => {
        const answer = await post(`${url}/hook`, body, headers);
        assert.equal(answer.status, 500);
        assert.match(answer.text, /body_already_(read|parsed)/);
      });
    });

    // Holds: R-S15
    test("bodies over maxBytes get 413, declared or not", async () => {
      const { seen, handler } = recording({ maxBytes: 1000 });
      await serving(app(handler), async (url) => {
        const large = Buffer.alloc(5000, "x");
        assert.equal((await post(`${url}/hook`, large, signed(provider, large))).status, 413);
        const chunks = new ReadableStream({
          start(controller) {
            for (let i = 0; i < 5; i += 1) controller.enqueue(new Uint8Array(1000));
            controller.close();
          },
        });
        const streamed = await fetch(`${url}/hook`, { method: "POST", body: chunks, duplex: "half" });
        assert.equal(streamed.status, 413);
        const exact = Buffer.alloc(1000, "x");
        assert.equal((await post(`${url}/hook`, exact, signed(provider, exact))).status, 400);
      });
      assert.deepEqual(
        seen.rejected.map(({ code }) => code),
        ["body_too_large", "body_too_large", "json_invalid"],
      );
    });

    test("the limit also holds for a body that middleware has read", async () => {
      const { handler } = recording({ maxBytes: 10 });
      await serving(app(handler, express.raw({ type: "*/*" })), async (url) => {
        assert.equal((await post(`${url}/hook`, body, headers)).status, 413);
      });
    });

    test("a body without end is answered and cut off", { timeout: 10_000 }, async () => {
      const { handler } = recording();
      await serving(app(handler), async (url) => {
        const socket = connect(new URL(url).port, "127.0.0.1");
        socket.on("error", () => {});
        socket.write("POST /hook HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        let answer = "";
        socket.on("data", (chunk) => {
          answer += chunk;
        });
        const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
        const closed = once(socket, "close");
        const feed = setInterval(() => socket.writable && socket.write(chunk), 1);
        await closed;
        clearInterval(feed);
        assert.match(answer, /^HTTP\/1.1 413 /);
      });
    });

    test("a connection that breaks off inside the body is reported and frees the handler", {
      timeout: 5_000,
    }, async () => {
      const rejected = Promise.withResolvers?.() ?? withResolvers();
      const { handler } = recording({ onReject: (refusal) => rejected.resolve(refusal) });
      await serving(app(handler), async (url) => {
        const socket = connect(new URL(url).port, "127.0.0.1");
        socket.write("POST /hook HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{");
        setTimeout(() => socket.destroy(), 50);
        assert.equal((await rejected.promise).code, "request_aborted");
      });
    });

    test("a signed payload that is no event gets 400 and its code", async () => {
      const { seen, handler } = recording();
      await serving(app(handler), async (url) => {
        const answer = await post(`${url}/hook`, "{", signed(provider, "{"));
        assert.deepEqual([answer.status, JSON.parse(answer.text).code], [400, "json_invalid"]);
        const missing = await post(`${url}/hook`, "{}", signed(provider, "{}"));
        assert.deepEqual([missing.status, JSON.parse(missing.text).code], [400, "missing_field"]);
        const empty = await post(`${url}/hook`, "", signed(provider, ""));
        assert.deepEqual([empty.status, JSON.parse(empty.text).code], [400, "json_invalid"]);
      });
      assert.equal(seen.rejected[0].status, 400);
    });

    test("the handler is awaited; when it fails the answer is 500 and onError is told", async () => {
      const failure = new Error("no database");
      const { seen, handler } = recording({ onEvent: () => Promise.reject(failure) });
      await serving(app(handler), async (url) => {
        const answer = await post(`${url}/hook`, body, headers);
        assert.deepEqual([answer.status, answer.text], [500, '{"error":"Handler failed"}']);
      });
      assert.deepEqual(seen.errors, [failure]);
    });

    test("acknowledge before-handler answers first and reports a later failure", async () => {
      const failed = Promise.withResolvers?.() ?? withResolvers();
      let answered = false;
      const { handler } = recording({
        acknowledge: "before-handler",
        async onEvent() {
          while (!answered) await new Promise((resolve) => setTimeout(resolve, 5));
          throw new Error("late");
        },
        onError: (error) => failed.resolve(error),
      });
      await serving(app(handler), async (url) => {
        assert.equal((await post(`${url}/hook`, body, headers)).status, 200);
        answered = true;
        assert.equal((await failed.promise).message, "late");
      });
    });

    test("other methods get 405 with Allow", async () => {
      const { handler } = recording();
      await serving(app(handler), async (url) => {
        const answer = await fetch(`${url}/any`);
        assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "POST"]);
      });
    });

    test("a body of a megabyte with one byte changed is refused, unchanged it is read", async () => {
      const large = Buffer.from(
        JSON.stringify({ event: "x", id: "a", timestamp: "t", data: { pad: "y".repeat(MIB - 100) } }),
      );
      const { handler } = recording();
      await serving(app(handler), async (url) => {
        const own = signed(provider, large);
        assert.notEqual((await post(`${url}/hook`, large, own)).status, 401);
        large[large.length - 10] ^= 1;
        assert.equal((await post(`${url}/hook`, large, own)).status, 401);
      });
    });
  });
}

test("mistakes in the options throw when the route is made", () => {
  assert.throws(() => webhook({ provider, onEvent() {} }), { code: "secret_missing" });
});

test("it also serves plain node:http", async () => {
  const { seen, handler } = recording();
  await serving(
    (request, response) => handler(request, response, (error) => response.destroy(error)),
    async (url) => {
      assert.equal((await post(url, body, headers)).status, 200);
    },
  );
  assert.equal(seen.events.length, 1);
});

function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
