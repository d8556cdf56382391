// Written by scripts/build.mjs.

/** `kernel.wasm` in base64. */
export const kernelBase64: string;
