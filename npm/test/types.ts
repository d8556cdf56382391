// Compiled, never run: what the types promise to users. `@ts-expect-error` lines must be errors.

import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { DurableObjectNamespace, DurableObjectStorage, KVNamespace } from "@cloudflare/workers-types";
import type {
  ALBEvent,
  ALBResult,
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyResult,
} from "aws-lambda";
import {
  type CountersignError,
  coreHash,
  createVerifier,
  type ErrorCode,
  type EventOf,
  parse,
  type RejectionCode,
  type Verifier,
  version,
  type WebhookEvent,
} from "countersign";
import { ApiError, Client, type Delivery, type Endpoint } from "countersign/client";
import {
  type DedupeStore,
  durableObjectClient,
  durableObjectStore,
  keyOf,
  kvStore,
  memoryStore,
  redisStore,
} from "countersign/dedupe";
import { idempotencyKey, type NormalizedEvent, normalize, orderingKey, render } from "countersign/events";
import { type Cause, explain } from "countersign/explain";
import { type EventContext, type UnreadEvent, type WebhookOptions, webhook } from "countersign/express";
import { webhook as fastifyWebhook } from "countersign/fastify";
import { webhookHandler } from "countersign/fetch";
import { webhook as honoWebhook } from "countersign/hono";
import { initEvents, initExplain, initKernel, initToolkit } from "countersign/init";
import { webhookHandler as lambdaHandler } from "countersign/lambda";
import { webhook as nodeWebhook } from "countersign/node";
import { createReceiver } from "countersign/receiver";
import { sign } from "countersign/testing";
import express from "express";
import fastify, { type FastifyRequest } from "fastify";
import { type Context, Hono } from "hono";
import { Redis } from "ioredis";
import * as redis4 from "redis4";
import * as redis5 from "redis5";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const sure = <T extends true>(): T | undefined => undefined;

const verifier: Verifier = createVerifier({ provider: "cleanmails", secrets: ["a", "b"], tolerance: null });
createVerifier({ scheme: "a-scheme-of-tomorrow", secrets: "a" });
createVerifier({ provider: "smartlead", secrets: "a", header: process.env["HEADER"] });
// @ts-expect-error: secrets are required
createVerifier({ provider: "cleanmails" });
// @ts-expect-error: no such provider
createVerifier({ provider: "nobody", secrets: "a" });
// @ts-expect-error: an environment variable may be unset
createVerifier({ provider: "cleanmails", secrets: process.env["SECRET"] });
// @ts-expect-error: no such format
createVerifier({ provider: "cleanmails", secrets: "a", secretFormat: "base32" });

const verdict = verifier.verify({ headers: new Headers(), body: new Uint8Array(0) });
verifier.verify({ headers: { a: "b", c: ["d"], e: undefined }, body: Buffer.alloc(0) });
verifier.verify({ headers: [["a", "b"]], body: "text" });
verifier.verify({ headers: new Map([["a", "b"]]), body: new DataView(new ArrayBuffer(0)) });
// @ts-expect-error: a parsed body
verifier.verify({ headers: {}, body: { event: "email.sent" } });
// @ts-expect-error: no body
verifier.verify({ headers: {}, body: undefined });
if (verdict.ok) {
  const index: number = verdict.secretIndex;
  const timestamp: number | null = verdict.timestamp;
  // @ts-expect-error: there is no code
  verdict.code;
  void [index, timestamp];
} else {
  sure<Same<typeof verdict.code, RejectionCode>>();
  // @ts-expect-error: nothing was proved
  verdict.covers;
}
// @ts-expect-error: verdicts are not changed
verdict.ok = true;

const code = (error: CountersignError): ErrorCode => error.code;
const texts: string[] = [version, coreHash];

const parsed = parse("sendemall", "{}");
if (parsed.ok) {
  const { event } = parsed;
  sure<Same<typeof event.provider, "sendemall">>();
  if (event.known) {
    switch (event.type) {
      case "email.replied": {
        sure<Same<typeof event.payload.event, "email.replied">>();
        const sentiment: string | null | undefined = event.payload.data.reply_sentiment;
        const own: unknown = event.payload.data["a_new_field"];
        void [sentiment, own];
        break;
      }
      case "email.bounced":
        // @ts-expect-error: a field of another event is unknown
        event.payload.data.reply_preview?.length;
        break;
      // @ts-expect-error: SendEmAll has no such event
      case "EMAIL_SENT":
        break;
      default:
    }
  } else {
    const type: string = event.type;
    const field: unknown = event.payload["anything"];
    void [type, field];
  }
} else {
  sure<Same<typeof parsed.path, string>>();
}
// @ts-expect-error: no such provider
parse("nobody", "{}");

function every(event: WebhookEvent): string {
  if (event.provider === "smartlead" && event.known && event.type === "EMAIL_REPLIED") {
    return event.payload.reply?.body ?? event.payload.lead?.email ?? String(event.payload.lead_id);
  }
  if (event.provider === "platform" && event.known && event.type === "email.click") return event.payload.url ?? "";
  return event.type;
}

