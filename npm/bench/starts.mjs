// Runs cold.mjs once per contender and round.

import { execFileSync } from "node:child_process";
import { best, median, shuffled } from "./measure.mjs";
import { eventOf, headersOf } from "./requests.mjs";
import { BASE64_SECRET, CARRIERS, SECRET } from "./schemes.mjs";

const BYTES = 500;
/** Far more than any of them takes, so that a run ends. */
const TIMEOUT_MS = 60_000;

const CONTENDERS = {
  countersign: "sendemall",
  "createHmac snippet": "sendemall",
  WebCrypto: "sendemall",
  "@octokit/webhooks-methods": "github",
  standardwebhooks: "standard-webhooks",
  svix: "svix",
  stripe: "stripe",
};

/** Figures of every contender; `folder` is where the packages are installed. */
export function starts(folder, rounds) {
  const seen = Object.fromEntries(Object.keys(CONTENDERS).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, scheme] of shuffled(Object.entries(CONTENDERS))) seen[name].push(started(folder, name, scheme));
  }
  return Object.entries(seen).map(([name, runs]) => {
    const of = (field) => runs.map((run) => run[field]);
    return {
      section: "start",
      bytes: BYTES,
      scheme: CONTENDERS[name],
      name,
      calls: runs.length,
      cpuMs: { best: best(of("cpuMs")), median: median(of("cpuMs")) },
      wallMs: { best: best(of("wallMs")), median: median(of("wallMs")) },
    };
  });
}

function started(folder, name, scheme) {
  const body = eventOf(BYTES);
  const env = {
    ...process.env,
    BENCH_REQUEST: JSON.stringify({ name, headers: headersOf(scheme, body), body: body.toString("base64") }),
    BENCH_SECRET: CARRIERS[scheme].encoding === "base64" ? BASE64_SECRET : SECRET,
  };
  const text = execFileSync(process.execPath, ["cold.mjs"], {
    cwd: folder,
    env,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  });
  const run = JSON.parse(text);
  if (run.ok !== true) throw new Error(`${name}: the first request was not accepted`);
  return run;
}
