// Lambda: events in the shapes that AWS documents for each way in.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import { webhookHandler } from "countersign/lambda";
import { payload, SECRET, signed } from "./support.mjs";

const provider = "sendemall";
const body = payload(provider).toString();
const [[NAME, SIGNATURE]] = Object.entries(signed(provider, body));
const inCase = (name) => name.replace(/(^|-)[a-z]/g, (char) => char.toUpperCase());

/** HTTP API with payload format 2.0; a function URL has the same shape. */
const v2 = (more = {}) => ({
  version: "2.0",
  routeKey: "$default",
  rawPath: "/hooks/sendemall",
  rawQueryString: "a=1&b=%20x",
  cookies: ["a=b"],
  headers: { "content-type": "application/json", host: "api.example", [NAME]: SIGNATURE, "webhook-id": "msg_1" },
  queryStringParameters: { a: "1", b: " x" },
  requestContext: {
    accountId: "123456789012",
    apiId: "api-id",
    domainName: "id.execute-api.us-east-1.amazonaws.com",
    http: { method: "POST", path: "/hooks/sendemall", protocol: "HTTP/1.1", sourceIp: "192.0.2.7", userAgent: "agent" },
    requestId: "id",
    stage: "$default",
    timeEpoch: 1583348638390,
  },
  body,
  isBase64Encoded: false,
  ...more,
});

/** REST API, and HTTP API with payload format 1.0. */
const v1 = (more = {}) => ({
  resource: "/hooks/sendemall",
  path: "/hooks/sendemall",
  httpMethod: "POST",
  headers: {
    "Content-Type": "application/json",
    Host: "api.example",
    [inCase(NAME)]: SIGNATURE,
    "Webhook-Id": "msg_1",
  },
  multiValueHeaders: {
    "Content-Type": ["application/json"],
    [inCase(NAME)]: [SIGNATURE],
    "Webhook-Id": ["msg_1"],
  },
  queryStringParameters: { a: "2", b: " x" },
  multiValueQueryStringParameters: { a: ["1", "2"], b: [" x"] },
  pathParameters: null,
  stageVariables: null,
  requestContext: {
    accountId: "123456789012",
    domainName: "id.execute-api.us-east-1.amazonaws.com",
    httpMethod: "POST",
    identity: { sourceIp: "192.0.2.7", userAgent: "agent" },
    path: "/prod/hooks/sendemall",
    stage: "prod",
  },
  body,
  isBase64Encoded: false,
  ...more,
});

const elb = { elb: { targetGroupArn: "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/a/b" } };

/** Application Load Balancer. */
const alb = (more = {}) => ({
  requestContext: elb,
  httpMethod: "POST",
  path: "/hooks/sendemall",
  queryStringParameters: { a: "1", b: "%20x" },
  headers: {
    "content-type": "application/json",
    host: "lb.example",
    "x-forwarded-for": "192.0.2.7",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
    [NAME]: SIGNATURE,
    "webhook-id": "msg_1",
  },
  body,
  isBase64Encoded: false,
  ...more,
});

/** The same with multi-value headers switched on in the target group: lists in, lists out. */
const albLists = (more = {}) => {
  const { headers, queryStringParameters, ...rest } = alb();
  const lists = (texts) => Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, [value]]));
  return {
    ...rest,
    multiValueHeaders: lists(headers),
    multiValueQueryStringParameters: lists(queryStringParameters),
    ...more,
  };
};

const SHAPES = { "payload 2.0": v2, "payload 1.0": v1, balancer: alb, "balancer with lists": albLists };

function recording(options = {}) {
  const seen = { events: [], rejected: [], errors: [] };
  const handler = webhookHandler({
    provider,
    secrets: SECRET,
    onEvent: (event, context) => void seen.events.push({ event, context }),
    onReject: (refusal) => void seen.rejected.push(refusal.code),
    onError: (error) => void seen.errors.push(error),
    ...options,
  });
  return { handler, seen };
}

