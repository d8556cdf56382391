import { type Claim, Deduper } from "./dedupe.js";
import { CountersignError } from "./errors.js";
import { headerValue, reusable } from "./headers.js";
import type { Keyed } from "./key.js";
import type { AnyOptions, EventContext, Refusal, RequestContext } from "./options.js";
import { type Arrived, Origin } from "./origin.js";
import { readBody, type Sender, Senders } from "./senders.js";

/** Longest body that an adapter reads: 1 MiB, a thousand times the usual event. */
export const BODY_BYTES_MAX = 1024 * 1024;

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

/** What a platform can and cannot do. */
export interface Platform {
  /** Whether it says where a connection comes from. */
  readonly seesPeer: boolean;
}

/** The header of Standard Webhooks with the id of a message. Countersign sends it beside every scheme. */
const MESSAGE_ID = "webhook-id";
const JSON_TYPE = ["content-type", "application/json; charset=utf-8"] as const;
const ACCEPTED = '{"received":true}';
const REFUSED = '{"error":"Invalid signature"}';

/**
 * The way of a request from bytes to answer. All adapters share it: they bring the bytes and send the answer.
 *
 * Order: method, where from, size, signature over the raw bytes, reading, repeats, handler.
 */
export class Receiver<Request> {
  readonly bytesMax: number;
  readonly #options: AnyOptions<Request>;
  readonly #senders: Senders;
  readonly #origin: Origin<Request>;
  readonly #deduper: Deduper<Keyed, Request> | null;

  /** @throws CountersignError for a mistake in the options. */
  constructor(options: AnyOptions<Request>, platform: Platform) {
    this.#senders = new Senders(options as AnyOptions<never>);
    this.#options = checked(options);
    this.#origin = new Origin(options, platform.seesPeer);
    this.#deduper = options.dedupe === undefined ? null : new Deduper<Keyed, Request>(options.dedupe as never);
    this.bytesMax = options.maxBytes ?? BODY_BYTES_MAX;
  }

  /** The answer to a request whose body need not be read; `null` when it must. */
  before(arrived: Arrived<Request>): Answer | null {
    if (arrived.method?.toUpperCase() !== "POST") {
      this.#report(refused(405, "method_not_allowed", "Webhooks are sent with POST."), arrived);
      return json(405, '{"error":"Method not allowed"}', [["allow", "POST"]]);
    }
    if (!this.#origin.admits(arrived)) {
      this.#report(refused(403, "address_not_allowed", "The address that it comes from is not in allowFrom."), arrived);
      return json(403, '{"error":"Forbidden"}', [["connection", "close"]]);
    }
    const declared = headerValue(reusable(arrived.headers), "content-length");
    return declared !== undefined && Number(declared) > this.bytesMax ? this.tooLarge(arrived) : null;
  }

  /** The answer to a body over the limit. */
  tooLarge(arrived: Arrived<Request>): Answer {
    this.#report(refused(413, "body_too_large", `The body is over maxBytes (${this.bytesMax}).`), arrived);
    return json(413, '{"error":"Payload too large"}', [["connection", "close"]]);
  }

  /** The answer to a body that broke off. Seldom will anyone read it. */
  aborted(arrived: Arrived<Request>): Answer {
    this.#report(refused(400, "request_aborted", "The connection broke off inside the body."), arrived);
    return json(400, '{"error":"Request aborted"}', [["connection", "close"]]);
  }

