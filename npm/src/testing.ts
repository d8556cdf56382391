import {
  type Body,
  CountersignError,
  createVerifier,
  type Provider,
  type Scheme,
  type SchemeOptions,
  type VerifierOptions,
} from "countersign";
import { bytesOf } from "./body.js";
import { type Message, SIGN, SIGNER } from "./internal.js";
import { settingsOf } from "./verifier.js";

/** A message to be signed as a provider would sign it. */
export interface SignOptions extends SchemeOptions {
  readonly provider?: Provider | undefined;
  readonly scheme?: Scheme | undefined;
  readonly secret: string;
  /** The exact body that will be sent. */
  readonly body: Body;
  /** Message id, where the scheme signs one (Standard Webhooks); with Mailgun the token. */
  readonly id?: string | undefined;
  /** Unix seconds, where the scheme signs a timestamp; left out: now. */
  readonly timestamp?: number | string | undefined;
  /** Method, where the scheme signs it; `"POST"` when left out. */
  readonly method?: string | undefined;
  /** The full URL that the request goes to, where the scheme signs it. */
  readonly url?: string | undefined;
  /** Further headers that are signed, names and values, where the scheme can do that (Hook0). */
  readonly signedHeaders?: readonly (readonly [name: string, value: string])[] | undefined;
}

/**
 * Signs a body, for the tests of your own receiver. Returns the headers that the provider would send; of Mailgun, which
 * sends none, the fields of the `signature` object.
 */
export function sign(options: SignOptions): [name: string, value: string][] {
  const { provider, scheme, secret, body, id, timestamp, method, url, signedHeaders } = options;
  const verifier = createVerifier({
    provider,
    scheme,
    secrets: secret,
    [SIGNER]: true,
    ...settingsOf(options),
  } as VerifierOptions);
  try {
    const signer = verifier as unknown as { [SIGN]?(message: Message): [string, string][] };
    if (signer[SIGN] === undefined) {
      throw new CountersignError("internal", "Two copies of countersign are mixed. Install it once.");
    }
    return signer[SIGN]({
      id,
      timestamp: timestamp === undefined ? undefined : String(timestamp),
      body: typeof body === "string" ? body : bytesOf(body),
      method,
      url,
      headers: signedHeaders ?? [],
    });
  } finally {
    verifier.free();
  }
}
