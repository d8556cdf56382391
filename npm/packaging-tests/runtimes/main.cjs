// The suite with a package that was required.

const { readFileSync } = require("node:fs");
const { Hono } = require("hono");
const modules = require("./load.cjs");

async function main() {
  const { runJob } = await import("./suite/runtimes/job.mjs");
  const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
  process.stdout.write(JSON.stringify(await runJob({ modules, Hono }, job)));
}

main();
