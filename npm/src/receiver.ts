import {
  createVerifier,
  type EventOf,
  type HeadersLike,
  type ParseCode,
  type Provider,
  parse,
  type RejectionCode,
  type Scheme,
  type SchemeOptions,
  type Verified,
  type Verifier,
} from "countersign";
import { headerValue, reusable } from "./headers.js";

/** Longest body that an adapter reads: 1 MiB, a thousand times the usual event. */
export const BODY_BYTES_MAX = 1024 * 1024;

/** Why a request was turned away. */
export interface Refusal {
  readonly status: 400 | 401 | 405 | 413;
  readonly code: RejectionCode | ParseCode | "method_not_allowed" | "request_aborted";
  /** What it means and what to do. For your log. */
  readonly message: string;
  /** Where in the payload, when the payload could not be read. */
  readonly path: string;
}

/** What is known of a request besides its event. */
export interface RequestContext<Request> {
  readonly request: Request;
  /** `webhook-id`: the same on every attempt. Proved only when the verdict's `covers` has `"id"`. */
  readonly messageId: string | null;
}

/** What is known of a verified request besides its event. */
export interface EventContext<Request> extends RequestContext<Request> {
  /** The exact bytes that were signed. */
  readonly body: Uint8Array;
  readonly verdict: Verified;
}

/** Settings that both adapters share. */
export interface ReceiverOptions<P extends Provider, Request> extends SchemeOptions {
  /** Whose events these are. */
  readonly provider: P;
  /** The signature scheme, where it is not the provider's own. */
  readonly scheme?: Scheme | undefined;
  readonly secrets: string | readonly string[];
  readonly tolerance?: number | null | undefined;
  readonly now?: (() => number) | undefined;
  /** Longest body in bytes; longer ones are answered with 413. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /**
   * When the sender gets its 200.
   *
   * `"after-handler"` (default): once `onEvent` is done; when it throws the answer is 500, so that the sender tries
   * again. An event is never lost, but `onEvent` must be quicker than the sender's patience (SendEmAll: 10 seconds).
   *
   * `"before-handler"`: at once, then `onEvent` runs. For slow work; an event whose handler fails, or is cut off when
   * the process stops, is not sent again.
   */
  readonly acknowledge?: "after-handler" | "before-handler" | undefined;
  /** Called for every verified event. It may be called twice for one event: senders repeat what they are unsure of. */
  onEvent(event: EventOf<P>, context: EventContext<Request>): unknown;
  /** Told of every request that is turned away, for your log. */
  onReject?(refusal: Refusal, context: RequestContext<Request>): void;
  /** Told of a failed `onEvent` or `onReject`. Default: `console.error`. */
  onError?(error: unknown, context: RequestContext<Request>): void;
}

/** An HTTP answer, to be sent as it stands. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** An answer, and what is to be done once it is sent. */
export interface Outcome {
  readonly answer: Answer;
  readonly afterwards: (() => Promise<void>) | null;
}

const JSON_TYPE = ["content-type", "application/json; charset=utf-8"] as const;
const ACCEPTED = '{"received":true}';
const REFUSED = '{"error":"Invalid signature"}';

/**
 * The way of a request from bytes to answer. Both adapters share it: they bring the bytes and send the answer.
 *
 * Order: method, size, signature over the raw bytes, reading, handler.
 */
export class Receiver<P extends Provider, Request> {
  readonly bytesMax: number;
  readonly #options: ReceiverOptions<P, Request>;
  readonly #verifier: Verifier;

  /** @throws CountersignError for a mistake in the options. */
  constructor(options: ReceiverOptions<P, Request>) {
    this.#options = options;
    this.#verifier = createVerifier(options);
    this.bytesMax = options.maxBytes ?? BODY_BYTES_MAX;
  }

  /** The answer to a request whose body need not be read; `null` when it must. */
  before(method: string | undefined, headers: HeadersLike, request: Request): Answer | null {
    if (method !== "POST") {
      const refusal = refused(405, "method_not_allowed", "Webhooks are sent with POST.");
      this.#report(refusal, headers, request);
      return json(405, '{"error":"Method not allowed"}', [["allow", "POST"]]);
    }
    const declared = headerValue(reusable(headers), "content-length");
    return declared !== undefined && Number(declared) > this.bytesMax ? this.tooLarge(headers, request) : null;
  }

  /** The answer to a body over the limit. */
  tooLarge(headers: HeadersLike, request: Request): Answer {
    const refusal = refused(413, "body_too_large", `The body is over maxBytes (${this.bytesMax}).`);
    this.#report(refusal, headers, request);
    return json(413, '{"error":"Payload too large"}', [["connection", "close"]]);
  }

  /** The answer to a body that broke off. Seldom will anyone read it. */
  aborted(headers: HeadersLike, request: Request): Answer {
    this.#report(refused(400, "request_aborted", "The connection broke off inside the body."), headers, request);
    return json(400, '{"error":"Request aborted"}', [["connection", "close"]]);
  }

  /** Judges a request and runs the handler. */
  async receive(headers: HeadersLike, body: Uint8Array, request: Request): Promise<Outcome> {
    if (body.length > this.bytesMax) return { answer: this.tooLarge(headers, request), afterwards: null };
    const verdict = this.#verifier.verify({ headers, body });
    if (!verdict.ok) {
      this.#report(refused(401, verdict.code, verdict.message), headers, request);
      return { answer: json(401, this.#verifier.answers.refused ?? REFUSED), afterwards: null };
    }
    const parsed = parse(this.#options.provider, body);
    if (!parsed.ok) {
      this.#report({ status: 400, code: parsed.code, message: parsed.message, path: parsed.path }, headers, request);
      const answer = json(400, JSON.stringify({ error: "Unreadable payload", code: parsed.code }));
      return { answer, afterwards: null };
    }
    const context = { request, messageId: messageId(headers), body, verdict };
    const handle = async (): Promise<boolean> => {
      try {
        await this.#options.onEvent(parsed.event, context);
        return true;
      } catch (error) {
        this.#failed(error, context);
        return false;
      }
    };
    const accepted = json(200, this.#verifier.answers.accepted ?? ACCEPTED);
    if (this.#options.acknowledge === "before-handler") {
      return { answer: accepted, afterwards: async () => void (await handle()) };
    }
    const answer = (await handle()) ? accepted : json(500, '{"error":"Handler failed"}');
    return { answer, afterwards: null };
  }

  #report(refusal: Refusal, headers: HeadersLike, request: Request): void {
    const context = { request, messageId: messageId(headers) };
    try {
      this.#options.onReject?.(refusal, context);
    } catch (error) {
      this.#failed(error, context);
    }
  }

  #failed(error: unknown, context: RequestContext<Request>): void {
    if (this.#options.onError === undefined) {
      console.error("countersign: the webhook handler failed:", error);
      return;
    }
    try {
      this.#options.onError(error, context);
    } catch (second) {
      console.error("countersign: onError failed:", second);
    }
  }
}

function refused(status: Refusal["status"], code: Refusal["code"], message: string): Refusal {
  return { status, code, message, path: "" };
}

function json(status: number, body: string, more: Answer["headers"] = []): Answer {
  return { status, headers: [JSON_TYPE, ...more], body };
}

function messageId(headers: HeadersLike): string | null {
  return headerValue(reusable(headers), "webhook-id") ?? null;
}
