// Cloudflare Workers and workerd: the runtime hands over compiled modules. It refuses to compile any itself.

import { Kernel } from "./kernel.js";
import kernel from "./kernel.wasm";
import { nativeHashing, WORKERD_BYTES_MIN } from "./native.js";
import { type Verifier, type VerifierOptions, verifierFactory } from "./verifier.js";

export * from "./exported.js";
export { parse } from "./index.workerd.parse.js";

export const createVerifier: (options: VerifierOptions) => Verifier = /* @__PURE__ */ verifierFactory(
  /* @__PURE__ */ new Kernel(() => kernel),
  /* @__PURE__ */ nativeHashing(WORKERD_BYTES_MIN),
);
