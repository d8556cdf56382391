// Vercel's edge runtime: the bundler hands over a compiled module.

import module from "./events.wasm?module";
import { type EventTools, eventToolsWith } from "./normalizing.js";

const tools: EventTools = /* @__PURE__ */ eventToolsWith(() => module);

export const { normalize, render, idempotencyKey, orderingKey }: EventTools = tools;
