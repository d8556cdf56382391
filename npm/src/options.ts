// What a user says to an adapter. Types only.

import type {
  EventOf,
  HeadersLike,
  ParseCode,
  Provider,
  RejectionCode,
  Scheme,
  SchemeOptions,
  Verified,
} from "countersign";
import type { DedupeOptions } from "./dedupe.js";
import type { OriginOptions } from "./origin.js";

/** An event of a sender whose bodies this package does not read: the signature was verified, and no more. */
export interface UnreadEvent<S extends Scheme = Scheme> {
  /** The signature scheme, or the name under `providers`. */
  readonly provider: S;
  readonly type: null;
  readonly known: false;
  readonly id: null;
  readonly timestamp: null;
  /** What `JSON.parse` makes of the body; `undefined` when it is no JSON. The bytes are in `context.body`. */
  readonly payload: unknown;
}

/** The events of senders by name: read where the name is a provider's, else unread. */
export type EventFrom<Name extends Scheme> = Name extends Provider ? EventOf<Name> : UnreadEvent<Name>;

/** Why a request was turned away. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 405 | 413;
  readonly code: RejectionCode | ParseCode | "method_not_allowed" | "request_aborted" | "address_not_allowed";
  /** What it means and what to do. For your log. */
  readonly message: string;
  /** Where in the payload, when the payload could not be read. */
  readonly path: string;
}

/** What is known of a request besides its event. */
export interface RequestContext<Request> {
  readonly request: Request;
  readonly headers: HeadersLike;
  /**
   * The header that the scheme signs an id in (`svix-id`), or else `webhook-id`: the same on every attempt. Proved only when
   * the verdict's `covers` has `"id"`.
   */
  readonly messageId: string | null;
}

/** What is known of a verified request besides its event. */
export interface EventContext<Request> extends RequestContext<Request> {
  /** The exact bytes that were signed. */
  readonly body: Uint8Array;
  readonly verdict: Verified;
}

/** How one sender signs. */
export interface SenderOptions extends SchemeOptions {
  /** The signature scheme, where it is not the provider's own. */
  readonly scheme?: Scheme | undefined;
  readonly secrets: string | readonly string[];
  readonly tolerance?: number | null | undefined;
  readonly now?: (() => number) | undefined;
}

/** One provider, whose events are read. */
export interface OneProvider<P extends Provider> extends SenderOptions {
  /** Whose events these are. */
  readonly provider: P;
  readonly providers?: undefined;
}

/** One sender whose signature is verified and whose bodies are left to you. */
export interface OneScheme<S extends Scheme> extends SenderOptions {
  readonly scheme: S;
  readonly provider?: undefined;
  readonly providers?: undefined;
}

/** Several senders behind one address, told apart by the headers they sign with. */
export interface SeveralProviders<Name extends Scheme> {
  /** Senders by the name of their provider or scheme. When a request fits several, the first counts. */
  readonly providers: { readonly [N in Name]: SenderOptions };
  readonly provider?: undefined;
  readonly scheme?: undefined;
  readonly secrets?: undefined;
}

/** What happens to requests. */
export interface HandlingOptions<Event, Request> extends OriginOptions<Request> {
  /** Longest body in bytes; longer ones are answered with 413. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /**
   * When the sender gets its 200.
   *
   * `"after-handler"` (default): once `onEvent` is done; when it throws the answer is 500, so that the sender tries
   * again. An event is never lost, but `onEvent` must be quicker than the sender's patience (SendEmAll: 10 seconds).
   *
   * `"before-handler"`: at once, then `onEvent` runs. For slow work; an event whose handler fails, or is cut off when
   * the process stops, is not sent again. The failure goes to `onError`.
   */
  readonly acknowledge?: "after-handler" | "before-handler" | undefined;
  /** Recognises repeats, so that one does not run `onEvent` again. Left out: every delivery runs it. */
  readonly dedupe?: DedupeOptions<Event, Request> | undefined;
  /** Called for every verified event. Without `dedupe` it may be called twice for one event: senders repeat what they are unsure of. */
  onEvent(event: Event, context: EventContext<Request>): unknown;
  /** Told of every request that is turned away, for your log. */
  onReject?(refusal: Refusal, context: RequestContext<Request>): void;
  /** Told of a failed `onEvent` or `onReject`, and of a failing dedupe store. Default: `console.error`. */
  onError?(error: unknown, context: RequestContext<Request>): void;
}

/** Settings of a receiver of one provider. */
export type ReceiverOptions<P extends Provider, Request> = OneProvider<P> & HandlingOptions<EventOf<P>, Request>;

/** Settings of a receiver of any kind, when nothing more is known of them. */
export type AnyOptions<Request> = (
  | OneProvider<Provider>
  | OneScheme<Scheme>
  | (Omit<SeveralProviders<never>, "providers"> & { readonly providers: { readonly [name: string]: SenderOptions } })
) &
  HandlingOptions<never, Request>;

/**
 * Makes something that receives, of one provider, of one scheme, or of several. Say what `context.request` is by annotating it:
 * `onEvent(event, context: EventContext<MyRequest>)`.
 */
export interface MakeReceiver<Base, Made> {
  <P extends Provider, R extends Base = Base>(options: OneProvider<P> & HandlingOptions<EventOf<P>, R>): Made;
  <Name extends Scheme, R extends Base = Base>(
    options: SeveralProviders<Name> & HandlingOptions<EventFrom<Name>, R>,
  ): Made;
  <S extends Scheme, R extends Base = Base>(options: OneScheme<S> & HandlingOptions<UnreadEvent<S>, R>): Made;
}
