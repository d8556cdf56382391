// Cloudflare Workers and workerd: see index.workerd.ts.

import { Kernel } from "./kernel.js";
import kernel from "./kernel-slim.wasm";
import { type Verifier, type VerifierOptions, verifierFactory } from "./verifier.js";

export * from "./slim.exported.js";

export const createVerifier: (options: VerifierOptions) => Verifier = /* @__PURE__ */ verifierFactory(
  /* @__PURE__ */ new Kernel(() => kernel, "slim"),
);