  /** Judges a request and runs the handler. */
  async receive(arrived: Arrived<Request>, body: Uint8Array): Promise<Outcome> {
    const { method, headers } = arrived;
    if (body.length > this.bytesMax) return answered(this.tooLarge(arrived));
    const sender = this.#senders.pick(headers);
    if (sender === null) {
      this.#report(refused(401, "missing_header", "No header of any of the `providers` is there."), arrived);
      return answered(json(401, REFUSED));
    }
    const { verifier, ids } = sender;
    const verdict = verifier.verify({ headers, body, method, url: this.#origin.url(arrived) });
    if (!verdict.ok) {
      this.#report(refused(401, verdict.code, verdict.message), arrived, ids);
      return answered(json(401, verifier.answers.refused ?? REFUSED));
    }
    const read = readBody(sender, body);
    if (!read.ok) {
      this.#report({ status: 400, code: read.code, message: read.message, path: read.path }, arrived, ids);
      return answered(json(400, JSON.stringify({ error: "Unreadable payload", code: read.code })));
    }
    const context = { ...contextOf(arrived, ids), body, verdict };
    return this.#once(read.event, context, json(200, verifier.answers.accepted ?? ACCEPTED));
  }

  /** Tells of a failure that no caller could take. */
  failed(error: unknown, arrived: Arrived<Request>): void {
    this.#failed(error, contextOf(arrived));
  }

  /** Runs the handler, unless the event is known already. */
  async #once(event: Keyed, context: EventContext<Request>, accepted: Answer): Promise<Outcome> {
    const onError = (error: unknown): void => this.#failed(error, context);
    const deduper = this.#deduper;
    const claim: Claim | null = deduper === null ? null : await deduper.claim(event, context, onError);
    if (claim === "repeated") return answered(accepted);
    if (deduper !== null && (claim === "busy" || claim === "unavailable")) {
      return answered(later(claim, deduper.leaseMs));
    }
    const handle = async (): Promise<boolean> => {
      let isHandled = false;
      try {
        await this.#options.onEvent(event as never, context);
        isHandled = true;
      } catch (error) {
        onError(error);
      }
      if (claim !== null) await deduper?.settle(claim, isHandled, onError);
      return isHandled;
    };
    if (this.#options.acknowledge === "before-handler") {
      return { answer: accepted, afterwards: async () => void (await handle()) };
    }
    return answered((await handle()) ? accepted : json(500, '{"error":"Handler failed"}'));
  }

  #report(refusal: Refusal, arrived: Arrived<Request>, ids?: Sender["ids"]): void {
    const context = contextOf(arrived, ids);
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

function checked<Request>(options: AnyOptions<Request>): AnyOptions<Request> {
  const { onEvent, maxBytes, acknowledge } = options;
  if (typeof onEvent !== "function") throw invalid("`onEvent` takes the function that is called for every event.");
  if (maxBytes !== undefined && (!Number.isSafeInteger(maxBytes) || maxBytes < 0)) {
    throw invalid("`maxBytes` takes a whole number of bytes.");
  }
  if (acknowledge !== undefined && acknowledge !== "after-handler" && acknowledge !== "before-handler") {
    throw invalid('`acknowledge` takes "after-handler" or "before-handler".');
  }
  return options;
}

function contextOf<Request>({ request, headers }: Arrived<Request>, ids: Sender["ids"] = []): RequestContext<Request> {
  const own = reusable(headers);
  const name = [...ids, MESSAGE_ID].find((header) => headerValue(own, header) !== undefined);
  return { request, headers, messageId: name === undefined ? null : (headerValue(own, name) ?? null) };
}

function answered(answer: Answer): Outcome {
  return { answer, afterwards: null };
}

function refused(status: Refusal["status"], code: Refusal["code"], message: string): Refusal {
  return { status, code, message, path: "" };
}

/**
 * The answer to an event that cannot be handled right now. 503 and not 409: senders repeat after it, while some take 4xx for
 * final (R-X9). `Retry-After` is when the claim has ended at the latest.
 */
function later(why: "busy" | "unavailable", leaseMs: number): Answer {
  const error = why === "busy" ? "This event is being handled" : "Try again later";
  return json(503, JSON.stringify({ error }), [["retry-after", String(Math.ceil(leaseMs / 1000))]]);
}

function json(status: number, body: string, more: Answer["headers"] = []): Answer {
  return { status, headers: [JSON_TYPE, ...more], body };
}

function invalid(message: string): CountersignError {
  return new CountersignError("option_invalid", message);
}
