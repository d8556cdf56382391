// Written by scripts/build.mjs.

/** `kernel-slim.wasm` in base64. */
export const kernelSlimBase64: string;
