// Where events are remembered. What a store promises is said in dedupe.ts.

export type { DedupeOptions, DedupeStore } from "./dedupe.js";
export { keyOf } from "./key.js";
export {
  type DurableNamespaceLike,
  type DurableObjectStore,
  type DurableStorageLike,
  durableObjectClient,
  durableObjectStore,
} from "./stores/durable.js";
export { type KvLike, kvStore } from "./stores/kv.js";
export { type MemoryStoreOptions, memoryStore } from "./stores/memory.js";
export { type RedisLike, redisStore } from "./stores/redis.js";
