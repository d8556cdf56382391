// A real Redis for tests: on a free port, in memory only, gone afterwards.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skipWithout } from "./needs.mjs";

const isInstalled = spawnSync("redis-server", ["--version"]).status === 0;

/** The reason to skip, or `false`. */
export const REDIS_MISSING = skipWithout(isInstalled, "redis-server is not installed");

/** Starts a Redis; returns its port and how to stop it. */
export async function startRedis() {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), "countersign-redis-"));
  const args = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir];
  const child = spawn("redis-server", args.map(String), { stdio: "ignore" });
  let failure = null;
  child.on("error", (error) => {
    failure = new Error(`A Redis is needed here: ${error.message}`);
  });
  const ended = new Promise((resolve) => child.on("close", resolve).on("error", resolve));
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    for (let tries = 0; !(await listens(port)); tries += 1) {
      if (failure !== null || tries === 200 || child.exitCode !== null) {
        throw failure ?? new Error("redis-server did not start");
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
