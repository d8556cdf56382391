import type { DedupeStore } from "../dedupe.js";
import { CountersignError } from "../errors.js";

/**
 * A Redis client: ioredis (it has `call`), node-redis 4 and later (`sendCommand`), or a function that sends a command and
 * returns its answer, for every other.
 */
export type RedisLike =
  | { call(command: string, ...args: string[]): Promise<unknown> }
  | { sendCommand(command: string[]): Promise<unknown> }
  | ((command: string[]) => Promise<unknown>);

const CLAIM = "claim:";
const DONE = "done";
/** Deletes a key while it holds this value: nothing happens between looking and deleting. */
const COMPARE_AND_DELETE =
  'if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0';

/**
 * Remembers in Redis, for any number of processes. Needs Redis 2.6.12 or later, or what speaks its protocol. Set `maxmemory-policy` to
 * `noeviction` or `volatile-ttl`: a key that is evicted is forgotten.
 *
 * @param prefix Ahead of every key. Give each receiver of its own one.
 */
export function redisStore(
  client: RedisLike,
  { prefix = "countersign:" }: { readonly prefix?: string } = {},
): DedupeStore {
  const send = sender(client);
  return {
    async claim(key, owner, leaseMs) {
      const command = ["SET", prefix + key, CLAIM + owner, "NX", "PX", String(leaseMs)];
      if ((await send(command)) !== null) return "claimed";
      const found = await send(["GET", prefix + key]);
      if (text(found) === DONE) return "done";
      // It may have ended between the two commands.
      return found === null && (await send(command)) !== null ? "claimed" : "busy";
    },
    async confirm(key, keepMs) {
      await send(["SET", prefix + key, DONE, "PX", String(keepMs)]);
    },
    async release(key, owner) {
      await send(["EVAL", COMPARE_AND_DELETE, "1", prefix + key, CLAIM + owner]);
    },
  };
}

/** ioredis has a `sendCommand` too, which takes something else, so `call` is asked for first. */
function sender(client: RedisLike): (command: string[]) => Promise<unknown> {
  if (typeof client === "function") return client;
  if (typeof (client as { call?: unknown } | null)?.call === "function") {
    const own = client as { call(command: string, ...args: string[]): Promise<unknown> };
    return ([command = "", ...args]) => own.call(command, ...args);
  }
  if (typeof (client as { sendCommand?: unknown } | null)?.sendCommand === "function") {
    const own = client as { sendCommand(command: string[]): Promise<unknown> };
    return (command) => own.sendCommand(command);
  }
  throw new CountersignError(
    "option_invalid",
    "redisStore takes a client of ioredis or node-redis, or a function: (command) => client.sendCommand(command).",
  );
}

/** Clients may be set to answer in bytes. */
function text(value: unknown): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
}
