import { CountersignError } from "./errors.js";
import { type Keyed, keyOf } from "./key.js";
import type { EventContext } from "./options.js";

/**
 * How long a claim holds when nobody confirms or releases it, because the process died: 10 s. As long as the patience of
 * senders (E29, R-C10), and short enough for the last of Cleanmails' retries, 14 s after a crash (R-C1).
 */
export const LEASE_MS = 10_000;

/** How long an event is remembered: 4 days. The longest schedule of a sender ends after 75 h 35 min (R-P11). */
export const KEEP_MS = 4 * 24 * 60 * 60 * 1000;

/**
 * Where events are remembered. Three states: unknown, claimed (somebody is at it), done.
 *
 * Invariant: `claim` answers `"claimed"` to one caller only until the lease ends, as far as the store can promise it.
 */
export interface DedupeStore {
  /** Claims an event for `leaseMs`. `"busy"`: somebody else has; `"done"`: it was confirmed. */
  claim(key: string, owner: string, leaseMs: number): Promise<"claimed" | "busy" | "done">;
  /** Remembers for `keepMs` that the event is done, whoever holds it now. */
  confirm(key: string, keepMs: number): Promise<void>;
  /** Gives a claim back, if `owner` still holds it. */
  release(key: string, owner: string): Promise<void>;
}

/** How repeats are recognised. */
export interface DedupeOptions<Event, Request> {
  readonly store: DedupeStore;
  /** What is the same on every delivery of an event, and on no other event's. Left out: see `keyOf` in the README. */
  key?(event: Event, context: EventContext<Request>): string | Promise<string>;
  /** How long an unfinished event stays claimed, in milliseconds. Default 10,000. Longer than `onEvent` ever takes. */
  readonly leaseMs?: number | undefined;
  /** How long a finished event is remembered, in milliseconds. Default 4 days. Longer than the sender repeats. */
  readonly keepMs?: number | undefined;
}

/** An event that is claimed, or the reason why it is not. `unavailable`: the store failed. */
export type Claim = { readonly key: string; readonly owner: string } | "repeated" | "busy" | "unavailable";

/**
 * Lets a handler run once for each event: claim, handle, confirm; release when the handler failed. A crash in between leaves a
 * claim that ends by itself, so that a repeat finds the event undone. Source: R-E8.
 */
export class Deduper<Event extends Keyed, Request> {
  readonly leaseMs: number;
  readonly #keepMs: number;
  readonly #store: DedupeStore;
  readonly #key: (event: Event, context: EventContext<Request>) => string | Promise<string>;

  /** @throws CountersignError for a mistake in the options. */
  constructor(options: DedupeOptions<Event, Request>) {
    const { store, key = keyOf, leaseMs = LEASE_MS, keepMs = KEEP_MS } = options;
    if (
      typeof store?.claim !== "function" ||
      typeof store.confirm !== "function" ||
      typeof store.release !== "function"
    ) {
      throw invalid('`dedupe.store` takes a store, such as memoryStore() of "countersign/dedupe".');
    }
    if (typeof key !== "function") throw invalid("`dedupe.key` takes a function of event and context.");
    for (const [name, value] of Object.entries({ leaseMs, keepMs })) {
      if (!Number.isSafeInteger(value) || value < 1)
        throw invalid(`\`dedupe.${name}\` takes whole milliseconds, 1 or more.`);
    }
    this.#store = store;
    this.#key = key;
    this.leaseMs = leaseMs;
    this.#keepMs = keepMs;
  }

  /** Claims an event. A store that fails makes it unavailable: handling it unclaimed could handle it twice. */
  async claim(event: Event, context: EventContext<Request>, onError: (error: unknown) => void): Promise<Claim> {
    try {
      const key = await this.#key(event, context);
      // One key for all would lose every event but the first.
      if (typeof key !== "string" || key === "")
        throw invalid("`dedupe.key` returned no text, so nothing was handled.");
      const owner = crypto.randomUUID();
      const state = await this.#store.claim(key, owner, this.leaseMs);
      return state === "claimed" ? { key, owner } : state === "done" ? "repeated" : "busy";
    } catch (error) {
      onError(error);
      return "unavailable";
    }
  }

  /** Ends a claim. A store that fails now changes no answer: the claim ends by itself. */
  async settle(claim: Claim, isHandled: boolean, onError: (error: unknown) => void): Promise<void> {
    if (typeof claim === "string") return;
    try {
      if (isHandled) await this.#store.confirm(claim.key, this.#keepMs);
      else await this.#store.release(claim.key, claim.owner);
    } catch (error) {
      onError(error);
    }
  }
}

function invalid(message: string): CountersignError {
  return new CountersignError("option_invalid", message);
}
