import type { DedupeStore } from "../dedupe.js";

/** What this package uses of a Workers KV namespace. */
export interface KvLike {
  get(key: string): Promise<string | null>;
  put(key: string, value: string, options: { expirationTtl: number }): Promise<void>;
}

const DONE = "done";
/** The shortest time that KV keeps a key, in seconds. */
const TTL_S_MIN = 60;

/**
 * Remembers finished events in Workers KV.
 *
 * KV is eventually consistent: what one place writes, others may see a minute later, and there is no way to write only if nobody else
 * has. So this store does not hold claims, and never answers `"busy"`: two deliveries at the same time both run `onEvent`, and
 * so may a repeat that comes within a minute. It stops the repeats that come later, which most are. To stop them all use
 * {@link durableObjectStore}.
 */
export function kvStore(
  namespace: KvLike,
  { prefix = "countersign:" }: { readonly prefix?: string } = {},
): DedupeStore {
  return {
    async claim(key) {
      return (await namespace.get(prefix + key)) === DONE ? "done" : "claimed";
    },
    async confirm(key, keepMs) {
      await namespace.put(prefix + key, DONE, { expirationTtl: Math.max(TTL_S_MIN, Math.ceil(keepMs / 1000)) });
    },
    async release() {},
  };
}
