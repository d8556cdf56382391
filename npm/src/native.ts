/** SHA-256 by the runtime's own code. Both give the 32 bytes as characters U+0000 to U+00FF, which is the quickest way. */
export interface NativeSha256 {
  whole(bytes: Uint8Array): string;
  parts(parts: readonly Uint8Array[]): string;
}

/** From this many bytes of body on, native hashing is quicker in Node. The README says how that was measured. */
export const NATIVE_BYTES_MIN = 768;

interface NodeHash {
  update(bytes: Uint8Array): NodeHash;
  digest(encoding: "latin1"): string;
}

interface NodeCrypto {
  hash?(algorithm: "sha256", bytes: Uint8Array, encoding: "latin1"): string;
  createHash(algorithm: "sha256"): NodeHash;
}

interface NodeProcess {
  getBuiltinModule?(name: "node:crypto"): NodeCrypto | undefined;
}

let found: NativeSha256 | null | undefined;

/**
 * `null` where the runtime has no synchronous hash. Looked for when first needed: loading it takes Node longer than
 * everything else up to the first verdict.
 */
export function nativeSha256(): NativeSha256 | null {
  if (found === undefined) found = lookedFor();
  return found;
}

/** Without an import, so that no bundler looks for `node:crypto` and the same file runs everywhere. */
function lookedFor(): NativeSha256 | null {
  const { process } = globalThis as { process?: NodeProcess };
  let crypto: NodeCrypto | undefined;
  try {
    crypto = process?.getBuiltinModule?.("node:crypto");
  } catch {
    return null;
  }
  const hash = crypto?.hash;
  if (crypto === undefined || typeof hash !== "function") return null;
  const { createHash } = crypto;
  return {
    whole: (bytes) => hash("sha256", bytes, "latin1"),
    parts: (parts) => {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return hash.digest("latin1");
    },
  };
}

/** Up to here one call over a copy is quicker than several calls without. */
const COPIED_BYTES_MAX = 32 * 1024;

/** Kept between calls: a fresh array costs as much as hashing it. Wiped after use, since it begins with key material. */
let scratch = new Uint8Array(0);

/** The inner hash of an HMAC: small bodies in one go, which costs a copy; large ones in parts. */
export function innerHash(
  native: NativeSha256,
  block: Uint8Array,
  before: Uint8Array,
  body: Uint8Array,
  after: Uint8Array,
): string {
  if (scratch.length === 0) scratch = new Uint8Array(COPIED_BYTES_MAX);
  const start = block.length + before.length;
  const end = start + body.length + after.length;
  if (start > COPIED_BYTES_MAX) return native.parts([block, before, body, after]);
  scratch.set(block);
  scratch.set(before, block.length);
  let hash: string;
  if (end > COPIED_BYTES_MAX) {
    hash = native.parts([scratch.subarray(0, start), body, after]);
  } else {
    scratch.set(body, start);
    scratch.set(after, start + body.length);
    hash = native.whole(scratch.subarray(0, end));
  }
  scratch.fill(0, 0, block.length);
  return hash;
}
