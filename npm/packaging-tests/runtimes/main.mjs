// The suite in Node, Deno and Bun: reads a job from the file that is named, prints what became of it as JSON.
//
// `load.mjs`, `load.cjs` and the folder of the suite are put beside this file by whoever runs it.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import process from "node:process";
import { Hono } from "hono";
import * as modules from "./load.mjs";
import { runJob } from "./suite/runtimes/job.mjs";
import { heldToDocuments, same } from "./suite/runtimes/tour.mjs";

/** Asks a server, which `serve` starts for a handler. `serve` resolves to its address and how to stop it. */
async function served(trip, make, serve) {
  const running = [];
  const ask = async (handler, { body, headers }) => {
    const { url, stop } = await serve(handler);
    running.push(stop);
    const response = await fetch(url, { method: "POST", body, headers });
    return [response.status, await response.text()];
  };
  try {
    await heldToDocuments(trip, make, ask);
  } finally {
    for (const stop of running) await stop();
  }
}

const own = {
  "the exports map leads to the entry that compiles by itself"() {
    same(import.meta.resolve("countersign").endsWith("/countersign/dist/index.js"), true);
  },

  "require gives the same"({ countersign, modules: imported }) {
    const required = createRequire(import.meta.url)("./load.cjs");
    same(Object.keys(required).sort(), Object.keys(imported).sort());
    for (const [name, module] of Object.entries(required)) {
      same(Object.keys(module).sort(), Object.keys(imported[name]).sort());
    }
    same(required.countersign.CountersignError === countersign.CountersignError, true);
  },

  async "node: behind node:http"(trip) {
    await served(trip, trip.node.webhook, async (handler) => {
      const server = createServer(handler);
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      const stop = () => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      };
      return { url: `http://127.0.0.1:${server.address().port}`, stop };
    });
  },
};

const { Bun, Deno } = globalThis;
if (Deno !== undefined) {
  own["fetch: behind Deno.serve"] = (trip) =>
    served(trip, trip.fetch.webhookHandler, (handler) => {
      const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => handler(request));
      return { url: `http://127.0.0.1:${server.addr.port}`, stop: () => server.shutdown() };
    });
}
if (Bun !== undefined) {
  own["fetch: behind Bun.serve"] = (trip) =>
    served(trip, trip.fetch.webhookHandler, (handler) => {
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => handler(request) });
      return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
    });
}

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
process.stdout.write(JSON.stringify(await runJob({ modules, Hono }, job, own)));
