// The Workers runtime, without Node's modules and with them.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { install } from "../../packaging-tests/install.mjs";
import { post } from "../support.mjs";
import { TIMEOUT_MS } from "./processes.mjs";
import { notInstalled, project } from "./project.mjs";
import { heldToDocuments } from "./tour.mjs";

let installed = null;

/** The sample's project, which has workerd and knows how to start it. */
function worker() {
  installed ??= install("worker");
  return installed;
}

function missing() {
  try {
    const { default: program } = createRequire(`${worker()}/`)("workerd");
    const { status, error } = spawnSync(program, ["--version"]);
    return status === 0 ? null : `it does not start: ${error?.message ?? "see workerd --version"}`;
  } catch (error) {
    return `${notInstalled()}: ${error.message.split("\n")[0]}`;
  }
}

const face = (name, withNode) => ({
  missing,
  async run(job) {
    const { serve, WITH_NODE } = await import(pathToFileURL(`${worker()}/workerd.mjs`));
    process.env.SECRET = job.tour?.secret ?? "";
    const running = await serve({
      entry: join(project(), "worker.mjs"),
      bindings: ["SECRET"],
      ...(withNode ? { date: WITH_NODE } : {}),
    });
    try {
      const body = JSON.stringify({ ...job, face: name });
      const answer = await fetch(running.url, { method: "POST", body, signal: AbortSignal.timeout(TIMEOUT_MS) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`workerd answered ${answer.status}: ${text}`);
      const done = JSON.parse(text);
      if (job.tour) await overHttp(running.url, job.tour, done.tour);
      return done;
    } finally {
      running.stop();
      await running.ended;
    }
  },
});

/** One more stop of the tour: the fetch handler behind workerd's own HTTP server, which tells nobody what its callbacks saw. */
async function overHttp(url, { deliveries, secret }, row) {
  const decoded = deliveries.map((one) => ({ ...one, body: Buffer.from(one.body, "base64") }));
  try {
    await heldToDocuments(
      { deliveries: decoded, secret },
      (options) => options,
      async (options, { body, headers }) => {
        const { status, text } = await post(`${url}/${options.provider}`, body, headers);
        if (status === 200)
          options.onEvent({ type: decoded.find(({ provider }) => provider === options.provider).type });
        else options.onReject({ code: "bad_signature" });
        return [status, text];
      },
    );
    row.passed += 1;
  } catch ({ want = "no exception", got, message }) {
    row.failed += 1;
    row.failures.push({ id: "fetch: behind workerd's server", want, got: got ?? message });
  }
}

export const WORKERS = {
  workerd: face("workerd", false),
  "workerd-node": face("workerd-node", true),
};
