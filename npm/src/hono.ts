import type { Provider } from "countersign";
import { bodyAlreadyRead } from "./errors.js";
import type { AnyOptions, MakeReceiver, ReceiverOptions } from "./options.js";
import { Receiver } from "./receiver.js";
import { type FetchContext, serve } from "./web.js";

export type * from "./options.js";

/** What this package uses of Hono's `Context`. */
export interface HonoContext {
  readonly req: {
    readonly raw: Request;
    /** What earlier middleware has read, by the form it was read in. */
    readonly bodyCache?: { readonly arrayBuffer?: unknown };
  };
  /** Throws where the runtime has none. */
  readonly executionCtx: FetchContext;
}

/** Settings of the Hono handler of one provider. */
export type WebhookOptions<P extends Provider, C extends HonoContext = HonoContext> = ReceiverOptions<P, C>;

/** A handler for Hono. */
export type HonoHandler = (context: HonoContext) => Promise<Response>;

/**
 * Receives webhooks in Hono. `context.request` of the callbacks is Hono's own context. A developer's mistake, such as a body
 * that was parsed before, is thrown and goes to `app.onError`.
 */
export const webhook: MakeReceiver<HonoContext, HonoHandler> = (options: AnyOptions<HonoContext>): HonoHandler => {
  const receiver = new Receiver(options, { seesPeer: false });
  return (context) => serve(receiver, context.req.raw, context, () => bytesLeft(context), executionOf(context));
};

/** The bytes that `c.req.arrayBuffer()` has kept. What `text` and `json` keep is decoded, and no longer what was signed. */
async function bytesLeft({ req }: HonoContext): Promise<Uint8Array> {
  const kept = await req.bodyCache?.arrayBuffer;
  if (kept instanceof ArrayBuffer) return new Uint8Array(kept);
  throw bodyAlreadyRead("let that keep the bytes: call await c.req.arrayBuffer() ahead of c.req.json()");
}

function executionOf(context: HonoContext): FetchContext | undefined {
  try {
    return context.executionCtx;
  } catch {
    return undefined;
  }
}
