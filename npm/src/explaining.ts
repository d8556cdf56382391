import {
  CountersignError,
  type RejectionCode,
  type Verified,
  type VerifierOptions,
  type VerifyRequest,
} from "countersign";
import { bytesOf } from "./body.js";
import type { HeadersLike } from "./headers.js";
import { provided, started } from "./internal.js";
import { Case, initSync } from "./toolkit/explain.js";
import { checked, coreSettings } from "./verifier.js";

/** What a verifier is made from, and what else may be known. */
export interface ExplainOptions extends VerifierOptions {
  /** Names and secrets of other endpoints, to see whether the secret is that of another one. */
  readonly otherEndpoints?: { readonly [name: string]: string } | undefined;
}

/** Why a signature does not match. Words of the core; they never change their meaning. */
export type Cause =
  | "wrong_provider"
  | "signature_prefix"
  | "signature_upper_case"
  | "signature_encoding"
  | "signature_quoted"
  | "secret_white_space"
  | "secret_quoted"
  | "secret_decoded"
  | "secret_not_decoded"
  | "secret_prefix"
  | "secret_of_other_endpoint"
  | "secret_empty"
  | "secret_incomplete"
  | "secret_malformed"
  | "body_reserialised"
  | "body_final_newline"
  | "body_byte_order_mark"
  | "body_line_breaks"
  | "body_decoded"
  | "body_form_decoded"
  | "body_base64"
  | "body_quoted"
  | "body_escapes"
  | "body_truncated"
  | "body_lost"
  | "timestamp_milliseconds"
  | "timestamp_seconds"
  | "now_milliseconds"
  | "clock_skew"
  | "old_message"
  | "header_repeated"
  | "header_merged"
  | "header_renamed"
  | "header_missing"
  | "url_differs"
  | "url_missing"
  | "method_differs";

/** One cause. Holds no secret, no expected signature and nothing of the body. */
export interface Finding {
  readonly code: Cause;
  /** `"certain"`: with the cause undone the request verifies, or with it none can. `"likely"`: it looks like a known mistake. */
  readonly confidence: "certain" | "likely";
  /** What was found, in one sentence. */
  readonly message: string;
  /** What to do. */
  readonly fix: string;
}

/** The request is refused, or no verifier can be made from the options. */
export interface NotVerified {
  readonly ok: false;
  readonly code:
    | RejectionCode
    | "secret_invalid"
    | "unknown_scheme"
    | "unknown_option"
    | "option_missing"
    | "url_missing";
  readonly message: string;
}

export interface Explanation {
  /** What the verifier says. */
  readonly verdict: Verified | NotVerified;
  /** Certain causes first. Empty when the request is valid, and when nothing explains why it is not. */
  readonly findings: readonly Finding[];
  /** Verifications that were made. */
  readonly trials: number;
  /** Whether everything was tried; `false` when the bounds of the search were reached first. */
  readonly complete: boolean;
}

/**
 * Changes one thing at a time in the request, the secret or the options, and verifies again: what then fits is the cause. Takes
 * what `createVerifier` takes, and the request with all its headers. Throws only for a mistake in the call.
 *
 * For whoever runs the receiver; a stranger gets a status and no detail. It costs up to some hundred verifications, so call it
 * after a refusal while you set a webhook up, and not for every request of a stranger.
 */
export type Explain = (options: ExplainOptions, request: VerifyRequest) => Explanation;

/** Longest body that is searched; the core itself stops long before. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
const TOO_LARGE = "The body is over 64 MiB. No provider sends that; limit the size where you read the body.";

const encoder = new TextEncoder();

/** Explains with one module, which is started at the first call. */
export function explainWith(module: () => WebAssembly.Module): Explain {
  let isRunning = false;
  return (options, request) => {
    const { scheme, provider, secrets, now, ...own } = checked(options);
    const others = Object.entries(options.otherEndpoints ?? {}).flat();
    const tolerance = toleranceOf(own.tolerance);
    const headers = everyHeader(request.headers);
    const body = typeof request.body === "string" ? encoder.encode(request.body) : bytesOf(request.body);
    if (body.length > BODY_BYTES_MAX) {
      const verdict = { ok: false, code: "body_too_large", message: TOO_LARGE } as const;
      return { verdict, findings: [], trials: 0, complete: false };
    }
    if (!isRunning) {
      const explain = provided.explain ?? module();
      started.explain = true;
      initSync({ module: explain });
      isRunning = true;
    }
    try {
      const asked = new Case(scheme ?? provider ?? "", [...secrets]);
      try {
        asked.options(coreSettings(own));
        asked.others(others);
        if (tolerance !== undefined) asked.tolerance(tolerance);
        asked.target(request.method?.toUpperCase() ?? "POST", request.url ?? "");
        for (const [name, value] of headers) asked.header(name, wireBytes(value));
        return inOurWords(asked.explain(body, now?.() ?? Date.now() / 1000) as Explanation);
      } finally {
        asked.free();
      }
    } catch (cause) {
      throw new CountersignError("internal", "The core stopped on an error of its own. Please report it.", { cause });
    }
  };
}

/** Seconds; negative for no limit. */
function toleranceOf(tolerance: number | null | undefined): number | undefined {
  if (tolerance === null) return -1;
  if (tolerance === undefined || tolerance >= 0) return tolerance;
  throw new CountersignError("tolerance_invalid", "`tolerance` must be a number of seconds, or null for no limit.");
}

/** Every header with every value: repeated ones are a cause of their own. */
function everyHeader(headers: HeadersLike): [name: string, value: string][] {
  if (headers === null || typeof headers !== "object") throw headersInvalid();
  const isIterable = typeof (headers as Partial<Iterable<unknown>>)[Symbol.iterator] === "function";
  // An object that can only be asked by name would look like a request without headers.
  if (!isIterable && typeof (headers as { get?: unknown }).get === "function") throw headersInvalid();
  const found: [string, string][] = [];
  for (const pair of isIterable ? (headers as Iterable<unknown>) : Object.entries(headers)) {
    if (!Array.isArray(pair)) throw headersInvalid();
    const [name, values] = pair as [unknown, unknown];
    for (const value of Array.isArray(values) ? (values as unknown[]) : [values]) {
      if (typeof name === "string" && typeof value === "string") found.push([name, value]);
    }
  }
  return found;
}

function headersInvalid(): CountersignError {
  return new CountersignError(
    "headers_invalid",
    "explain looks at every header. Pass req.headers, a web Headers object, a Map, or a list of [name, value] pairs.",
  );
}

/** HTTP libraries give each byte of the wire as one character. What has others never came over HTTP, and is UTF-8. */
function wireBytes(value: string): Uint8Array {
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i += 1) {
    const unit = value.charCodeAt(i);
    if (unit > 0xff) return encoder.encode(value);
    bytes[i] = unit;
  }
  return bytes;
}

/** Settings have other spellings here than in the core: `secret_format` is `secretFormat`. */
function inOurWords(explanation: Explanation): Explanation {
  const ours = (text: string): string =>
    text.replace(/`[a-z]+(?:_[a-z]+)+(?=[:`])/g, (name) =>
      name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    );
  const { verdict } = explanation;
  return {
    ...explanation,
    verdict: verdict.ok ? verdict : { ...verdict, message: ours(verdict.message) },
    findings: explanation.findings.map((finding) => ({
      ...finding,
      message: ours(finding.message),
      fix: ours(finding.fix),
    })),
  };
}
