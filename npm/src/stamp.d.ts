// Written by scripts/build.mjs.

/** Version of this package. */
export const version: string;
/** SHA-256 of `kernel.wasm`, lower-case hex. The sender prints the same figure when it signs with the same core. */
export const coreHash: string;
/** SHA-256 of `kernel-slim.wasm`, lower-case hex. */
export const slimHash: string;
