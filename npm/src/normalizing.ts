import {
  type Body,
  CountersignError,
  type ErrorCode,
  type HeadersLike,
  type ParseCode,
  type Provider,
  type Unreadable,
} from "countersign";
import { bytesOf } from "./body.js";
import { headerPairs, reusable } from "./headers.js";
import { type ModuleName, provided, started } from "./internal.js";
import type { EventSource, NormalizedEvent } from "./normalized.js";
import * as glue from "./toolkit/events.js";

/** A delivery, as it arrived. */
export interface Delivery {
  readonly body: Body;
  /** Resend, Cleanmails and SmartLead have the id of repeats in a header; without them those events have none. */
  readonly headers?: HeadersLike | undefined;
}

/** A delivery read: one event, or as many as SendGrid posts at once, in their order. */
export interface Normalized {
  readonly ok: true;
  readonly events: readonly NormalizedEvent[];
}

export type NormalizeResult = Normalized | Unreadable;

/** The body of a provider's delivery, as JSON text. */
export interface Rendered {
  readonly ok: true;
  readonly body: string;
}

/** An event that this provider's body cannot hold. */
export interface NotRendered {
  readonly ok: false;
  /** `not_expressible`: the provider has no such event. `missing_field`: it requires a field, named in `path`. */
  readonly code: "not_expressible" | "missing_field" | "time_invalid" | "unknown_provider";
  /** The field of the normalised event; empty when the event as a whole is meant. */
  readonly path: string;
  readonly message: string;
}

export type RenderResult = Rendered | NotRendered;

/**
 * What a key of repeats is made of. `"provider"`: the source's own id, else all fields that tell events apart. `"fields"`: those
 * fields always, for receivers that trust no header. The other two are what SmartLead's documents say, for whoever must agree
 * with an older receiver; they merge events that differ.
 */
export type KeyPolicy = "provider" | "fields" | "smartlead_guide" | "smartlead_reference";

/** Which events must be handled one after the other. */
export type OrderScope = "lead_in_campaign" | "lead" | "campaign";

export interface OrderingKey {
  /** Events with the same key must stay in order. */
  readonly key: string;
  /** The place of this event among them: unix milliseconds; `null` when the event says no time. */
  readonly order: number | null;
}

/** What `countersign/events` offers. */
export interface EventTools {
  /** Reads a delivery as normalised events. Never throws for what a sender can send. Verify first: reading proves nothing. */
  readonly normalize: (source: EventSource, delivery: Delivery) => NormalizeResult;
  /** Writes a normalised event as the body of a provider's delivery. Nothing is invented: what is missing is named. */
  readonly render: (event: NormalizedEvent, provider: Provider) => RenderResult;
  /** A key that all deliveries of one event share and no other event has; `null` where the policy makes none. */
  readonly idempotencyKey: (event: NormalizedEvent, policy?: KeyPolicy) => string | null;
  /** The key of events that must stay in order; `"lead_in_campaign"` when no scope is given. */
  readonly orderingKey: (event: NormalizedEvent, scope?: OrderScope) => OrderingKey;
}

/** Refusals that are the caller's own mistakes: the argument is no event, or names no known policy or scope. */
const MISTAKES: ReadonlySet<string> = new Set(["wrong_type", "json_invalid", "unknown_option"]);

type Answer<T> = ({ readonly ok: true } & T) | { readonly ok: false; code: string; path: string; message: string };

const NAME: ModuleName = "events";
const encoder = new TextEncoder();

/** Reads and writes events with one module, which is started at the first call. */
export function eventToolsWith(module: () => WebAssembly.Module): EventTools {
  let isRunning = false;
  const asked = <T>(call: () => string): Answer<T> => {
    if (!isRunning) {
      const events = provided[NAME] ?? module();
      started[NAME] = true;
      glue.initSync({ module: events });
      isRunning = true;
    }
    try {
      return JSON.parse(call()) as Answer<T>;
    } catch (cause) {
      throw new CountersignError("internal", "The core stopped on an error of its own. Please report it.", { cause });
    }
  };
  /** The answer about an event of the caller's. */
  const told = <T>(event: NormalizedEvent, call: (text: string) => string): Answer<T> => {
    const text = textOf(event);
    const answer = asked<T>(() => call(text));
    if (!answer.ok && MISTAKES.has(answer.code)) throw mistake(answer.code, answer.path, answer.message);
    return answer;
  };
  return {
    normalize(source, { body, headers }) {
      const bytes = typeof body === "string" ? encoder.encode(body) : bytesOf(body);
      const pairs = headers === undefined ? undefined : JSON.stringify(headerPairs(reusable(headers)));
      const read = asked<{ events: NormalizedEvent[] }>(() => glue.parseEvents(String(source), pairs, bytes));
      return read.ok ? read : { ...read, code: read.code as ParseCode };
    },
    render(event, provider) {
      const rendered = told<{ body: string }>(event, (text) => glue.render(text, String(provider)));
      return rendered.ok ? rendered : { ...rendered, code: rendered.code as NotRendered["code"] };
    },
    idempotencyKey(event, policy) {
      return sure(told<{ key: string | null }>(event, (text) => glue.idempotencyKey(text, policy))).key;
    },
    orderingKey(event, scope) {
      const { key, order } = sure(told<OrderingKey>(event, (text) => glue.orderingKey(text, scope)));
      return { key, order };
    },
  };
}

function textOf(event: unknown): string {
  if (event !== null && typeof event === "object") {
    try {
      const text: string | undefined = JSON.stringify(event);
      if (text !== undefined) return text;
    } catch {
      // A cycle, or a bigint: no event.
    }
  }
  throw mistake("wrong_type", "event", "it cannot be written as JSON");
}

function mistake(code: string, path: string, why: string): CountersignError {
  const what =
    path === "event"
      ? "Pass an event as `normalize` returns it, or in that shape"
      : `There is no such ${path}; see the types`;
  return new CountersignError(code as ErrorCode, `${what}: ${why}.`);
}

/** Keys are made of every event; what is no event was refused before. */
function sure<T>(answer: Answer<T>): T {
  if (answer.ok) return answer;
  throw new CountersignError("internal", answer.message);
}
