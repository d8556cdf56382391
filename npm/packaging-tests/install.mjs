// Installs a consumer project the way a user would: `npm ci`, then the packed package.
//
//     node install.mjs <project> [<target folder>]
//
// Does nothing when the tarball, the project and its lock file are those of the last time.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { INPUTS, PACKAGE, PACKAGING, TARBALL } from "../scripts/paths.mjs";

/** A lock that is older than this was left behind by a process that died. */
const LOCK_MS_MAX = 5 * 60_000;
const LOCK_POLL_MS = 200;

/** Installs a project of this folder and returns where it is installed. Safe to call from several processes at once. */
export function install(project, target = join(PACKAGING, project)) {
  return installFrom(fileURLToPath(new URL(project, import.meta.url)), target);
}

/** The same for a project in any folder. */
export function installFrom(source, target) {
  mkdirSync(PACKAGING, { recursive: true });
  return locked(join(PACKAGING, ".lock"), () => {
    if (!isPacked()) pack();
    const lock = hashOf([`${source}/package.json`, `${source}/package-lock.json`]);
    const wanted = `${lock} ${hashOf([TARBALL])}`;
    const stamp = join(target, "node_modules", ".countersign-stamp");
    const found = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
    copy(source, target);
    if (found === wanted) return target;
    if (found.split(" ")[0] !== lock) npm(["ci"], target);
    else rmSync(join(target, "node_modules", "countersign"), { recursive: true, force: true });
    npm(["install", "--no-save", "--no-package-lock", "--prefer-offline", TARBALL], target);
    writeFileSync(stamp, wanted);
    return target;
  });
}

/** Whether the tarball is there and no older than what it was made of. */
function isPacked() {
  const packed = statSync(TARBALL, { throwIfNoEntry: false });
  const isOlder = (file) => packed.mtimeMs < (statSync(join(PACKAGE, file), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return packed !== undefined && !["dist/index.js", "package.json", "README.md"].some(isOlder);
}

/** Packs dist/ as it stands; normally `cargo xtask build` has done so. */
function pack() {
  if (!existsSync(join(PACKAGE, "dist", "index.js"))) {
    throw new Error("npm/dist is not built yet: run `cargo xtask build`.");
  }
  const [{ filename }] = JSON.parse(npm(["pack", "--json", "--pack-destination", INPUTS], PACKAGE));
  cpSync(join(INPUTS, filename), TARBALL);
  rmSync(join(INPUTS, filename));
}

/** Brings the project's own files up to date and leaves what the installation made. */
function copy(source, target) {
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(source)) {
    if (name !== "node_modules") cpSync(join(source, name), join(target, name), { recursive: true });
  }
}

function npm(args, cwd) {
  const { status, stdout, stderr } = spawnSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd,
    encoding: "utf8",
  });
  if (status === 0) return stdout;
  // Its usage text is long and helps nobody here.
  throw new Error(`npm ${args.join(" ")} in ${cwd} failed:\n${stderr.split("\n").slice(0, 12).join("\n")}`);
}

function hashOf(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}

/** Runs `work` while no other process does: making a folder succeeds for one only. */
function locked(folder, work) {
  for (;;) {
    try {
      mkdirSync(folder);
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > LOCK_MS_MAX) rmSync(folder, { recursive: true, force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS);
    }
  }
  try {
    return work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [project, target] = process.argv.slice(2);
  if (project === undefined) {
    console.error("usage: node install.mjs <express|worker|node|runtimes> [<target folder>]");
    process.exit(2);
  }
  console.log(install(project, target));
}
