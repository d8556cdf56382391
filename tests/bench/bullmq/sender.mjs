// What a Node team usually builds: an ingest that puts jobs into BullMQ, and workers that sign and post them with undici.
// Two processes, `ingest` and `worker`, over one Redis. Measured by `cargo xtask bench deliver`; not part of the product.
//
// node sender.mjs ingest|worker REDIS_SOCKET URLS    (URLS: receivers with commas between)

import { createHmac, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { Pool } from "undici";

const [role, path, urls] = process.argv.slice(2);
const endpoints = urls.split(",").map((url) => ({ url: new URL(url), secret: "whsec_bench" }));
const connection = new Redis({ path, maxRetriesPerRequest: null });
const options = { attempts: 4, backoff: { type: "exponential", delay: 2000 }, removeOnComplete: true };
const CONCURRENCY = 128;

if (role === "ingest") ingest();
else work();

function ingest() {
  const queue = new Queue("deliveries", { connection });
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    try {
      const { payload } = JSON.parse(Buffer.concat(parts).toString());
      const id = `msg_${randomUUID().replaceAll("-", "").slice(0, 26)}`;
      const body = JSON.stringify(payload);
      const jobs = endpoints.map((_, endpoint) => ({ name: "d", data: { id, endpoint, body }, opts: options }));
      if (jobs.length === 1) await queue.add("d", jobs[0].data, options);
      else await queue.addBulk(jobs);
      const answer = JSON.stringify({ message_id: id });
      response.writeHead(202, { "content-type": "application/json", "content-length": answer.length });
      response.end(answer);
    } catch {
      response.writeHead(400).end();
    }
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ listening: `http://127.0.0.1:${server.address().port}` }));
  });
}

function work() {
  const pools = new Map();
  const deliver = async ({ data }) => {
    const { url, secret } = endpoints[data.endpoint];
    let pool = pools.get(url.origin);
    if (!pool) {
      pool = new Pool(url.origin, { connections: CONCURRENCY, pipelining: 1 });
      pools.set(url.origin, pool);
    }
    const timestamp = Math.floor(Date.now() / 1000).toString();
    const hex = createHmac("sha256", secret).update(data.body).digest("hex");
    const standard = createHmac("sha256", secret).update(`${data.id}.${timestamp}.${data.body}`).digest("base64");
    const headers = {
      "content-type": "application/json",
      "x-signature": hex,
      "webhook-id": data.id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${standard}`,
    };
    const answer = await pool.request({ path: url.pathname, method: "POST", headers, body: data.body });
    await answer.body.dump();
    if (answer.statusCode >= 300) throw new Error(`answered ${answer.statusCode}`);
  };
  const worker = new Worker("deliveries", deliver, { connection, concurrency: CONCURRENCY });
  worker.waitUntilReady().then(() => console.log(JSON.stringify({ listening: "" })));
}
