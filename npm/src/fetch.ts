import type { Provider } from "countersign";
import { bodyAlreadyRead } from "./errors.js";
import type { AnyOptions, MakeReceiver, ReceiverOptions } from "./options.js";
import { Receiver } from "./receiver.js";
import { type FetchContext, serve } from "./web.js";

export type * from "./options.js";
export type { FetchContext } from "./web.js";

/** Settings of the fetch handler of one provider. */
export type WebhookHandlerOptions<P extends Provider> = ReceiverOptions<P, Request>;

/** A fetch handler. */
export type FetchHandler = (request: Request, context?: FetchContext) => Promise<Response>;

/**
 * Receives webhooks in Cloudflare Workers, Deno, Bun, Next.js and everywhere else that speaks `Request` and `Response`.
 * Rejects only for a developer's mistake, such as a body that was read before.
 *
 * With `acknowledge: "before-handler"` pass the context of your Worker, so that it stays alive until `onEvent` is done.
 */
export const webhookHandler: MakeReceiver<Request, FetchHandler> = (options: AnyOptions<Request>): FetchHandler => {
  const receiver = new Receiver(options, { seesPeer: false });
  return (request, context) => serve(receiver, request, request, bytesLeft, context);
};

function bytesLeft(): never {
  throw bodyAlreadyRead("read a copy: await request.clone().json()");
}
