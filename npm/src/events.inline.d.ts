// Written by scripts/build.mjs.

/** `events.wasm` in base64. */
export const eventsBase64: string;
