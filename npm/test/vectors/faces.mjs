// The ways in which a program gets the package: each installs the packed tarball and runs the one suite on it.

import { cpSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { install } from "../../packaging-tests/install.mjs";
import { runVectors } from "./suite.mjs";

/** The suite as a Worker. It is copied into the consumer project, so that "countersign" is the installed package. */
const WORKER_FILES = ["worker.mjs", "suite.mjs", "primitives.mjs"];

export const FACES = {
  /** `import` in Node. */
  async "node-esm"(files) {
    const { countersign, testing } = await import(pathToFileURL(`${install("node")}/load.mjs`));
    return runVectors("node-esm", { ...countersign, ...testing }, files);
  },

  /** `require` in Node. */
  async "node-cjs"(files) {
    const { countersign, testing } = createRequire(`${install("node")}/`)("./load.cjs");
    return runVectors("node-cjs", { ...countersign, ...testing }, files);
  },

  /** The real Workers runtime; the vectors travel over HTTP. */
  async workerd(files) {
    const folder = install("worker");
    const { serve } = await import(pathToFileURL(`${folder}/workerd.mjs`));
    for (const file of WORKER_FILES) cpSync(new URL(file, import.meta.url), join(folder, "vectors", file));
    const running = await serve({ entry: join(folder, "vectors", "worker.mjs") });
    try {
      const response = await fetch(running.url, { method: "POST", body: JSON.stringify(files) });
      return await response.json();
    } finally {
      running.stop();
      await running.ended;
    }
  },
};
