import type { DedupeStore } from "../dedupe.js";
import { CountersignError } from "../errors.js";

/** Most events remembered: 100,000, about 20 MB, four days of one event every three seconds. */
const KEYS_MAX = 100_000;

export interface MemoryStoreOptions {
  /** Most events remembered; beyond it the one written longest ago is forgotten. Default 100,000, about 200 bytes each. */
  readonly maxKeys?: number | undefined;
  /** Clock in milliseconds, for tests. */
  readonly now?: (() => number) | undefined;
}

interface Entry {
  /** `null`: done. */
  readonly owner: string | null;
  readonly untilMs: number;
}

/** Remembers in this process. Another process, and this one after a restart, knows nothing of it. */
export function memoryStore({ maxKeys = KEYS_MAX, now = Date.now }: MemoryStoreOptions = {}): DedupeStore {
  if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
    throw new CountersignError("option_invalid", "`maxKeys` takes a whole number, 1 or more.");
  }
  // In the order of writing, since writing takes an entry out first.
  const entries = new Map<string, Entry>();
  const write = (key: string, entry: Entry): void => {
    entries.delete(key);
    for (const [oldest, { untilMs }] of entries) {
      if (untilMs > now() && entries.size < maxKeys) break;
      entries.delete(oldest);
    }
    entries.set(key, entry);
  };
  return {
    async claim(key, owner, leaseMs) {
      const entry = entries.get(key);
      if (entry !== undefined && entry.untilMs > now()) return entry.owner === null ? "done" : "busy";
      write(key, { owner, untilMs: now() + leaseMs });
      return "claimed";
    },
    async confirm(key, keepMs) {
      write(key, { owner: null, untilMs: now() + keepMs });
    },
    async release(key, owner) {
      if (entries.get(key)?.owner === owner) entries.delete(key);
    },
  };
}