const app = express();
app.post(
  "/hooks",
  webhook({
    provider: "cleanmails",
    secrets: "a",
    async onEvent(event, { request, messageId, verdict, body }) {
      sure<Same<typeof event, EventOf<"cleanmails">>>();
      const url: string | undefined = request.url;
      const id: string | null = messageId;
      const bytes: number = body.byteLength;
      void [url, id, bytes, verdict.covers];
    },
    onReject: ({ status, code: why }) => console.log(status, why),
  }),
);
// @ts-expect-error: onEvent is required
webhook({ provider: "cleanmails", secrets: "a" });
// @ts-expect-error: no such moment
webhook({ provider: "cleanmails", secrets: "a", onEvent() {}, acknowledge: "never" });

const handler = webhookHandler({
  provider: "platform",
  secrets: "a",
  acknowledge: "before-handler",
  onEvent: (event, { request }) => void [every(event), request.headers],
});
const answer: Promise<Response> = handler(new Request("https://a.example"), { waitUntil: () => {} });

// Several providers: `provider` tells the event.
webhook({
  providers: { cleanmails: { secrets: "a" }, sendemall: { secrets: ["b"], tolerance: null }, stripe: { secrets: "c" } },
  onEvent(event) {
    if (event.provider === "sendemall" && event.known && event.type === "email.bounced") {
      const type: string | null | undefined = event.payload.data.bounce_type;
      void type;
    }
    if (event.provider === "stripe") sure<Same<typeof event, UnreadEvent<"stripe">>>();
    // @ts-expect-error: not among them
    if (event.provider === "smartlead") return;
  },
});
// @ts-expect-error: every sender has its secrets
webhook({ providers: { cleanmails: {} }, onEvent() {} });
// @ts-expect-error: secrets stand inside
webhook({ providers: { cleanmails: { secrets: "a" } }, secrets: "a", onEvent() {} });

// One scheme: nothing is read.
webhook({
  scheme: "github",
  secrets: "a",
  onEvent(event) {
    sure<Same<typeof event, UnreadEvent<"github">>>();
    const payload: unknown = event.payload;
    void payload;
  },
});
// A provider with another scheme is read.
webhook({
  provider: "sendemall",
  scheme: "standard-webhooks",
  secrets: "a",
  onEvent: (event) => void sure<Same<typeof event, EventOf<"sendemall">>>(),
});

// Where requests come from.
webhook({
  provider: "cleanmails",
  secrets: "a",
  onEvent() {},
  url: (request) => `https://a.example${request.url}`,
  trustProxy: ["10.0.0.0/8"],
  allowFrom: ["192.0.2.0/24"],
  clientAddress: (request) => request.socket.remoteAddress,
});
// @ts-expect-error: proxies are stated, not guessed
webhook({ provider: "cleanmails", secrets: "a", onEvent() {}, trustProxy: false });

// The frameworks' own types fit, and can be asked for.
app.post(
  "/own",
  webhook({
    provider: "cleanmails",
    secrets: "a",
    onEvent(_event, context: EventContext<express.Request>) {
      const path: string = context.request.path;
      void path;
    },
  }),
);
createServer(nodeWebhook({ provider: "cleanmails", secrets: "a", onEvent() {} }));
createHttp2Server(nodeWebhook({ provider: "cleanmails", secrets: "a", onEvent() {} }));
const typed: WebhookOptions<"cleanmails"> = { provider: "cleanmails", secrets: "a", onEvent() {} };
webhook(typed);
const hono = new Hono<{ Bindings: { SECRET: string } }>();
hono.post(
  "/hook",
  honoWebhook({
    provider: "cleanmails",
    secrets: "a",
    onEvent(event, { request }: EventContext<Context<{ Bindings: { SECRET: string } }>>) {
      sure<Same<typeof event, EventOf<"cleanmails">>>();
      const secret: string = request.env.SECRET;
      void secret;
    },
  }),
);
fastify().register(
  fastifyWebhook({
    provider: "cleanmails",
    secrets: "a",
    onEvent(event, { request }: EventContext<FastifyRequest>) {
      sure<Same<typeof event, EventOf<"cleanmails">>>();
      const id: string = request.id;
      void id;
    },
  }),
  { prefix: "/hook" },
);
const lambda = lambdaHandler({
  provider: "cleanmails",
  secrets: "a",
  onEvent: (_event, { request }) => void request.requestContext?.http?.sourceIp,
});
const status: Promise<number> = lambda({ version: "2.0", headers: {} }).then(({ statusCode }) => statusCode);
const receipt = createReceiver({ provider: "cleanmails", secrets: "a", onEvent() {} }).receive({
  method: "POST",
  headers: {},
  body: "",
});