for (const [name, shape] of Object.entries(SHAPES)) {
  describe(name, () => {
    test("a signed request reaches the handler, as text and in base64", async () => {
      const { handler, seen } = recording();
      const encoded = shape({ body: Buffer.from(body).toString("base64"), isBase64Encoded: true });
      for (const event of [shape(), encoded]) {
        const result = await handler(event);
        assert.deepEqual([result.statusCode, result.body, result.isBase64Encoded], [200, '{"received":true}', false]);
        const { context } = seen.events.pop();
        assert.equal(Buffer.from(context.body).toString(), body);
        assert.equal(context.messageId, "msg_1");
        assert.equal(context.request, event);
      }
    });

    test("bytes that are no text survive in base64 and are refused as an event, not as a signature", async () => {
      const { handler, seen } = recording();
      const bytes = Buffer.from([0xff, 0x00, 0xfe]);
      const event = shape({ body: bytes.toString("base64"), isBase64Encoded: true });
      for (const headers of [event.headers, event.multiValueHeaders]) {
        for (const key of Object.keys(headers ?? {})) {
          const own = signed(provider, bytes)[NAME];
          if (key.toLowerCase() === NAME) headers[key] = Array.isArray(headers[key]) ? [own] : own;
        }
      }
      assert.equal((await handler(event)).statusCode, 400);
      assert.deepEqual(seen.rejected, ["json_invalid"]);
    });

    test("forged, oversized, empty and broken requests are answered", async () => {
      const { handler, seen } = recording({ maxBytes: body.length });
      const long = `${body} `;
      const base64 = (text) => ({ body: Buffer.from(text).toString("base64"), isBase64Encoded: true });
      const statuses = [];
      for (const more of [{ body: body.replace("550", "551") }, { body: null }, { body: undefined }, { body: "" }])
        statuses.push((await handler(shape(more))).statusCode);
      for (const more of [{ body: long }, base64(long), base64(body), { body: "!", isBase64Encoded: true }])
        statuses.push((await handler(shape(more))).statusCode);
      assert.deepEqual(statuses, [401, 401, 401, 401, 413, 413, 200, 400]);
      assert.deepEqual(seen.rejected.slice(-3), ["body_too_large", "body_too_large", "request_aborted"]);
    });

    test("a parsed body and an event of something else are the developer's mistake", async () => {
      const { handler } = recording();
      await assert.rejects(handler(shape({ body: JSON.parse(body) })), {
        code: "body_already_parsed",
        message: /mapping template/,
      });
      for (const event of [{ Records: [] }, {}, null]) await assert.rejects(handler(event), { code: "option_invalid" });
    });

    test("the answer has the form that this way in understands", async () => {
      const { handler } = recording();
      const result = await handler(shape());
      const type = "application/json; charset=utf-8";
      if (name === "balancer with lists") assert.deepEqual(result.multiValueHeaders, { "content-type": [type] });
      else assert.deepEqual(result.headers, { "content-type": type });
      assert.equal(result.statusDescription, name.startsWith("balancer") ? "200 OK" : undefined);
    });

    test("other methods get 405", async () => {
      const { handler } = recording();
      const { requestContext } = shape();
      const more =
        name === "payload 2.0"
          ? { requestContext: { ...requestContext, http: { method: "GET" } } }
          : { httpMethod: "GET" };
      const result = await handler(shape(more));
      assert.equal(result.statusCode, 405);
      assert.equal(result.headers?.allow ?? result.multiValueHeaders.allow[0], "POST");
    });
  });
}

test("a scheme that signs the address gets what API Gateway saw, with the query as it was sent", async () => {
  const seen = {
    v2: "https://id.execute-api.us-east-1.amazonaws.com/hooks/sendemall?a=1&b=%20x",
    v1: "https://id.execute-api.us-east-1.amazonaws.com/prod/hooks/sendemall?a=1&a=2&b=%20x",
    alb: "https://lb.example/hooks/sendemall?a=1&b=%20x",
  };
  const { handler } = recording({ provider: undefined, scheme: "hubspot" });
  for (const [name, shape] of Object.entries({ v2, v1, alb })) {
    const timestamp = String(Date.now());
    const text = `POST${seen[name]}${body}${timestamp}`;
    const headers = {
      host: "lb.example",
      "X-HubSpot-Signature-v3": createHmac("sha256", SECRET).update(text).digest("base64"),
      "X-HubSpot-Request-Timestamp": timestamp,
    };
    assert.equal((await handler(shape({ headers, multiValueHeaders: undefined }))).statusCode, 200, name);
  }
});

test("allowFrom asks for the address that the gateway saw; behind a balancer it needs trustProxy", async () => {
  const inside = recording({ allowFrom: ["192.0.2.0/24"] });
  const outside = recording({ allowFrom: ["198.51.100.0/24"] });
  for (const shape of [v1, v2]) {
    assert.equal((await inside.handler(shape())).statusCode, 200);
    assert.equal((await outside.handler(shape())).statusCode, 403);
  }
  assert.equal((await inside.handler(alb())).statusCode, 403);
  const trusting = recording({ allowFrom: ["192.0.2.0/24"], trustProxy: true });
  for (const shape of [alb, albLists]) assert.equal((await trusting.handler(shape())).statusCode, 200);
});

test("nothing runs after the answer, so before-handler is refused", () => {
  assert.throws(() => recording({ acknowledge: "before-handler" }), { code: "option_invalid", message: /queue/ });
});
