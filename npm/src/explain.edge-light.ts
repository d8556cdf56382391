// Vercel's edge runtime: the bundler hands over a compiled module.

import module from "./explain.wasm?module";
import { type Explain, explainWith } from "./explaining.js";

export const explain: Explain = /* @__PURE__ */ explainWith(() => module);
