// What tests share. Signatures are made here with node:crypto, never with the package under test.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

export const SECRET = "cm-signing-7Qe2";

/** A payload of every provider, as its documents print it. */
export const PAYLOADS = {
  cleanmails: {
    event: "email.replied",
    workspace_id: 1,
    timestamp: "2026-05-12T14:30:00Z",
    data: { lead_id: 42, lead_email: "john@example.com", campaign_id: 5, campaign: "Q2 Outreach" },
  },
  smartlead: {
    event: "EMAIL_REPLIED",
    timestamp: "2024-11-25T11:00:00Z",
    campaign_id: 123,
    lead_id: 789,
    reply: { subject: "Re: Quick question", body: "Thanks", received_at: "2024-11-25T11:00:00Z" },
    lead: { email: "lead@example.com" },
  },
  sendemall: {
    event: "email.bounced",
    id: "evt_bounce_001",
    timestamp: "2026-04-06T10:05:33Z",
    data: { campaign_id: "cmp_abc123", lead_id: "lead_xyz789", bounce_type: "hard", bounce_code: "550" },
  },
  platform: {
    type: "email.bounce",
    email_id: "msg_abc123def456",
    recipient: "invalid@example.com",
    timestamp: "2026-03-03T08:15:00Z",
  },
};

const HEADERS = {
  cleanmails: ["x-webhook-signature", "sha256="],
  smartlead: ["x-smartlead-signature", ""],
  sendemall: ["x-sendemall-signature", "sha256="],
  platform: ["x-webhook-signature", ""],
};

/** The payload of a provider as bytes. */
export const payload = (provider) => Buffer.from(JSON.stringify(PAYLOADS[provider]));

export const hex = (body, secret = SECRET) => createHmac("sha256", secret).update(body).digest("hex");

/** The header of a provider for this body. */
export function signed(provider, body, secret = SECRET) {
  const [name, prefix] = HEADERS[provider];
  return { [name]: prefix + hex(body, secret) };
}

/** Serves a request listener on a free port for as long as `use` takes. */
export async function serving(listener, use) {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await use(`http://127.0.0.1:${server.address().port}`, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Posts and returns status, text and headers. */
export async function post(url, body, headers = {}) {
  const response = await fetch(url, { method: "POST", body, headers });
  return { status: response.status, text: await response.text(), headers: response.headers };
}
