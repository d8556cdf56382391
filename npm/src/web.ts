// The way of a web Request, for fetch handlers and Hono.

import type { Arrived } from "./origin.js";
import type { Answer, Receiver } from "./receiver.js";

/** What Workers pass along with a request. */
export interface FetchContext {
  waitUntil?(work: Promise<unknown>): void;
}

const ABORTED = "aborted";
const TOO_LARGE = "too_large";

/**
 * Reads, judges and answers. Rejects for a developer's mistake only.
 *
 * @param kept The bytes of a body that was read before; throws when nobody kept them.
 */
export async function serve<Base>(
  receiver: Receiver<Base>,
  web: Request,
  request: Base,
  kept: () => Promise<Uint8Array>,
  context: FetchContext | undefined,
): Promise<Response> {
  const arrived = arrivedAs(web, request);
  const early = receiver.before(arrived);
  if (early !== null) {
    if (!web.bodyUsed) await web.body?.cancel().catch(() => {});
    return response(early);
  }
  const body = web.bodyUsed || web.body?.locked ? await kept() : await read(web, receiver.bytesMax);
  if (body === TOO_LARGE) return response(receiver.tooLarge(arrived));
  if (body === ABORTED) return response(receiver.aborted(arrived));
  const { answer, afterwards } = await receiver.receive(arrived, body);
  if (afterwards !== null) {
    const work = Promise.resolve().then(afterwards);
    context?.waitUntil?.(work);
  }
  return response(answer);
}

/** What is seen of a request. Its address is cut by hand: `new URL` would write it in another way than it was signed. */
function arrivedAs<Base>({ method, headers, url }: Request, request: Base): Arrived<Base> {
  const at = url.indexOf("/", url.indexOf("://") + 3);
  const [origin, path] = at < 0 ? [url, ""] : [url.slice(0, at), url.slice(at)];
  return { method, headers, origin, path, peer: null, request };
}

/** Reads the body and stops at the limit. */
async function read({ body }: Request, bytesMax: number): Promise<Uint8Array | typeof TOO_LARGE | typeof ABORTED> {
  if (body === null || body === undefined) return new Uint8Array(0);
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
