// An Express server that receives the webhooks of every provider whose secret is set:
//
//     SECRET_CLEANMAILS=… SECRET_SENDEMALL=… PORT=3000 node server.mjs

import { webhook } from "countersign/express";
import express from "express";
import { attempt, note, received } from "./log.mjs";

const PROVIDERS = ["cleanmails", "smartlead", "sendemall", "platform"];

/** Handlers by provider: verify, parse, note, answer. `afterwards` may throw, which the sender sees as a 500. */
function handlers() {
  const configured = PROVIDERS.filter((provider) => process.env[`SECRET_${provider.toUpperCase()}`]);
  const entries = configured.map((provider) => [
    provider,
    webhook({
      provider,
      secrets: process.env[`SECRET_${provider.toUpperCase()}`],
      onEvent(event, { messageId, request }) {
        note(messageId, provider, event.type, null, request.attempt);
      },
      onReject(refusal, { messageId, request }) {
        note(messageId, provider, null, refusal.code, request.attempt);
      },
    }),
  ]);
  return Object.fromEntries(entries);
}

const byProvider = handlers();

/** Hands a request to the handler of its provider. */
function receive(request, response, next) {
  const handler = Object.hasOwn(byProvider, request.params.provider) ? byProvider[request.params.provider] : null;
  if (handler === null) {
    response.status(404).json({ error: "Unknown provider" });
    return;
  }
  request.attempt ??= attempt(request.get("webhook-id") ?? null);
  handler(request, response, next);
}

/** Lets a verified request fail when `fails` says so: replaces the 200 by a 503. For trying out a sender's retries. */
function failing(fails) {
  return (request, response, next) => {
    request.attempt = attempt(request.get("webhook-id") ?? null);
    const end = response.end.bind(response);
    response.end = (...rest) => {
      if (response.statusCode !== 200 || !fails(request.attempt)) return end(...rest);
      response.statusCode = 503;
      return end('{"error":"Not now"}');
    };
    next();
  };
}

const app = express();
app.disable("x-powered-by");
app.post("/hooks/:provider", receive);
app.post(
  "/flaky/:provider",
  failing((attempt) => attempt <= 2),
  receive,
);
app.post(
  "/down/:provider",
  failing(() => true),
  receive,
);
app.get("/received", (_request, response) => response.json(received()));
app.get("/health", (_request, response) => response.json({ ok: true }));

const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(JSON.stringify({ listening: `http://127.0.0.1:${server.address().port}` }));
});
