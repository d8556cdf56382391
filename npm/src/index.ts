// Node, Deno, Bun, browsers: the modules travel as text and are compiled at the first use.
//
// The entries differ only in how a module is loaded. They bind it by value and not by a side effect, and `parse` has a
// file of its own, so that a bundler leaves the toolkit out when nobody calls it.

import { compiled } from "./compile.js";
import { kernelBase64 } from "./kernel.inline.js";
import { Kernel } from "./kernel.js";
import { NODE_BYTES_MIN, nativeHashing } from "./native.js";
import { type Verifier, type VerifierOptions, verifierFactory } from "./verifier.js";

export * from "./exported.js";
export { parse } from "./index.parse.js";

/** Makes a verifier. Throws a `CountersignError` for a mistake in the options, so make it when your program starts. */
export const createVerifier: (options: VerifierOptions) => Verifier = /* @__PURE__ */ verifierFactory(
  /* @__PURE__ */ new Kernel(() => compiled(kernelBase64)),
  /* @__PURE__ */ nativeHashing(NODE_BYTES_MIN),
);
