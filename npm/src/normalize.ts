// Node, Deno, Bun, browsers: the module travels as text and is compiled at the first use.

import { compiled } from "./compile.js";
import { eventsBase64 } from "./events.inline.js";
import { type EventTools, eventToolsWith } from "./normalizing.js";

export type * from "./normalized.js";
export type {
  Delivery,
  KeyPolicy,
  Normalized,
  NormalizeResult,
  NotRendered,
  OrderingKey,
  OrderScope,
  Rendered,
  RenderResult,
} from "./normalizing.js";

const tools: EventTools = /* @__PURE__ */ eventToolsWith(() => compiled(eventsBase64));

export const { normalize, render, idempotencyKey, orderingKey }: EventTools = tools;
