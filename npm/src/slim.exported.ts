// What every slim entry exports besides the function that needs a wasm module.

export type { Body } from "./body.js";
export type { ErrorCode, MistakeCode, RejectionCode } from "./errors.js";
export { CountersignError } from "./errors.js";
export type { HeadersLike, HeaderValue } from "./headers.js";
export type { VerifyRequest } from "./kernel.js";
export { slimHash as coreHash, version } from "./stamp.js";
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
