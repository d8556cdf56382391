// A host that runs while a test does.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../scripts/paths.mjs";

const BINARY = join(PROJECT, "target", "release", "countersign");

/** Why no host can be started, or `false`. */
export const HOST_MISSING = existsSync(BINARY) ? false : "the binary is not built (cargo xtask build)";

/** Starts a host on an empty folder; it may send to this machine, and needs no key. */
export async function startHost() {
  const folder = mkdtempSync(join(tmpdir(), "countersign-host-"));
  const args = ["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", join(folder, "data")];
  const child = spawn(BINARY, args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  return {
    url: JSON.parse(line).listening,
    async stop() {
      const ended = once(child, "close");
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
