// The suite for a page or an edge function: whoever loads the bundle calls `runJob` with a job as text.

import { Hono } from "hono";
import * as modules from "./load.mjs";
import { runJob } from "./suite/runtimes/job.mjs";

globalThis.runJob = async (text) => JSON.stringify(await runJob({ modules, Hono }, JSON.parse(text)));
