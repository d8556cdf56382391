// Node, Deno, Bun, browsers: the module travels as text and is compiled at the first use.

import { compiled } from "./compile.js";
import { explainBase64 } from "./explain.inline.js";
import { type Explain, explainWith } from "./explaining.js";

export type { Cause, Explain, ExplainOptions, Explanation, Finding, NotVerified } from "./explaining.js";

/** Says why a request does not verify, and what to do. */
export const explain: Explain = /* @__PURE__ */ explainWith(() => compiled(explainBase64));
