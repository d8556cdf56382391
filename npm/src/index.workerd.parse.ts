import { type Parse, parseWith } from "./parse.js";
import toolkit from "./toolkit.wasm";

export const parse: Parse = /* @__PURE__ */ parseWith(() => toolkit);