// Repeats.
const stores: DedupeStore[] = [memoryStore(), memoryStore({ maxKeys: 5 })];
stores.push(redisStore(new Redis()), redisStore(redis4.createClient()), redisStore(redis5.createClient()));
stores.push(redisStore(async (command) => command.length, { prefix: "a:" }));
stores.push(kvStore({ get: async () => null, put: async () => {} }));
stores.push(durableObjectClient({ idFromName: (name: string) => name as never, get: () => null }));
export const ofWorkers = (
  kv: KVNamespace,
  storage: DurableObjectStorage,
  namespace: DurableObjectNamespace,
): unknown[] => [kvStore(kv), durableObjectStore(storage).sweep(), durableObjectClient(namespace, { name: "a" })];
export const inLambda = (one: APIGatewayProxyEvent, two: APIGatewayProxyEventV2, balancer: ALBEvent): unknown[] => {
  const answers: Promise<APIGatewayProxyResult>[] = [lambda(one), lambda(two)];
  const balanced: Promise<ALBResult> = lambda(balancer);
  return [answers, balanced];
};
webhook({
  provider: "smartlead",
  secrets: "a",
  onEvent() {},
  dedupe: {
    store: memoryStore(),
    key: async (event, context) => `${event.payload.lead_id} ${await keyOf(event, context)}`,
    leaseMs: 1,
    keepMs: 1,
  },
});
// @ts-expect-error: no store
webhook({ provider: "smartlead", secrets: "a", onEvent() {}, dedupe: {} });
void [status, receipt];

const headers: [string, string][] = sign({ provider: "platform", secret: "a", body: "{}", timestamp: 1 });
const init: ((module: WebAssembly.Module) => void)[] = [initEvents, initExplain, initKernel, initToolkit];
void [code, texts, answer, headers, init];

const explanation = explain(
  { provider: "cleanmails", secrets: "a", otherEndpoints: { b: "c" } },
  { headers: {}, body: "" },
);
if (explanation.verdict.ok) {
  const index: number = explanation.verdict.secretIndex;
  void index;
} else {
  sure<Same<typeof explanation.verdict.ok, false>>();
}
for (const finding of explanation.findings) {
  sure<Same<typeof finding.code, Cause>>();
  sure<Same<typeof finding.confidence, "certain" | "likely">>();
  // @ts-expect-error: findings are not changed
  finding.fix = "";
}
// @ts-expect-error: secrets are required
explain({ provider: "cleanmails" }, { headers: {}, body: "" });
// @ts-expect-error: no body
explain({ provider: "cleanmails", secrets: "a" }, { headers: {} });

const read = normalize("sendgrid", { body: "[]", headers: new Headers() });
if (read.ok) {
  for (const event of read.events) {
    sure<Same<typeof event, NormalizedEvent>>();
    if (event.type === "email.bounced" && event.bounce?.kind === "hard") void event.recipients?.[0];
    const rendered = render(event, "smartlead");
    const body: string = rendered.ok ? rendered.body : rendered.path;
    const key: string | null = idempotencyKey(event, "fields");
    const { order }: { order: number | null } = orderingKey(event, "lead");
    void [body, key, order];
    // @ts-expect-error: absent where the source says nothing
    event.lead.id;
    // @ts-expect-error: Resend's deliveries are only read
    render(event, "resend");
    // @ts-expect-error: no such policy
    idempotencyKey(event, "best");
  }
} else {
  sure<Same<typeof read.path, string>>();
}
// @ts-expect-error: no such source
normalize("nobody", { body: "" });

// The client of the API.
const client = new Client({ url: "https://hooks.example.com", key: "csk_a", workspace: "acme", timeoutMs: 5_000 });
export async function api(): Promise<Endpoint | undefined> {
  const made = await client.createEndpoint({
    provider: "platform",
    url: "https://example.com/hook",
    settings: { schedule: { delays_ms: [1_000] }, ordering: { pointer: "/data/id" }, auto_pause: "never" },
  });
  const secret: string | null | undefined = made.secret;
  // @ts-expect-error a status is one of three words
  await client.changeEndpoint(made.id, { status: "off", name: secret ?? null });
  // @ts-expect-error an address is needed
  await client.createEndpoint({ provider: "platform" });
  await client.publishEvent({ provider: "platform", payload: {} }, { idempotencyKey: "once" });
  // @ts-expect-error what cannot be repeated has no key
  await client.deleteEndpoint(made.id, { idempotencyKey: "once" });
  for await (const delivery of client.entries((after) =>
    client.listDeliveries({ status: "pending", ...(after && { after }) }),
  )) {
    const one: Delivery = delivery;
    if (one.status === "dead_lettered" && one.reason === "gone") return client.showEndpoint(one.endpoint_id);
  }
  const answer = await client.createReplay({ filter: {}, dry_run: true });
  if ("sample" in answer) answer.sample.at(0);
  else answer.replayed.toFixed();
  return undefined;
}
export const isGone = (error: unknown) =>
  error instanceof ApiError && error.code === "not_found" && error.status === 404;
