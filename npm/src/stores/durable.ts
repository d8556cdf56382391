import type { DedupeStore } from "../dedupe.js";

/** What this package uses of the storage of a Durable Object. */
export interface DurableStorageLike {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  delete(keys: string[]): Promise<number>;
  list(options: { prefix: string; startAfter?: string; limit: number }): Promise<Map<string, unknown>>;
}

/** A store that can be tidied up. */
export interface DurableObjectStore extends DedupeStore {
  /** Deletes what has ended and returns how many. Storage has no expiry of its own: call it from `alarm()`, once a day. */
  sweep(): Promise<number>;
}

interface Entry {
  /** `null`: done. */
  readonly owner: string | null;
  readonly untilMs: number;
}

/** Most keys that one call of `delete` takes. Source: Durable Objects, storage API. */
const DELETE_KEYS_MAX = 128;

/**
 * Remembers in the storage of a Durable Object. Exact: an object runs in one place at a time, and nothing else reaches it while it waits for its own
 * storage. Make it inside the object's class and hand its methods on; Workers reach them with {@link durableObjectClient}.
 */
export function durableObjectStore(
  storage: DurableStorageLike,
  { prefix = "countersign:", now = Date.now }: { readonly prefix?: string; readonly now?: () => number } = {},
): DurableObjectStore {
  const entry = async (key: string): Promise<Entry | undefined> =>
    (await storage.get(prefix + key)) as Entry | undefined;
  return {
    async claim(key, owner, leaseMs) {
      const found = await entry(key);
      if (found !== undefined && found.untilMs > now()) return found.owner === null ? "done" : "busy";
      await storage.put(prefix + key, { owner, untilMs: now() + leaseMs } satisfies Entry);
      return "claimed";
    },
    async confirm(key, keepMs) {
      await storage.put(prefix + key, { owner: null, untilMs: now() + keepMs } satisfies Entry);
    },
    async release(key, owner) {
      if ((await entry(key))?.owner === owner) await storage.delete([prefix + key]);
    },
    async sweep() {
      let deleted = 0;
      let page = await storage.list({ prefix, limit: DELETE_KEYS_MAX });
      while (page.size > 0) {
        const keys = [...page.keys()];
        const ended = keys.filter((key) => (page.get(key) as Entry).untilMs <= now());
        if (ended.length > 0) deleted += await storage.delete(ended);
        page = await storage.list({ prefix, startAfter: keys[keys.length - 1] as string, limit: DELETE_KEYS_MAX });
      }
      return deleted;
    },
  };
}

/** What this package uses of the namespace that a Durable Object is bound as. */
export interface DurableNamespaceLike {
  idFromName(name: string): unknown;
  get(id: never): unknown;
}

/**
 * The store that lives in a Durable Object, seen from a Worker. The object's class hands on `claim`, `confirm` and `release` of
 * {@link durableObjectStore}. A stub of its own is taken for every call, because Workers tie one to the request it was made in.
 *
 * @param name Name of the object. Receivers with the same name share what they remember.
 */
export function durableObjectClient(
  namespace: DurableNamespaceLike,
  { name = "countersign" }: { readonly name?: string } = {},
): DedupeStore {
  const stub = (): DedupeStore => namespace.get(namespace.idFromName(name) as never) as DedupeStore;
  return {
    claim: (key, owner, leaseMs) => stub().claim(key, owner, leaseMs),
    confirm: (key, keepMs) => stub().confirm(key, keepMs),
    release: (key, owner) => stub().release(key, owner),
  };
}
