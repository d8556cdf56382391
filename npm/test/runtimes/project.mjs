// The consumer project with all the runtimes, the packed package and the suite in it.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "../../packaging-tests/install.mjs";

const TESTS = fileURLToPath(new URL("..", import.meta.url));
const LOADERS = fileURLToPath(new URL("../../packaging-tests/node", import.meta.url));

/** What the suite consists of. The other files beside these start runtimes, in Node. */
const SUITE = [
  ...["runtimes/job.mjs", "runtimes/tour.mjs", "runtimes/awkward.mjs"],
  ...["vectors/suite.mjs", "vectors/primitives.mjs", "insight/suite.mjs"],
];

let installed = null;

/** The folder. Installed once per process. */
export function project() {
  if (installed === null) {
    const folder = install("runtimes");
    for (const file of SUITE) place(join(TESTS, file), join(folder, "suite", file));
    for (const file of ["load.mjs", "load.cjs"]) place(join(LOADERS, file), join(folder, file));
    installed = folder;
  }
  return installed;
}

/** Copies what differs: another process may be running what is there. */
function place(source, target) {
  if (existsSync(target) && readFileSync(target).equals(readFileSync(source))) return;
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target);
}

/** The folder of an installed package. A wrapper such as `bun` has one package for every platform, of which one is there. */
export function packageOf(name) {
  const folder = join(project(), "node_modules", name);
  if (!name.endsWith("/")) return existsSync(folder) ? folder : null;
  const [found] = existsSync(folder) ? readdirSync(folder) : [];
  return found === undefined ? null : join(folder, found);
}

/** Why a runtime is missing. npm passes over packages of other machines, and over those that it could not get. */
export const notInstalled = () =>
  `npm installed no package for ${process.platform} ${process.arch}; remove target/packaging to let it try again`;
