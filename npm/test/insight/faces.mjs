// The ways in which a program gets the package, for `countersign/explain` and `countersign/events`.

import { cpSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { install } from "../../packaging-tests/install.mjs";
import { runInsight } from "./suite.mjs";

export const FACES = {
  /** `import` in Node. */
  async "node-esm"(input) {
    const { explain, events } = await import(pathToFileURL(`${install("node")}/load.mjs`));
    return runInsight(explain, events, input);
  },

  /** `require` in Node. */
  async "node-cjs"(input) {
    const { explain, events } = createRequire(`${install("node")}/`)("./load.cjs");
    return runInsight(explain, events, input);
  },

  /** The real Workers runtime. */
  async workerd(input) {
    const folder = install("worker");
    const { serve } = await import(pathToFileURL(`${folder}/workerd.mjs`));
    for (const file of ["worker.mjs", "suite.mjs"]) {
      cpSync(new URL(file, import.meta.url), join(folder, "insight", file));
    }
    const running = await serve({ entry: join(folder, "insight", "worker.mjs") });
    try {
      const response = await fetch(running.url, { method: "POST", body: JSON.stringify(input) });
      return await response.json();
    } finally {
      running.stop();
      await running.ended;
    }
  },
};
