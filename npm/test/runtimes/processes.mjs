// Runtimes that are programs: each runs main.mjs, or main.cjs, in the consumer project.

import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGING } from "../../scripts/paths.mjs";
import { notInstalled, packageOf, project } from "./project.mjs";

/** Time for a job; about twenty times what it takes. */
export const TIMEOUT_MS = 120_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * A face that runs the script with a program. `find` returns the program's path, or `null`; `args` what stands ahead of the script,
 * given the folder of the job.
 */
function face(name, { find, args = () => [], script = "main.mjs", env = {} }) {
  const missing = () => {
    const program = find();
    if (program === null || !existsSync(program)) return notInstalled();
    const { status, error, stderr } = spawnSync(program, ["--version"], { encoding: "utf8", timeout: TIMEOUT_MS });
    return status === 0 ? null : `it does not start: ${error?.message ?? stderr.trim().split("\n")[0]}`;
  };
  const run = async (job) => {
    const folder = mkdtempSync(join(tmpdir(), "countersign-job-"));
    const file = join(folder, "job.json");
    try {
      writeFileSync(file, JSON.stringify({ ...job, face: name }));
      const { stdout } = await promisify(execFile)(find(), [...args(folder), script, file], {
        cwd: project(),
        env: { ...process.env, ...env, NODE_OPTIONS: "", NODE_TEST_CONTEXT: undefined },
        maxBuffer: OUTPUT_BYTES_MAX,
        timeout: TIMEOUT_MS,
      });
      return JSON.parse(stdout);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  return { missing, run };
}

const ownNode = () => process.execPath;

/** Node of a line, from the package of its platform. */
function node(line) {
  const folder = packageOf(`node-${line}-${process.platform}-${process.arch}`);
  return folder === null ? null : join(folder, "bin", "node");
}

/** A program of the one platform package that is installed under this scope. */
function platform(scope, file) {
  const folder = packageOf(`${scope}/`);
  return folder === null ? null : join(folder, file);
}

export const PROCESSES = {
  "node-esm": face("node-esm", { find: ownNode }),
  "node-cjs": face("node-cjs", { find: ownNode, script: "main.cjs" }),
  "node-22": face("node-22", { find: () => node(22) }),
  "node-24": face("node-24", { find: () => node(24) }),
  deno: face("deno", {
    find: () => platform("@deno", "deno"),
    // The package itself needs no permission; the job is read, and servers listen on loopback.
    args: (folder) => [
      ...["run", "--no-prompt", "--no-remote", "--node-modules-dir=manual", "--no-lock"],
      ...[`--allow-read=${project()},${folder}`, "--allow-net=127.0.0.1"],
    ],
    env: { DENO_NO_UPDATE_CHECK: "1", DENO_DIR: `${PACKAGING}deno` },
  }),
  bun: face("bun", {
    find: () => platform("@oven", join("bin", "bun")),
    args: () => ["--no-install"],
    env: { DO_NOT_TRACK: "1" },
  }),
};
