// The suite as a Worker: a job is posted to `/`, a webhook of a provider to its name.

import { Hono } from "hono";
import * as modules from "./load.mjs";
import { runJob } from "./suite/runtimes/job.mjs";

export default {
  async fetch(request, env, context) {
    const provider = new URL(request.url).pathname.slice(1);
    if (provider === "") return Response.json(await runJob({ modules, Hono }, await request.json()));
    const options = { provider, secrets: env.SECRET, onEvent() {} };
    return modules.fetch.webhookHandler(options)(request, context);
  },
};
