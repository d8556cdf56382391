import { type Body, bytesOf } from "./body.js";
import { CountersignError, type ErrorCode, type RejectionCode } from "./errors.js";
import { reusable } from "./headers.js";
import { type Message, SIGN, SIGNER } from "./internal.js";
import { frameOf, type Kernel, TOO_LARGE, type VerifyRequest } from "./kernel.js";
import type { InnerHasher, NativeHashing } from "./native.js";

/** Platforms whose events this package reads. */
export type Provider = "cleanmails" | "smartlead" | "sendemall" | "platform";

/** A signature scheme: those of the providers, Standard Webhooks, and other senders. `generic-hmac` is any of your own. */
export type Scheme =
  | Provider
  | "atlassian"
  | "box"
  | "buildkite"
  | "calendly"
  | "circleci"
  | "convoy"
  | "discord"
  | "generic-hmac"
  | "github"
  | "gocardless"
  | "hook0"
  | "hubspot"
  | "intercom"
  | "lemonsqueezy"
  | "line"
  | "linear"
  | "mailersend"
  | "mailgun"
  | "mailtrap"
  | "mandrill"
  | "meta"
  | "paddle"
  | "pagerduty"
  | "postmark"
  | "resend"
  | "sanity"
  | "sendgrid"
  | "shopify"
  | "slack"
  | "square"
  | "standard-webhooks"
  | "stripe"
  | "svix"
  | "twilio"
  | "twitch"
  | "typeform"
  | "workos"
  | "x-twitter"
  | "zendesk"
  | "zoom"
  | (string & {});

/**
 * Settings of a scheme, each only where the scheme has it. `generic-hmac` takes those up to `secretFormat`: with them a sender
 * that this package has never heard of is covered by description alone.
 */
export interface SchemeOptions {
  /** Name of the signature header (SmartLead, generic-hmac). */
  readonly header?: string | undefined;
  /**
   * Hash of the HMAC; `"sha256"` when left out (generic-hmac, Convoy). Or a signature with a public key (generic-hmac), which
   * is then given as the secret: 64 hex digits (Ed25519), or a SubjectPublicKeyInfo in base64 or PEM (ECDSA).
   */
  readonly algorithm?: "sha1" | "sha256" | "sha512" | "ed25519" | "ecdsa-p256" | undefined;
  /** Alphabet of the digest; `"hex"` when left out (generic-hmac, Convoy). */
  readonly encoding?: "hex" | "base64" | "base64url" | undefined;
  /** Text before the digest. */
  readonly prefix?: string | undefined;
  /** Text between several digests in one header. */
  readonly separator?: string | undefined;
  /** The signed content, with `{body}`, `{timestamp}`, `{id}`, `{method}` and `{url}` in it; `"{body}"` when left out. */
  readonly template?: string | undefined;
  /** Name of the header with the timestamp, when the template has `{timestamp}`. */
  readonly timestampHeader?: string | undefined;
  /** Seconds (when left out) or milliseconds. */
  readonly timestampUnit?: "s" | "ms" | undefined;
  /** Name of the header with the message id, when the template has `{id}`. */
  readonly idHeader?: string | undefined;
  /**
   * `"raw"`: the text of the secret is the key, where the scheme would decode it (Standard Webhooks, Svix, Resend).
   * `"hex"`, `"base64"`: it is decoded, where the scheme would not (generic-hmac).
   */
  readonly secretFormat?: "raw" | "hex" | "base64" | undefined;
  /** Which of its two formats Convoy uses; `"simple"` when left out. */
  readonly mode?: "simple" | "advanced" | undefined;
  /** Label of the digests that are read; `"v1"` when left out (Convoy). */
  readonly signatureVersion?: string | undefined;
  /** Version of HubSpot's signatures; `"v3"` when left out. */
  readonly version?: "v1" | "v2" | "v3" | undefined;
  /** `"form"`: timestamp, token and signature are form fields (Mailgun); `"json"` when left out. */
  readonly bodyFormat?: "json" | "form" | undefined;
  /** Also tries the body with every character outside ASCII as `\\uXXXX`, for servers that resolve these (Meta). */
  readonly escapeUnicode?: boolean | undefined;
}

