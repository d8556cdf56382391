// A Cloudflare Worker that receives the webhooks of every provider whose secret is bound: SECRET_CLEANMAILS and so on.

import { webhookHandler } from "countersign/fetch";
import { attempt, note, received } from "./log.mjs";

const PROVIDERS = ["cleanmails", "smartlead", "sendemall", "platform"];

/** Handlers by provider, made at the first request: a Worker gets its secrets with it. */
const handlers = new Map();

function handlerOf(provider, env) {
  const secrets = env[`SECRET_${provider.toUpperCase()}`];
  if (!PROVIDERS.includes(provider) || !secrets) return null;
  if (!handlers.has(provider)) {
    const attemptOf = ({ messageId }) => attempt(messageId);
    const handler = webhookHandler({
      provider,
      secrets,
      onEvent: (event, context) => note(context.messageId, provider, event.type, null, attemptOf(context)),
      onReject: (refusal, context) => note(context.messageId, provider, null, refusal.code, attemptOf(context)),
    });
    handlers.set(provider, handler);
  }
  return handlers.get(provider);
}

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === "/received") return Response.json(received());
    if (pathname === "/health") return Response.json({ ok: true });
    const [, provider] = /^\/hooks\/([a-z]+)$/.exec(pathname) ?? [];
    const handler = provider === undefined ? null : handlerOf(provider, env);
    return handler === null ? Response.json({ error: "Not found" }, { status: 404 }) : handler(request, context);
  },
};
