// Any provider: puts events into a Redis stream and answers at once; a worker of its own takes them out.
//
//     app.post("/hooks/smartlead", queueInRedis(redis, { provider: "smartlead", secrets: process.env.SMARTLEAD_SECRET }));
//     await work(new Redis(url), "worker-1", (event) => …, stopping.signal);
//
// `redis` is a client of ioredis. The 200 goes out when Redis has the event; the worker confirms what it has done, and takes up what a
// crash left. Give the worker a connection of its own: it waits on it.

import { redisStore } from "countersign/dedupe";
import { webhook } from "countersign/express";

const STREAM = "countersign:events";
const GROUP = "workers";
/** Beyond about this many the oldest are dropped, so that a dead worker does not fill the memory. */
const LENGTH_MAX = 1_000_000;
const WAIT_MS = 1_000;

export const queueInRedis = (redis, { provider, secrets }) =>
  webhook({
    provider,
    secrets,
    dedupe: { store: redisStore(redis) },
    onEvent: (event) => redis.xadd(STREAM, "MAXLEN", "~", LENGTH_MAX, "*", "event", JSON.stringify(event)),
  });

/** Hands events to `handle`, each until it succeeds once, in the order of arrival. Ends when `signal` says so, or `handle` throws. */
export async function work(redis, name, handle, signal) {
  await redis.xgroup("CREATE", STREAM, GROUP, "0", "MKSTREAM").catch((error) => {
    if (!String(error).includes("BUSYGROUP")) throw error;
  });
  // First what this worker took and did not finish, then what is new.
  let from = "0";
  while (!signal.aborted) {
    const wanted = ["GROUP", GROUP, name, "COUNT", 10, "BLOCK", WAIT_MS, "STREAMS", STREAM, from];
    const [[, entries] = [null, []]] = (await redis.xreadgroup(...wanted)) ?? [];
    if (entries.length === 0) from = ">";
    for (const [id, fields] of entries) {
      if (signal.aborted) return;
      // A trimmed entry has no fields left.
      if (fields !== null) await handle(JSON.parse(fields[1]));
      await redis.xack(STREAM, GROUP, id);
    }
  }
}
