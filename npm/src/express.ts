import type { IncomingMessage, ServerResponse } from "node:http";
import type { Provider } from "countersign";
import type { AnyOptions, MakeReceiver, ReceiverOptions } from "./options.js";
import { Receiver } from "./receiver.js";
import { serve } from "./served.js";

export type * from "./options.js";

/** Settings of the Express handler of one provider. */
export type WebhookOptions<P extends Provider> = ReceiverOptions<P, IncomingMessage>;

/** A request handler for Express 4 and 5, and for anything else that calls handlers so. */
export type WebhookHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Receives webhooks: reads the raw body itself, verifies, parses, calls `onEvent` and answers as the provider documents. A
 * developer's mistake, such as `express.json()` ahead of it, goes to `next`.
 */
export const webhook: MakeReceiver<IncomingMessage, WebhookHandler> = (
  options: AnyOptions<IncomingMessage>,
): WebhookHandler => {
  const receiver = new Receiver(options, { seesPeer: true });
  return (request, response, next) => {
    serve(receiver, request, response).catch(next);
  };
};
