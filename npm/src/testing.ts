import {
  type Body,
  CountersignError,
  createVerifier,
  type Provider,
  type Scheme,
  type SchemeOptions,
} from "countersign";
import { bytesOf } from "./body.js";
import { type Message, SIGN } from "./internal.js";
import { settingsOf } from "./verifier.js";

/** A message to be signed as a provider would sign it. */
export interface SignOptions extends SchemeOptions {
  readonly provider?: Provider | undefined;
  readonly scheme?: Scheme | undefined;
  readonly secret: string;
  /** The exact body that will be sent. */
  readonly body: Body;
  /** Message id, where the scheme signs one (Standard Webhooks). */
  readonly id?: string | undefined;
  /** Unix seconds, where the scheme signs a timestamp; left out: now. */
  readonly timestamp?: number | string | undefined;
}

/** Signs a body, for the tests of your own receiver. Returns the headers that the provider would send. */
export function sign(options: SignOptions): [name: string, value: string][] {
  const { provider, scheme, secret, body, id, timestamp } = options;
  const verifier = createVerifier({ provider, scheme, secrets: secret, ...settingsOf(options) });
  try {
    const signer = verifier as unknown as { [SIGN]?(message: Message): [string, string][] };
    if (signer[SIGN] === undefined) {
      throw new CountersignError("internal", "Two copies of countersign are mixed. Install it once.");
    }
    return signer[SIGN]({
      id,
      timestamp: timestamp === undefined ? undefined : String(timestamp),
      body: typeof body === "string" ? body : bytesOf(body),
    });
  } finally {
    verifier.free();
  }
}