/** Whose webhooks are verified, and how. */
export interface VerifierOptions extends SchemeOptions {
  /** The platform that sends. Its name is also the name of its signature scheme. */
  readonly provider?: Provider | undefined;
  /** The signature scheme, where it is not the provider's own. */
  readonly scheme?: Scheme | undefined;
  /** The signing secret, or several during a rotation. A request is valid when any of them fits. */
  readonly secrets: string | readonly string[];
  /**
   * Seconds that a signed timestamp may lie from the clock, to either side. Left out: the scheme's own figure. `null`:
   * no limit. Without effect where no timestamp is signed.
   */
  readonly tolerance?: number | null | undefined;
  /** The receiver's clock in unix seconds, for tests. */
  readonly now?: (() => number) | undefined;
  /**
   * Who computes SHA-256. `"auto"` (default): the runtime itself for bodies from 192 bytes on (in Workers from 1 KiB on), where it
   * can do so synchronously, else WebAssembly. `"wasm"`, `"native"`: always, as far as runtime and scheme allow. The verdict is the same.
   */
  readonly hashing?: "auto" | "wasm" | "native" | undefined;
}

/** What the core calls the settings of a scheme. */
const SETTINGS = {
  header: "header",
  algorithm: "algorithm",
  encoding: "encoding",
  prefix: "prefix",
  separator: "separator",
  template: "template",
  timestampHeader: "timestamp_header",
  timestampUnit: "timestamp_unit",
  idHeader: "id_header",
  secretFormat: "secret_format",
  mode: "mode",
  signatureVersion: "signature_version",
  version: "version",
  bodyFormat: "body_format",
  escapeUnicode: "escape_unicode",
} as const satisfies Record<keyof SchemeOptions, string>;

const HASHING: readonly unknown[] = ["auto", "wasm", "native"];

const SETTING_NAMES = Object.keys(SETTINGS) as (keyof SchemeOptions)[];

/** The settings among some options, and nothing else. */
export function settingsOf(options: SchemeOptions): SchemeOptions {
  const settings: Record<string, string | boolean> = {};
  for (const name of SETTING_NAMES) {
    const value: unknown = options[name];
    if (value === undefined) continue;
    const wanted = name === "escapeUnicode" ? "boolean" : "string";
    if (typeof value !== wanted) throw mistake("option_invalid", `\`${name}\` must be a ${wanted}, or be left out.`);
    settings[name] = value as string | boolean;
  }
  return settings;
}

/** The settings as the core takes them: names and values, alternating. */
export function coreSettings(options: SchemeOptions): string[] {
  return SETTING_NAMES.flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [SETTINGS[name], String(value)];
  });
}

/** What a signature can cover. Only what it covers is proved. */
export type Covered = "body" | "url" | "id" | "timestamp" | "method" | "headers";

/** The signature fits. */
export interface Verified {
  readonly ok: true;
  /** Index in `secrets` of the one that matched. */
  readonly secretIndex: number;
  /** The signed timestamp in unix seconds; `null` where none is signed, so that an old request can be sent again. */
  readonly timestamp: number | null;
  /** What was signed. */
  readonly covers: readonly Covered[];
}

/** The request is refused. Nothing of it may be trusted. */
export interface Rejected {
  readonly ok: false;
  readonly code: RejectionCode;
  /** What the code means and what to do. For your log; a stranger gets a status and no detail. */
  readonly message: string;
}

export type Verdict = Verified | Rejected;

/** Response bodies that the provider documents, word for word. */
export interface Answers {
  readonly accepted: string | null;
  readonly refused: string | null;
}

/** Verifies requests of one sender. Holds the keyed state, so make one at start and keep it. */
export interface Verifier {
  /** Judges a request. Synchronous, and never throws for anything that a stranger can send. */
  verify(request: VerifyRequest): Verdict;
  /** Like `verify`, but throws a {@link CountersignError} with the code of the refusal. */
  verifyOrThrow(request: VerifyRequest): Verified;
  /** The headers it reads, lower case. */
  readonly headers: readonly string[];
  readonly answers: Answers;
  /** Wipes the keys. Also done when the verifier is garbage collected; calling it twice is harmless. */
  free(): void;
}

/** Bodies above this are refused with `body_too_large`: 64 MiB, far above any webhook. */
const TOO_LARGE_TEXT = "The body is over 64 MiB. No provider sends that; limit the size where you read the body.";

const NONE: readonly InnerHasher[] = [];

