import { type Body, bytesOf } from "./body.js";
import { CountersignError, type ParseCode } from "./errors.js";
import type { EventOf } from "./events.js";
import { provided, started } from "./internal.js";
import { type EventReading, initSync, readEvent } from "./toolkit/toolkit.js";
import type { Provider } from "./verifier.js";

/** A payload read as an event. */
export interface Parsed<P extends Provider = Provider> {
  readonly ok: true;
  readonly event: EventOf<P>;
}

/** A payload that is no event of this provider. */
export interface Unreadable {
  readonly ok: false;
  readonly code: ParseCode;
  /** Where it stands, as `data.lead_email`; empty when the payload as a whole is meant. */
  readonly path: string;
  readonly message: string;
}

export type ParseResult<P extends Provider = Provider> = Parsed<P> | Unreadable;

/** Reads a payload. Never throws for anything that a sender can send. Verify first: parsing proves nothing. */
export type Parse = <P extends Provider>(provider: P, body: Body) => ParseResult<P>;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads events with one toolkit, which is started at the first call: who only verifies never pays for it. */
export function parseWith(module: () => WebAssembly.Module): Parse {
  let isRunning = false;
  return (provider, body) => {
    const bytes = typeof body === "string" ? encoder.encode(body) : bytesOf(body);
    if (!isRunning) {
      const toolkit = provided.toolkit ?? module();
      started.toolkit = true;
      initSync({ module: toolkit });
      isRunning = true;
    }
    const read = understood(String(provider), bytes);
    if (!read.ok) {
      return { ok: false, code: read.code as ParseCode, path: read.path, message: read.message };
    }
    const payload = payloadOf(bytes);
    if (payload === undefined) {
      return { ok: false, code: "json_invalid", path: "", message: "The payload is not JSON in UTF-8." };
    }
    const { type, known, id, timestamp } = read;
    // The toolkit has checked what the type promises; the payload itself is built by JSON.parse, which is faster.
    const event = { provider, type, known, id: id ?? null, timestamp: timestamp ?? null, payload };
    return { ok: true, event: event as unknown as EventOf<typeof provider> };
  };
}

function understood(provider: string, bytes: Uint8Array): EventReading {
  try {
    return JSON.parse(readEvent(provider, bytes)) as EventReading;
  } catch (cause) {
    throw new CountersignError("internal", "The core stopped on an error of its own. Please report it.", { cause });
  }
}

function payloadOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}
