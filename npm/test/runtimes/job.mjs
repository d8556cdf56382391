// What every runtime is asked to do. Pure: no files, no network, no Node. `loaded` is what the runtime made of the imports.

import { runInsight } from "../insight/suite.mjs";
import { runVectors } from "../vectors/suite.mjs";
import { runTour } from "./tour.mjs";

/**
 * `job` holds `vectors` (a list of files), `insight` (cases and samples) or `tour` (deliveries), or several of them; the
 * answer has the same names, and `facts` about the runtime. `own` are checks for the tour that only this runtime can make.
 */
export async function runJob(loaded, job, own = {}) {
  const { countersign, testing, explain, events } = loaded.modules;
  const done = { facts: facts() };
  if (job.vectors) done.vectors = runVectors(job.face, { ...countersign, ...testing }, job.vectors);
  if (job.insight) done.insight = runInsight(explain, events, job.insight);
  if (job.tour) done.tour = await runTour(loaded, job.tour, own);
  return done;
}

/** The smallest module there is. */
const EMPTY_MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** Name and version, whether code may be made of bytes and of text, whether there is a synchronous native hash. */
function facts() {
  const { Bun, Deno, EdgeRuntime, navigator, process } = globalThis;
  const agent = navigator?.userAgent ?? "";
  const [, chromium] = /Chrome\/([0-9.]+)/.exec(agent) ?? [];
  const runtime =
    (Bun && `Bun ${Bun.version}`) ||
    (Deno && `Deno ${Deno.version.deno}`) ||
    (EdgeRuntime && `Edge VM (${EdgeRuntime})`) ||
    (agent === "Cloudflare-Workers" && "workerd") ||
    (chromium && `Chromium ${chromium}`) ||
    (process?.versions && `Node ${process.versions.node}`);
  return {
    runtime,
    compiles: succeeds(() => new WebAssembly.Module(EMPTY_MODULE)),
    evaluates: succeeds(() => new Function("return 1")()),
    hashes: succeeds(() => process.getBuiltinModule("node:crypto").hash("sha256", EMPTY_MODULE, "hex").length),
  };
}

function succeeds(attempt) {
  try {
    return Boolean(attempt());
  } catch {
    return false;
  }
}
