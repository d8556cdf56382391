/** Why a request was refused. Words of the core; the same in Rust, in logs and in the test vectors. */
export type RejectionCode =
  | "missing_header"
  | "malformed_header"
  | "unsupported_version"
  | "bad_signature"
  | "timestamp_invalid"
  | "timestamp_too_old"
  | "timestamp_too_new"
  | "body_invalid"
  | "missing_field"
  | "body_too_large";

/** Why a payload could not be read as an event. */
export type ParseCode = "json_invalid" | "missing_field" | "wrong_type" | "unknown_provider";

/** A mistake of the program that calls, never of the one who sent the request. */
export type MistakeCode =
  | "secret_missing"
  | "secret_invalid"
  | "unknown_scheme"
  | "unknown_option"
  | "option_invalid"
  | "option_missing"
  | "tolerance_invalid"
  | "id_missing"
  | "url_missing"
  | "secret_cannot_sign"
  | "headers_invalid"
  | "body_missing"
  | "body_already_parsed"
  | "body_already_read"
  | "verifier_freed"
  | "already_initialised"
  | "wasm_unavailable"
  | "internal";

/** Every code that a {@link CountersignError} can carry. */
export type ErrorCode = MistakeCode | RejectionCode | ParseCode;

/**
 * The only error class of this package. Tell errors apart by `code`, not by the text of the message.
 *
 * A message never holds a secret, a body or an expected signature.
 */
export class CountersignError extends Error {
  override readonly name = "CountersignError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const ADAPTERS = 'use an adapter such as "countersign/express" or "countersign/fetch", which read the bytes themselves';
const RAW_IN_EXPRESS =
  'In Express put express.raw({ type: "*/*" }) on this route, ahead of express.json(), and pass req.body; or ' +
  `${ADAPTERS}.`;

/** The body is an object: its bytes, which are what was signed, are gone. */
export function bodyAlreadyParsed(fix: string = RAW_IN_EXPRESS): CountersignError {
  return new CountersignError(
    "body_already_parsed",
    `The body was parsed or decoded before verification, so the signed bytes are lost. ${fix}`,
  );
}

const KEEP_RAW_BODY = "let that keep the bytes: express.json({ verify: (req, res, bytes) => { req.rawBody = bytes } })";

/** Something read the body stream before us and did not keep the bytes. */
export function bodyAlreadyRead(orElse: string = KEEP_RAW_BODY): CountersignError {
  return new CountersignError(
    "body_already_read",
    "The body of this request was read before the webhook handler ran, so the signed bytes are lost. Mount the " +
      `handler ahead of whatever reads the body, or ${orElse}.`,
  );
}

/** No body at all, or a value that cannot be one. */
export function bodyMissing(): CountersignError {
  return new CountersignError(
    "body_missing",
    "No body was given. Pass the raw bytes as a Uint8Array, Buffer, DataView or ArrayBuffer, or the text as a string; " +
      `for an empty body pass an empty string. If req.body is undefined in Express, ${ADAPTERS}.`,
  );
}
