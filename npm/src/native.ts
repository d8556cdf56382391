/** SHA-256 by the runtime's own code. Both give the 32 bytes as characters U+0000 to U+00FF, which is the quickest way. */
interface NativeSha256 {
  whole(bytes: Uint8Array): string;
  parts(parts: readonly Uint8Array[]): string;
}

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

/** From this many bytes of body on, native hashing is quicker in Node. The README says how that was measured. */
export const NODE_BYTES_MIN = 192;
/** The same in Workers with Node.js compatibility, whose `node:crypto` takes longer to call. */
export const WORKERD_BYTES_MIN = 1024;

/** Hashing outside WebAssembly, as one entry of the package uses it. */
export interface NativeHashing {
  /** Shortest body for which it is quicker, in bytes. */
  readonly from: number;
  /** A hasher for each of the blocks, in their order; none where the runtime cannot hash synchronously. */
  readonly hashers: (blocks: () => readonly Uint8Array[]) => readonly InnerHasher[];
}

export const nativeHashing = (from: number): NativeHashing => ({
  from,
  hashers: (blocks) => {
    const native = nativeSha256();
    return native === null ? [] : blocks().map((block) => new InnerHasher(native, block));
  },
});

let found: NativeSha256 | null | undefined;

/**
 * `null` where the runtime has no synchronous hash. Looked for when first needed: loading it takes Node longer than
 * everything else up to the first verdict.
 */
function nativeSha256(): NativeSha256 | null {
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
/** Room that is asked for at first; holds nearly every webhook. */
const ROOM_BYTES_MIN = 4 * 1024;

/**
 * Computes the inner hash of an HMAC under one secret. Small contents are put behind the secret's block and hashed in one go,
 * which costs a copy; large ones go in parts. Holds key material: call `wipe` when done.
 */
export class InnerHasher {
  readonly #native: NativeSha256;
  readonly #blockBytes: number;
  /** Begins with the block, which therefore is never copied again. */
  #room: Uint8Array;

  constructor(native: NativeSha256, block: Uint8Array) {
    this.#native = native;
    this.#blockBytes = block.length;
    this.#room = new Uint8Array(ROOM_BYTES_MIN);
    this.#room.set(block);
  }

  /** The hash over block, what stands before the body, body, and what stands after it. */
  hash(before: Uint8Array, body: Uint8Array, after: Uint8Array): string {
    const start = this.#blockBytes + before.length;
    const end = start + body.length + after.length;
    if (end > COPIED_BYTES_MAX) {
      return this.#native.parts([this.#room.subarray(0, this.#blockBytes), before, body, after]);
    }
    if (end > this.#room.length) this.#widen(end);
    const room = this.#room;
    if (before.length !== 0) room.set(before, this.#blockBytes);
    room.set(body, start);
    if (after.length !== 0) room.set(after, start + body.length);
    return this.#native.whole(room.subarray(0, end));
  }

  wipe(): void {
    this.#room.fill(0);
  }

  #widen(bytes: number): void {
    let wanted = this.#room.length;
    while (wanted < bytes) wanted *= 2;
    const wider = new Uint8Array(wanted);
    wider.set(this.#room.subarray(0, this.#blockBytes));
    this.#room.fill(0);
    this.#room = wider;
  }
}
