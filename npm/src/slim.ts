// Verification and nothing else, on the smaller kernel: for bundles in which every kilobyte counts.

import { compiled } from "./compile.js";
import { Kernel } from "./kernel.js";
import { kernelSlimBase64 } from "./kernel-slim.inline.js";
import { type Verifier, type VerifierOptions, verifierFactory } from "./verifier.js";

export * from "./slim.exported.js";

/**
 * Makes a verifier of a scheme whose signature is an HMAC-SHA256 over raw body, id and timestamp, all others being refused with
 * `unknown_scheme`. Throws a `CountersignError` for a mistake in the options, so make it when your program starts.
 */
export const createVerifier: (options: VerifierOptions) => Verifier = /* @__PURE__ */ verifierFactory(
  /* @__PURE__ */ new Kernel(() => compiled(kernelSlimBase64), "slim"),
);
