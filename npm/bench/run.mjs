// How long verifying takes, ours beside the others, in one run: `cargo xtask bench verify`, whose options are read here.
//
// Needs the built package (`cargo xtask build`, or `npm run build` after a change of npm/src). The packages that are compared
// are installed from npm/bench/package-lock.json, ours from the packed tarball. Every answer is checked: a wrong one ends the
// run. A bar that is missed is printed. `--readme` also writes the figures into npm/README.md.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installFrom } from "../packaging-tests/install.mjs";
import { PACKAGE, PACKAGING } from "../scripts/paths.mjs";
import { bars, report } from "./report.mjs";
import { starts } from "./starts.mjs";
import { summary, withBlocks } from "./summary.mjs";
import { workers } from "./workers.mjs";

/** Measured together in one process of their own. */
const IN_PROCESS = ["accept", "reject", "parse", "break-even"];
const SECTIONS = [...IN_PROCESS, "workerd", "start"];

const README = `${PACKAGE}README.md`;
const ROUNDS = 15;
const QUICK_ROUNDS = 4;

const HELP = `How long the npm package takes, beside the documented snippet and other packages

Accepting and refusing bodies of 200 bytes to 256 KB, reading an event, workerd, the first verification of a process, and
where native hashing begins to pay. Every answer is checked: a wrong one fails. A bar that is missed is printed.

Usage: cargo xtask bench verify [OPTIONS]

Options:
      --rounds <ROUNDS>  How often everything is measured [default: ${ROUNDS}, quick: ${QUICK_ROUNDS}]
      --quick            Short rounds and few of them, for a first look
      --json             Print for programs
      --only <PARTS>     Only these, with commas: ${SECTIONS.join(", ")}
      --readme           Write the figures into npm/README.md as well
  -h, --help             Print help`;

/** Installs what is compared, and says where. */
export const installed = () => installFrom(fileURLToPath(new URL(".", import.meta.url)), join(PACKAGING, "bench"));

function options() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      readme: { type: "boolean", default: false },
      only: { type: "string", default: SECTIONS.join(",") },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const rounds = Number(values.rounds ?? (values.quick ? QUICK_ROUNDS : ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number, 1 or more");
  const only = values.only.split(",");
  const unknown = only.find((name) => !SECTIONS.includes(name));
  if (unknown !== undefined) throw new Error(`--only knows no ${unknown}; there are ${SECTIONS.join(", ")}`);
  if (values.readme && only.length < SECTIONS.length) throw new Error("--readme needs everything, so no --only");
  return { readme: values.readme, rounds, quick: values.quick, json: values.json, only };
}

/** The sections of one process. Code that waits for its turn is not forgotten meanwhile. */
function inProcess(folder, asked) {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--no-flush-bytecode", "sections.mjs", JSON.stringify(asked)],
    {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  if (status !== 0) throw new Error("the measuring process failed; its output above says why");
  return JSON.parse(stdout);
}

async function main() {
  const asked = options();
  if (asked === undefined) {
    console.log(HELP);
    return;
  }
  const { rounds, quick, json, only, readme } = asked;
  const folder = installed();
  const sections = IN_PROCESS.filter((name) => only.includes(name));
  const figures = [];
  if (!json) console.error(`measuring ${only.join(", ")}: ${rounds} rounds, a few minutes`);
  if (sections.length > 0) figures.push(...inProcess(folder, { sections, rounds, quick }));
  if (only.includes("workerd")) figures.push(...(await workers(rounds)));
  if (only.includes("start")) figures.push(...starts(folder, rounds));
  const [{ model } = { model: "unknown" }] = cpus();
  const where = {
    node: process.version,
    cpu: model,
    cpus: cpus().length,
    platform: `${process.platform} ${process.arch}`,
  };
  if (readme) writeFileSync(README, withBlocks(readFileSync(README, "utf8"), summary(figures, where, rounds)));
  if (json) {
    console.log(JSON.stringify({ where, rounds, figures, bars: bars(figures) }, null, 2));
    return;
  }
  const calls = figures.reduce((sum, one) => sum + one.calls, 0);
  console.log(
    `Node ${where.node}, ${where.platform}, ${where.cpus} x ${where.cpu}; ${rounds} rounds, ${calls} answers, all right\n`,
  );
  console.log(report(figures));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}
