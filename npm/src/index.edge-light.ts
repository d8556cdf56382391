// Vercel's edge runtime: the bundler hands over compiled modules.

import { Kernel } from "./kernel.js";
import kernel from "./kernel.wasm?module";
import { NODE_BYTES_MIN, nativeHashing } from "./native.js";
import { type Verifier, type VerifierOptions, verifierFactory } from "./verifier.js";

export * from "./exported.js";
export { parse } from "./index.edge-light.parse.js";

export const createVerifier: (options: VerifierOptions) => Verifier = /* @__PURE__ */ verifierFactory(
  /* @__PURE__ */ new Kernel(() => kernel),
  /* @__PURE__ */ nativeHashing(NODE_BYTES_MIN),
);
