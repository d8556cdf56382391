// The runtimes that the package is for. Each gets the packed package as a user of it would, and does the same jobs.

import { BUNDLES } from "./bundles.mjs";
import { PROCESSES } from "./processes.mjs";
import { WORKERS } from "./workers.mjs";

const ANYTHING = { compiles: true, evaluates: true, hashes: true };
const NOTHING = { compiles: false, evaluates: false, hashes: false };

/**
 * What must be found in a runtime: its name, the condition of the exports map that leads to its entry, whether it compiles
 * WebAssembly from bytes and code from text, and whether it has a synchronous native hash.
 */
const EXPECTED = {
  "node-esm": { title: "Node", condition: "default", ...ANYTHING },
  "node-cjs": { title: "Node", condition: "default", ...ANYTHING },
  "node-22": { title: "Node 22", condition: "default", ...ANYTHING },
  "node-24": { title: "Node 24", condition: "default", ...ANYTHING },
  deno: { title: "Deno 2", condition: "default", ...ANYTHING },
  bun: { title: "Bun 1", condition: "default", ...ANYTHING },
  workerd: { title: "workerd", condition: "workerd", ...NOTHING },
  "workerd-node": { title: "workerd", condition: "workerd", ...NOTHING, hashes: true },
  "edge-vm": { title: "Edge VM", condition: "edge-light", ...NOTHING },
  chromium: { title: "Chromium", condition: "default", ...NOTHING, compiles: true },
};

const RUNNERS = { ...PROCESSES, ...WORKERS, ...BUNDLES };

/**
 * By name: `expected`, `missing()` (why it cannot be run on this machine, or `null`), and `run(job)`, which resolves to what
 * `runJob` of job.mjs returns.
 */
export const FACES = Object.fromEntries(
  Object.entries(EXPECTED).map(([name, expected]) => [name, { expected, ...RUNNERS[name] }]),
);

/** Rows of the README's table: what is written there, and the faces that stand behind it. */
const ROWS = [
  ["Node 20.19 and later, 22, 24; `import` and `require`", ["node-esm", "node-cjs", "node-22", "node-24"]],
  ["Deno 2", ["deno"]],
  ["Bun 1", ["bun"]],
  ["Cloudflare Workers", ["workerd"]],
  ["Cloudflare Workers with Node.js compatibility", ["workerd-node"]],
  ["Vercel's edge runtime", ["edge-vm"]],
  ["browsers (tested in Chromium)", ["chromium"]],
];

/** The README's table of runtimes, made of what the suite holds them to. */
export function tableOfRuntimes() {
  const rows = ROWS.map(([text, names]) => {
    const [{ condition, compiles, hashes }] = names.map((name) => FACES[name].expected);
    const module = compiles ? "compiled at the first use" : "compiled by the bundler";
    return `| ${text} | \`${condition}\` | ${module} | ${hashes ? "`node:crypto`" : "WebAssembly"} |`;
  });
  return [
    "| runtime | condition | WebAssembly is | large bodies are hashed by |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
