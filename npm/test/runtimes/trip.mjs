// What the tour of the package takes along. Signed here with node:crypto.

import { readFileSync } from "node:fs";
import { INPUTS, PACKAGE } from "../../scripts/paths.mjs";
import { PAYLOADS, payload, SECRET, signed } from "../support.mjs";

/** Bytes of the one delivery that is too large for the room that the kernel keeps. */
const LARGE_BYTES = 2_000_000;

const delivery = (provider, body) => {
  const { event, type } = PAYLOADS[provider];
  return { provider, type: event ?? type, body: body.toString("base64"), headers: signed(provider, body) };
};

/** Plain data, so that it can be sent anywhere. */
export function tripOf() {
  const { exports } = JSON.parse(readFileSync(`${PACKAGE}package.json`, "utf8"));
  const { version, modules } = JSON.parse(readFileSync(`${INPUTS}manifest.json`, "utf8"));
  const entries = Object.entries(exports).filter(([, target]) => typeof target === "object");
  return {
    secret: SECRET,
    core: { version, coreHash: modules.kernel.sha256 },
    entries: entries.map(([name]) => (name === "." ? "countersign" : name.slice(2))).sort(),
    deliveries: Object.keys(PAYLOADS).map((provider) => delivery(provider, payload(provider))),
    large: delivery("cleanmails", Buffer.alloc(LARGE_BYTES, "large ")),
  };
}
