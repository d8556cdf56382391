import {
  CountersignError,
  createVerifier,
  type HeadersLike,
  type ParseResult,
  type Provider,
  parse,
  type Scheme,
  type Verifier,
  type VerifierOptions,
} from "countersign";
import { headerValue, reusable } from "./headers.js";
import type { AnyOptions, SenderOptions, UnreadEvent } from "./options.js";

/** One sender: its verifier, and how its bodies are read. */
export interface Sender {
  readonly name: string;
  readonly verifier: Verifier;
  /** Headers whose presence says that this sender signed. */
  readonly marks: readonly string[];
  /** Headers that may hold the id of a message, the signed one first. */
  readonly ids: readonly string[];
  /** Which form of a header that others use too is this sender's. */
  readonly form: Form | null;
  /** Whether the name may be a provider's, so that bodies are read. */
  readonly reads: boolean;
}

type Form = "prefixed" | "bare";

/** The two senders that share a header, and the form in which each writes it. Source: C26, P9, R-P4. */
const FORMS: { readonly [name: string]: Form } = { cleanmails: "prefixed", platform: "bare" };
const PREFIX = "sha256=";

/** The senders of a receiver. */
export class Senders {
  readonly #list: readonly Sender[];

  /** @throws CountersignError for a mistake in the options, and for senders that cannot be told apart. */
  constructor(options: AnyOptions<never>) {
    const { providers } = options;
    if (providers === undefined) {
      const { provider, scheme } = options;
      this.#list = [sender(provider ?? scheme ?? "", options, options, provider !== undefined)];
      return;
    }
    if (providers === null || typeof providers !== "object" || Object.keys(providers).length === 0) {
      throw invalid('`providers` takes an object: { cleanmails: { secrets: "…" }, sendemall: { secrets: "…" } }.');
    }
    for (const name of ["provider", "scheme", "secrets"] as const) {
      if (options[name] !== undefined)
        throw invalid(`\`${name}\` stands inside \`providers\`, with the sender it is for.`);
    }
    this.#list = Object.entries(providers).map(([name, own]: [string, SenderOptions]) =>
      // A name is a provider's or a scheme's; which of them, the core says when the first body is read.
      sender(name, own, { ...own, scheme: own?.scheme ?? name }, true),
    );
    if (this.#list.length > 1) distinct(this.#list);
  }

  /** Who signed a request, by the headers that are there; `null` when nobody did. Proves nothing. */
  pick(headers: HeadersLike): Sender | null {
    const [only] = this.#list;
    if (only !== undefined && this.#list.length === 1) return only;
    const own = reusable(headers);
    return this.#list.find((sender) => sender.marks.some((mark) => isOwn(sender, headerValue(own, mark)))) ?? null;
  }
}

/** Reads a verified body. */
export function readBody({ name, reads }: Sender, body: Uint8Array): ParseResult | { ok: true; event: UnreadEvent } {
  if (reads) {
    const parsed = parse(name as Provider, body);
    if (parsed.ok || parsed.code !== "unknown_provider") return parsed;
  }
  const event = { provider: name as Scheme, type: null, known: false, id: null, timestamp: null } as const;
  return { ok: true, event: { ...event, payload: jsonOf(body) } };
}

function sender(name: string, own: SenderOptions, options: VerifierOptions, reads: boolean): Sender {
  const verifier = createVerifier(options);
  const [signature, ...more] = verifier.headers;
  // The signature comes first. Svix and Resend write it under either of two names.
  const marks = [
    ...(signature === undefined ? [] : [signature]),
    ...more.filter((header) => header.endsWith("-signature")),
  ];
  const ids = [
    ...(own.idHeader === undefined ? [] : [own.idHeader.toLowerCase()]),
    ...more.filter((header) => header.endsWith("-id")),
  ];
  const isOwnScheme = own.scheme === undefined || own.scheme === name;
  const form = isOwnScheme && Object.hasOwn(FORMS, name) ? (FORMS[name] ?? null) : null;
  return { name, verifier, marks, ids, form, reads };
}

function isOwn({ form }: Sender, value: string | undefined): boolean {
  if (value === undefined) return false;
  return form === null || (form === "prefixed") === value.startsWith(PREFIX);
}

/** Refuses senders that no header tells apart: guessing would be trying every secret on every request. */
function distinct(senders: readonly Sender[]): void {
  for (const [at, one] of senders.entries()) {
    if (one.marks.length === 0) {
      throw invalid(`${one.name} signs in the body and not in a header, so it needs an address of its own.`);
    }
    for (const other of senders.slice(at + 1)) {
      const shared = one.marks.find((mark) => other.marks.includes(mark));
      if (shared === undefined || (one.form !== null && other.form !== null && one.form !== other.form)) continue;
      throw invalid(
        `${one.name} and ${other.name} both sign in the header ${shared}: give each an address of its own.`,
      );
    }
  }
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

function invalid(message: string): CountersignError {
  return new CountersignError("option_invalid", message);
}
