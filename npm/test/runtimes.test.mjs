// The packed package in every runtime: all signature vectors, every cause of `explain`, every snapshot of `normalize`, and a
// trip through all entries.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { PACKAGE } from "../scripts/paths.mjs";
import { CASES } from "./insight/causes.mjs";
import { INBOUND, OUTBOUND } from "./insight/samples.mjs";
import { skipWithout } from "./needs.mjs";
import { FACES, tableOfRuntimes } from "./runtimes/faces.mjs";
import { project } from "./runtimes/project.mjs";
import { runTour } from "./runtimes/tour.mjs";
import { tripOf } from "./runtimes/trip.mjs";
import { defaultFolder, vectorFiles } from "./vectors.mjs";

const job = {
  vectors: vectorFiles(defaultFolder()),
  insight: { cases: CASES, samples: [...INBOUND, ...OUTBOUND] },
  tour: tripOf(),
};

/** What the first runtime made of cases and samples. */
let first;

for (const [name, { expected, missing, run }] of Object.entries(FACES)) {
  const reason = missing();
  if (reason !== null) {
    const missed = `${name} is missing: ${reason}`;
    test(name, { skip: skipWithout(false, missed) }, () => assert.fail(missed));
    continue;
  }
  describe(name, { timeout: 240_000 }, () => {
    let done;
    before(async () => {
      done = await run(job);
    });

    test("it is the runtime that is meant", (context) => {
      const { runtime, ...facts } = done.facts;
      const { title, condition, ...wanted } = expected;
      assert.ok(runtime.startsWith(title), `${runtime} is not ${title}`);
      assert.deepEqual(facts, wanted);
      context.diagnostic(`${name}: ${runtime}, condition ${condition}`);
    });

    test("every vector gives a right verdict and the same headers", (context) => {
      const { files, error } = done.vectors;
      assert.equal(error, null);
      assert.deepEqual(files.flatMap((file) => file.failures), []); // biome-ignore format: one line
      assert.equal(files.length, job.vectors.length);
      assert.ok(files.length > 0 && files.every((file) => file.passed > 0));
      context.diagnostic(`${name}: ${files.reduce((sum, { passed }) => sum + passed, 0)} vectors`);
    });

    test("every cause is found, every sample is read as its snapshot says", () => {
      const { explained, read } = done.insight;
      CASES.forEach(({ code, confidence }, at) => {
        const { verdict, findings, complete } = explained[at];
        const [finding] = findings.filter((one) => one.code === code);
        assert.equal(verdict.ok, false, code);
        assert.ok(finding, `${code} is not among ${findings.map((one) => one.code)}`);
        assert.equal(finding.confidence, confidence, code);
        assert.equal(findings[0].confidence, confidence, code);
        assert.ok(finding.message.endsWith(".") && finding.fix.endsWith("."), code);
        assert.equal(complete, true, code);
      });
      INBOUND.forEach(({ source, file, events }, at) => {
        assert.deepEqual(read[at].map(({ event }) => event), events, `${source}/${file}`); // biome-ignore format: one line
      });
      first ??= done.insight;
      assert.deepEqual(done.insight, first);
    });

    test("every entry does its work, and awkward requests get their answers", (context) => {
      const { passed, failures } = done.tour;
      assert.deepEqual(failures, []);
      assert.ok(passed >= 20);
      context.diagnostic(`${name}: ${passed} stops of the tour`);
    });
  });
}

test("the tour notices what is wrong with a package", async () => {
  const modules = { ...(await import(pathToFileURL(`${project()}/load.mjs`))) };
  const { Hono } = createRequire(`${project()}/`)("hono");
  const idsOf = async (changes) => {
    const { failures } = await runTour({ modules: { ...modules, ...changes }, Hono }, tripOf());
    return failures.map(({ id }) => id.split(":")[0]);
  };
  const { countersign, events } = modules;
  assert.deepEqual(await idsOf({}), []);
  assert.deepEqual(await idsOf({ countersign: { ...countersign, coreHash: "0" } }), ["version and coreHash are those of the build"]); // biome-ignore format: one line
  assert.deepEqual(await idsOf({ events: { ...events, normalize: () => ({ ok: false }) } }), ["events"]);
  assert.deepEqual(await idsOf({ another: {} }), ["every entry is there"]);
  const credulous = () => ({ verify: () => ({ ok: true, covers: ["body"] }), free() {} });
  const found = await idsOf({ countersign: { ...countersign, createVerifier: credulous } });
  for (const id of ["verifier", "headers that are missing or malformed"]) assert.ok(found.includes(id), id);
});

test("no file of the package waits at its top level, so that every entry can be required", async () => {
  const { transform } = createRequire(`${project()}/`)("esbuild");
  const dist = `${project()}/node_modules/countersign/dist/`;
  const files = readdirSync(dist, { recursive: true }).map(String);
  const code = files.filter((file) => file.endsWith(".js") && !file.startsWith("cli/"));
  assert.ok(code.length > 25);
  for (const file of code) {
    // A script has no top-level await, and esbuild says so.
    await assert.doesNotReject(
      transform(readFileSync(dist + file, "utf8"), { format: "iife", logLevel: "silent" }),
      file,
    );
  }
  await assert.rejects(transform("await 1;", { format: "iife", logLevel: "silent" }), /Top-level await/);
});

test("the README's table of runtimes says what is tested here", () => {
  const table = tableOfRuntimes();
  const readme = readFileSync(`${PACKAGE}README.md`, "utf8");
  assert.ok(readme.includes(table), `the README lacks this table:\n${table}`);
});
