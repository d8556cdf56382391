// Written by scripts/build.mjs.

/** `explain.wasm` in base64. */
export const explainBase64: string;
