// Measures inside workerd, the runtime of Cloudflare Workers. It tells no CPU time, so these figures are wall time.

import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { install } from "../packaging-tests/install.mjs";
import { best, median, shuffled } from "./measure.mjs";

const SIZES = [200, 500, 2048];
const NAMES = ["countersign", "createHmac snippet", "WebCrypto, cached key"];
/** Not shorter, because the clock in there moves in steps of a millisecond; not longer, to find quiet moments. */
const BATCH_US = 40_000;
/** More passes a round than elsewhere, for want of CPU time. */
const PASSES = 3;
const WARM_UP_CALLS = 20_000;

/** Figures of every contender. */
export async function workers(rounds) {
  const folder = install("worker");
  const own = join(folder, "bench");
  for (const file of ["worker.mjs", "requests.mjs", "schemes.mjs"]) {
    cpSync(fileURLToPath(new URL(file, import.meta.url)), join(own, file));
  }
  const { serve, WITH_NODE } = await import(pathToFileURL(join(folder, "workerd.mjs")));
  const running = await serve({ entry: join(own, "worker.mjs"), date: WITH_NODE });
  try {
    return await measured(running.url, rounds);
  } finally {
    running.stop();
    await running.ended;
  }
}

async function measured(url, rounds) {
  const cases = SIZES.flatMap((bytes) => NAMES.map((name) => ({ name, bytes, wall: [], calls: WARM_UP_CALLS })));
  for (const one of cases) {
    const { wallUs, isAsync } = await asked(url, one);
    one.calls = Math.ceil(BATCH_US / wallUs);
    one.isAsync = isAsync;
  }
  for (let pass = 0; pass < rounds * PASSES; pass += 1) {
    for (const one of shuffled(cases)) one.wall.push((await asked(url, one)).wallUs);
  }
  return cases.map(({ name, bytes, wall, calls, isAsync }) => ({
    section: "workerd",
    bytes,
    scheme: "sendemall",
    name,
    isAsync,
    calls: calls * wall.length,
    wallUs: { best: best(wall), median: median(wall) },
  }));
}

async function asked(url, { name, bytes, calls }) {
  const question = { name, bytes, calls, kind: "authentic", expected: true };
  const response = await fetch(url, { method: "POST", body: JSON.stringify(question) });
  if (!response.ok) throw new Error(`${name} in workerd: ${await response.text()}`);
  const answer = await response.json();
  if (answer.wrong > 0) throw new Error(`${name} in workerd: ${answer.wrong} of ${calls} answers were wrong`);
  if (!(answer.wallUs > 0)) throw new Error(`${name} in workerd: its clock stood still`);
  return answer;
}
