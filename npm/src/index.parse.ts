import { compiled } from "./compile.js";
import { type Parse, parseWith } from "./parse.js";
import { toolkitBase64 } from "./toolkit.inline.js";

/** Reads a payload as an event of a provider. */
export const parse: Parse = /* @__PURE__ */ parseWith(() => compiled(toolkitBase64));
