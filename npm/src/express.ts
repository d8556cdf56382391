import type { IncomingMessage, ServerResponse } from "node:http";
import type { Provider } from "countersign";
import { bytesOrNull } from "./body.js";
import { bodyAlreadyParsed, bodyAlreadyRead } from "./errors.js";
import { type Answer, Receiver, type ReceiverOptions } from "./receiver.js";

export type { EventContext, Refusal, RequestContext } from "./receiver.js";

/** Settings of the Express handler. */
export type WebhookOptions<P extends Provider> = ReceiverOptions<P, IncomingMessage>;

/** A request handler for Express 4 and 5, and for anything else that calls handlers so. */
export type WebhookHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** What middleware leaves on a request. */
interface Leftovers {
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

const ABORTED = "aborted";
const TOO_LARGE = "too_large";

/**
 * Receives a provider's webhooks: reads the raw body itself, verifies, parses, calls `onEvent` and answers as the
 * provider documents. A developer's mistake, such as `express.json()` ahead of it, goes to `next`.
 */
export function webhook<P extends Provider>(options: WebhookOptions<P>): WebhookHandler {
  const receiver = new Receiver<P, IncomingMessage>(options);
  return (request, response, next) => {
    handle(receiver, request, response).catch(next);
  };
}

async function handle<P extends Provider>(
  receiver: Receiver<P, IncomingMessage>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { headers } = request;
  const early = receiver.before(request.method, headers, request);
  if (early !== null) {
    send(early, request, response);
    return;
  }
  const body = bytesLeft(request as Leftovers) ?? (await streamed(request, receiver.bytesMax));
  if (body === TOO_LARGE) {
    send(receiver.tooLarge(headers, request), request, response);
    return;
  }
  if (body === ABORTED) {
    send(receiver.aborted(headers, request), request, response);
    return;
  }
  const { answer, afterwards } = await receiver.receive(headers, body, request);
  send(answer, request, response);
  await afterwards?.();
}

/** The raw bytes that middleware has kept; `null` when the stream is still to be read. */
function bytesLeft({ body, rawBody }: Leftovers): Uint8Array | null {
  const raw = bytesOrNull(rawBody) ?? bytesOrNull(body);
  if (raw !== null) return raw;
  // Express 4 sets `{}` when a parser skipped the body; whether it did shows on the stream.
  if (body === undefined || body === null || isEmptyObject(body)) return null;
  throw bodyAlreadyParsed();
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && !Array.isArray(value) && Object.keys(value as object).length === 0;
}

/** Reads the stream, which nobody has read before. */
function streamed(request: IncomingMessage, bytesMax: number): Promise<Uint8Array | typeof TOO_LARGE | typeof ABORTED> {
  if (request.readableDidRead || request.readableEncoding !== null) {
    throw (request as Leftovers).body === undefined ? bodyAlreadyRead() : bodyAlreadyParsed();
  }
  if (request.destroyed) return Promise.resolve(ABORTED);
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const settle = (outcome: Uint8Array | typeof TOO_LARGE | typeof ABORTED): void => {
      request.off("data", onData).off("end", onEnd).off("close", onBroken).off("error", onBroken);
      // An error that comes after the outcome has no reader left, and must not end the process.
      request.on("error", () => {});
      resolve(outcome);
    };
    const onData = (chunk: Uint8Array): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) settle(TOO_LARGE);
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(joined(chunks, bytes));
    const onBroken = (): void => settle(ABORTED);
    request.on("data", onData).on("end", onEnd).on("close", onBroken).on("error", onBroken);
  });
}

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function send(answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  // What is left of a body that nobody wants is read and dropped, so that the sender gets to our answer.
  if (!request.readableEnded) request.resume();
  if (response.headersSent || response.destroyed) return;
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) {
    // HTTP/2 has no such header, and Node throws on it.
    if (name !== "connection" || request.httpVersionMajor === 1) response.setHeader(name, value);
  }
  response.end(answer.body);
}
