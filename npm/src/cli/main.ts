#!/usr/bin/env node
// The command line: countersign verify | explain | sign | listen.

import { CountersignError, coreHash, version } from "countersign";
import { explainCommand, help, print, signCommand, verifyCommand } from "./commands.js";
import { listenCommand } from "./listen.js";
import { EXIT, HELP, UsageError } from "./usage.js";

const COMMANDS: { readonly [name: string]: (args: readonly string[]) => number | Promise<number> } = {
  verify: verifyCommand,
  explain: explainCommand,
  sign: signCommand,
  listen: listenCommand,
  help: () => help("main"),
  "--help": () => help("main"),
  "-h": () => help("main"),
  version: told,
  "--version": told,
};

function told(): number {
  print(`countersign ${version}, core ${coreHash}`);
  return EXIT.valid;
}

async function run([name = "", ...args]: readonly string[]): Promise<number> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(name === "" ? HELP.main : `There is no command of this name.\n\n${HELP.main}`);
    return EXIT.usage;
  }
  try {
    return await command(args);
  } catch (error) {
    // Whatever is wrong here is wrong with the call: a request that is refused is a result.
    const isUsage = error instanceof UsageError;
    if (!isUsage && !(error instanceof CountersignError)) throw error;
    if (args.includes("--json")) {
      const told = { code: isUsage ? "usage" : error.code, message: error.message };
      process.stderr.write(`${JSON.stringify({ error: told })}\n`);
      return EXIT.usage;
    }
    const code = isUsage ? "" : ` (${error.code})`;
    process.stderr.write(`countersign ${name}: ${error.message}${code}\n"countersign ${name} --help" shows how.\n`);
    return EXIT.usage;
  }
}

// Whoever reads our output may have enough of it: `countersign listen | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});
process.exitCode = await run(process.argv.slice(2));