const COVERED: readonly Covered[] = ["body", "url", "id", "timestamp", "method", "headers"];
/** One frozen list for each combination of bits, so that a verdict needs no new array. */
const COVERS: readonly (readonly Covered[])[] = Array.from({ length: 1 << COVERED.length }, (_, bits) =>
  Object.freeze(COVERED.filter((_name, bit) => (bits & (1 << bit)) !== 0)),
);

/** Where a verifier lives in the kernel; shared with the garbage collector's callback. */
interface Place {
  handle: number;
  generation: number;
}

export class KeyedVerifier implements Verifier {
  readonly headers: readonly string[];
  readonly answers: Answers;
  readonly #kernel: Kernel;
  readonly #native: NativeHashing | null;
  /** Kept because the keys must be made again when the kernel is started anew. Private fields do not print. */
  readonly #options: VerifierOptions;
  /** Shortest body that is hashed natively. */
  readonly #nativeFrom: number;
  /** One for each secret, made when first needed; none where runtime or scheme do not allow native hashing. */
  #hashers: readonly InnerHasher[] | null = null;
  /** What the hashers hash is the body and nothing else. */
  #bodyAlone = false;
  readonly #isSigner: boolean;
  readonly #now: (() => number) | null;
  readonly #slots: readonly string[];
  readonly #readsClock: boolean;
  readonly #place: Place;
  readonly #registry: FinalizationRegistry<Place> | null;

  constructor(
    kernel: Kernel,
    options: VerifierOptions,
    registry: FinalizationRegistry<Place> | null,
    native: NativeHashing | null,
  ) {
    this.#kernel = kernel;
    this.#native = native;
    this.#options = checked(options);
    const { hashing } = this.#options;
    this.#nativeFrom = hashing === "wasm" ? Number.POSITIVE_INFINITY : hashing === "native" ? 0 : (native?.from ?? 0);
    this.#isSigner = (options as { [SIGNER]?: true })[SIGNER] === true;
    this.#now = options.now ?? null;
    const handle = this.#keyed();
    this.#place = { handle, generation: kernel.generation };
    this.#registry = registry;
    registry?.register(this, this.#place, this);
    const { slots, clock } = kernel.verifierReads(handle);
    this.#slots = slots;
    this.#readsClock = clock;
    this.headers = Object.freeze(this.#slots.filter((name) => !name.startsWith(":")));
    const [accepted, refused] = kernel.verifierAnswers(handle);
    this.answers = Object.freeze({ accepted, refused });
  }

  verify(request: VerifyRequest): Verdict {
    const kernel = this.#kernel;
    const place = this.#place;
    if (place.generation !== kernel.generation || place.handle === 0) this.#revive();
    const headers = reusable(request.headers);
    const now = this.#readsClock ? this.#seconds() : 0;
    const whole = headers === request.headers ? request : { ...request, headers };
    const hashers = lengthOf(request.body) < this.#nativeFrom ? NONE : (this.#hashers ?? this.#hashersMade());
    const code =
      hashers.length === 0
        ? kernel.verify(place.handle, this.#slots, whole, now)
        : kernel.verifyHashed(place.handle, this.#slots, whole, now, hashers, this.#bodyAlone);
    if (code === 0) {
      return {
        ok: true,
        secretIndex: kernel.secretIndex,
        timestamp: kernel.timestamp,
        covers: COVERS[kernel.covers] ?? [],
      };
    }
    if (code === TOO_LARGE) return { ok: false, code: "body_too_large", message: TOO_LARGE_TEXT };
    const text = kernel.text(code);
    return { ok: false, code: text.code as RejectionCode, message: text.message };
  }

  verifyOrThrow(request: VerifyRequest): Verified {
    const verdict = this.verify(request);
    if (verdict.ok) return verdict;
    throw new CountersignError(verdict.code, verdict.message);
  }

  free(): void {
    const { handle, generation } = this.#place;
    if (handle === 0) return;
    this.#place.handle = 0;
    for (const hasher of this.#hashers ?? NONE) hasher.wipe();
    this.#hashers = null;
    this.#registry?.unregister(this);
    if (generation === this.#kernel.generation) this.#kernel.verifierFree(handle);
  }

  [SIGN](message: Message): [name: string, value: string][] {
    if (this.#place.generation !== this.#kernel.generation || this.#place.handle === 0) this.#revive();
    const body = typeof message.body === "string" ? message.body : bytesOf(message.body as Exclude<Body, string>);
    const frame = frameOf([
      message.id ?? null,
      message.timestamp ?? null,
      body,
      message.method ?? null,
      message.url ?? null,
      frameOf(message.headers.flat()),
    ]);
    const flat = this.#kernel.sign(this.#place.handle, frame, this.#seconds());
    const pairs: [string, string][] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] as string, flat[i + 1] as string]);
    return pairs;
  }

  #seconds(): number {
    return this.#now === null ? Date.now() / 1000 : this.#now();
  }

  #hashersMade(): readonly InnerHasher[] {
    const made = this.#native?.hashers(() => {
      const { blocks, bodyAlone } = this.#kernel.innerHash(this.#place.handle);
      this.#bodyAlone = bodyAlone;
      return blocks;
    });
    this.#hashers = made ?? NONE;
    return this.#hashers;
  }

