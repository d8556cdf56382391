import type { Provider } from "countersign";
import { bodyAlreadyRead } from "./errors.js";
import { type Answer, Receiver, type ReceiverOptions } from "./receiver.js";

export type { EventContext, Refusal, RequestContext } from "./receiver.js";

/** Settings of the fetch handler. */
export type WebhookHandlerOptions<P extends Provider> = ReceiverOptions<P, Request>;

/** What Workers pass along with a request. */
export interface FetchContext {
  waitUntil?(work: Promise<unknown>): void;
}

const ABORTED = "aborted";
const TOO_LARGE = "too_large";

/**
 * Receives a provider's webhooks in Cloudflare Workers, Deno, Bun, Next.js, Hono and everywhere else that speaks
 * `Request` and `Response`. Rejects only for a developer's mistake, such as a body that was read before.
 *
 * With `acknowledge: "before-handler"` pass the context of your Worker, so that it stays alive until `onEvent` is done.
 */
export function webhookHandler<P extends Provider>(
  options: WebhookHandlerOptions<P>,
): (request: Request, context?: FetchContext) => Promise<Response> {
  const receiver = new Receiver<P, Request>(options);
  return async (request, context) => {
    const { headers } = request;
    const early = receiver.before(request.method, headers, request);
    if (early !== null) {
      await request.body?.cancel().catch(() => {});
      return response(early);
    }
    const body = await read(request, receiver.bytesMax);
    if (body === TOO_LARGE) return response(receiver.tooLarge(headers, request));
    if (body === ABORTED) return response(receiver.aborted(headers, request));
    const { answer, afterwards } = await receiver.receive(headers, body, request);
    if (afterwards !== null) {
      const work = Promise.resolve().then(afterwards);
      context?.waitUntil?.(work);
    }
    return response(answer);
  };
}

/** Reads the body and stops at the limit. */
async function read(request: Request, bytesMax: number): Promise<Uint8Array | typeof TOO_LARGE | typeof ABORTED> {
  if (request.bodyUsed) throw bodyAlreadyRead();
  const { body } = request;
  if (body === null || body === undefined) return new Uint8Array(0);
  if (body.locked) throw bodyAlreadyRead();
  const reader = body.getReader();
  let whole = new Uint8Array(0);
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return whole.subarray(0, bytes);
      if (bytes + value.length > bytesMax) {
        await reader.cancel().catch(() => {});
        return TOO_LARGE;
      }
      if (bytes === 0) {
        whole = value;
      } else {
        if (bytes + value.length > whole.length) whole = grown(whole, bytes, bytes + value.length);
        whole.set(value, bytes);
      }
      bytes += value.length;
    }
  } catch {
    return ABORTED;
  }
}

/** A copy of the first `bytes` with room for `needed`, and twice as much as before, so that chunks do not cost squares. */
function grown(whole: Uint8Array, bytes: number, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(needed, whole.length * 2));
  larger.set(whole.subarray(0, bytes));
  return larger;
}

function response({ status, headers, body }: Answer): Response {
  // `connection` is not a Worker's to set.
  const allowed = headers.filter(([name]) => name !== "connection");
  return new Response(body, { status, headers: allowed.map(([name, value]): [string, string] => [name, value]) });
}
