// What every entry exports besides the two functions that need a wasm module.

export type { Body } from "./body.js";
export type { ErrorCode, MistakeCode, ParseCode, RejectionCode } from "./errors.js";
export { CountersignError } from "./errors.js";
export type * from "./events.js";
export type { HeadersLike, HeaderValue } from "./headers.js";
export type { VerifyRequest } from "./kernel.js";
export type { Parse, Parsed, ParseResult, Unreadable } from "./parse.js";
export { coreHash, version } from "./stamp.js";
export type {
  Answers,
  Covered,
  Provider,
  Rejected,
  Scheme,
  SchemeOptions,
  Verdict,
  Verified,
  Verifier,
  VerifierOptions,
} from "./verifier.js";
