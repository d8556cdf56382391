// Cloudflare Workers and workerd: the runtime hands over a compiled module.

import module from "./explain.wasm";
import { type Explain, explainWith } from "./explaining.js";

export const explain: Explain = /* @__PURE__ */ explainWith(() => module);
