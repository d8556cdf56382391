// Written by scripts/build.mjs.

/** `toolkit.wasm` in base64. */
export const toolkitBase64: string;