  /** Makes the keys in the kernel. */
  #keyed(): number {
    const { provider, scheme, secrets, tolerance } = this.#options;
    const keys = frameOf(typeof secrets === "string" ? [secrets] : secrets);
    const seconds = tolerance === undefined ? null : tolerance === null ? "" : String(tolerance);
    const frame = frameOf([scheme ?? provider ?? "", seconds, keys, frameOf(coreSettings(this.#options))]);
    try {
      return this.#kernel.keyedNew(frame, this.#isSigner);
    } finally {
      keys.fill(0);
      frame.fill(0);
    }
  }

  /** Makes the keys again after the kernel was started anew. */
  #revive(): void {
    if (this.#place.handle === 0) {
      throw new CountersignError("verifier_freed", "This verifier was freed. Make a new one with createVerifier.");
    }
    this.#place.handle = this.#keyed();
    this.#place.generation = this.#kernel.generation;
  }
}

/** Makes verifiers in one kernel, which hash natively where that is handed over. */
export function verifierFactory(
  kernel: Kernel,
  native: NativeHashing | null = null,
): (options: VerifierOptions) => Verifier {
  // Not every edge runtime has it; there, call free() or keep the verifier for good.
  const registry =
    typeof FinalizationRegistry === "undefined"
      ? null
      : new FinalizationRegistry<Place>(({ handle, generation }) => {
          if (handle !== 0 && generation === kernel.generation) kernel.verifierFree(handle);
        });
  return (options) => new KeyedVerifier(kernel, options, registry, native);
}

/** A copy of the options, so that a later change of the object changes nothing. Finds the mistakes that the core cannot name. */
export function checked(options: VerifierOptions): VerifierOptions & { readonly secrets: readonly string[] } {
  if (options === null || typeof options !== "object") {
    throw mistake("option_invalid", 'Pass an object: createVerifier({ provider: "cleanmails", secrets: "…" }).');
  }
  const { provider, scheme, secrets, tolerance, now, hashing } = options;
  if (typeof (scheme ?? provider) !== "string") {
    throw mistake("unknown_scheme", 'Name the sender: provider: "cleanmails", or scheme: "standard-webhooks".');
  }
  const list: readonly unknown[] = Array.isArray(secrets) ? [...secrets] : [secrets];
  if (list.length === 0 || list.some((secret) => secret === undefined || secret === null)) {
    throw mistake(
      "secret_missing",
      "No secret was given. Pass the secret of the webhook as `secrets`; if it comes from an environment variable, " +
        "that variable is not set.",
    );
  }
  if (!list.every((secret) => typeof secret === "string")) {
    throw mistake("secret_invalid", "A secret must be a string, exactly as the provider shows it.");
  }
  if (tolerance !== undefined && tolerance !== null && typeof tolerance !== "number") {
    throw mistake("tolerance_invalid", "`tolerance` must be a number of seconds, or null to switch the window off.");
  }
  if (now !== undefined && typeof now !== "function") {
    throw mistake("option_invalid", "`now` must be a function that returns unix seconds.");
  }
  if (hashing !== undefined && !HASHING.includes(hashing)) {
    throw mistake("option_invalid", '`hashing` must be "auto", "wasm" or "native", or be left out.');
  }
  return { provider, scheme, secrets: list as string[], tolerance, now, hashing, ...settingsOf(options) };
}

/** Bytes of a body; of a text, its characters, which are no more. */
function lengthOf(body: Body): number {
  return typeof body === "string" ? body.length : ((body as { byteLength?: number } | null)?.byteLength ?? 0);
}

function mistake(code: ErrorCode, message: string): CountersignError {
  return new CountersignError(code, message);
}
