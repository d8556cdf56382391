import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Provider } from "countersign";
import { arrivedAt, send } from "./incoming.js";
import type { AnyOptions, MakeReceiver, ReceiverOptions } from "./options.js";
import { Receiver } from "./receiver.js";
import { serve } from "./served.js";

export type * from "./options.js";

/** Settings of the listener of one provider. */
export type WebhookOptions<P extends Provider> = ReceiverOptions<P, IncomingMessage>;

/** A request listener for `createServer`. The promise resolves when the request is dealt with, and never rejects. */
export type WebhookListener = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => Promise<void>;

const MISTAKE = {
  status: 500,
  headers: [["content-type", "application/json; charset=utf-8"]],
  body: '{"error":"Server error"}',
} as const;

/**
 * Receives webhooks on a server of `node:http`, `node:https` or `node:http2` without a framework. A developer's mistake, such as a body that
 * was read before, is answered with 500 and goes to `onError`.
 */
export const webhook: MakeReceiver<IncomingMessage, WebhookListener> = (
  options: AnyOptions<IncomingMessage>,
): WebhookListener => {
  const receiver = new Receiver(options, { seesPeer: true });
  return async (anyRequest, anyResponse) => {
    // What is used of them both have; HTTP/2 calls it compatibility.
    const [request, response] = [anyRequest as IncomingMessage, anyResponse as ServerResponse];
    try {
      await serve(receiver, request, response);
    } catch (error) {
      receiver.failed(error, arrivedAt(request, request));
      await send(MISTAKE, request, response);
    }
  };
};
