import type { HeadersLike } from "countersign";
import { type Body, bytesOf } from "./body.js";
import { reusable } from "./headers.js";
import type { AnyOptions, MakeReceiver } from "./options.js";
import { type Answer, Receiver } from "./receiver.js";

export type * from "./options.js";
export type { Answer } from "./receiver.js";

/** A request as any framework may hand it over. */
export interface ReceivedRequest {
  readonly method: string;
  readonly headers: HeadersLike;
  /** The raw bytes, before any parsing. */
  readonly body: Body;
  /** The full address as your server sees it. Needed only by schemes that sign it. */
  readonly url?: string | undefined;
  /** The address that the connection comes from. Needed only by `allowFrom` and `trustProxy`. */
  readonly peer?: string | null | undefined;
}

/** An answer, and with `acknowledge: "before-handler"` the work to be done once it is sent. */
export interface Receipt extends Answer {
  readonly afterwards: (() => Promise<void>) | null;
}

/** Judges requests and runs the handler. */
export interface WebhookReceiver {
  /** Longest body in bytes; stop reading there, and hand over no more than one byte beyond it. */
  readonly maxBytes: number;
  /** Rejects for a developer's mistake only, such as a parsed body. */
  receive(request: ReceivedRequest): Promise<Receipt>;
}

/**
 * What the adapters are made of, for a framework that has none: you bring the bytes and send the answer. `context.request` of the
 * callbacks is the request that you hand over.
 */
export const createReceiver: MakeReceiver<ReceivedRequest, WebhookReceiver> = (
  options: AnyOptions<ReceivedRequest>,
): WebhookReceiver => {
  const receiver = new Receiver(options, { seesPeer: true });
  return {
    maxBytes: receiver.bytesMax,
    async receive(request) {
      const { method, headers, url = "", peer = null, body } = request;
      const bytes = typeof body === "string" ? new TextEncoder().encode(body) : bytesOf(body);
      const at = url.indexOf("/", url.indexOf("://") + 3);
      const [origin, path] = at < 0 ? [url, ""] : [url.slice(0, at), url.slice(at)];
      const arrived = { method, headers: reusable(headers), origin, path, peer, request };
      const early = receiver.before(arrived);
      if (early !== null) return { ...early, afterwards: null };
      const { answer, afterwards } = await receiver.receive(arrived, bytes);
      return { ...answer, afterwards };
    },
  };
};
