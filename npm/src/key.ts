// The key of repeats. The one place that says what a repeat is.

import { headerValue, reusable } from "./headers.js";
import type { EventContext } from "./options.js";

/** Ids that stand in a key as they are. Others are hashed: Workers KV takes 512 bytes, and some stores no controls. */
const PLAIN_ID = /^[\x20-\x7e]{1,200}$/;

/** What of an event a key is made of. */
export interface Keyed {
  readonly provider: string;
  readonly id: string | null;
}

/**
 * A key that all deliveries of an event share, as the text of a JSON array.
 *
 * Made of the first that there is: the event's own id (E35), the header `webhook-id` (N6), SmartLead's `X-Request-Id` (R-S3), the
 * SHA-256 of the body, which a sender's retries repeat (R-X2).
 *
 * `X-Request-Id` counts for SmartLead alone: many proxies write a new one on every request.
 */
export async function keyOf(event: Keyed, context: EventContext<unknown>): Promise<string> {
  const { provider } = event;
  const id = event.id ?? context.messageId ?? (provider === "smartlead" ? requestId(context) : null);
  if (id === null) return JSON.stringify([provider, "body", await sha256(context.body)]);
  if (PLAIN_ID.test(id)) return JSON.stringify([provider, "id", id]);
  return JSON.stringify([provider, "hashed id", await sha256(new TextEncoder().encode(id))]);
}

function requestId({ headers }: EventContext<unknown>): string | null {
  return headerValue(reusable(headers), "x-request-id") || null;
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
