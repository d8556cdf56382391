// What is measured in one process: accepting, refusing, reading, and where native hashing begins to pay. Started by run.mjs
// in the project where the packages are installed; prints its figures as JSON.

import { parse } from "countersign";
import { contendersOf, ours, SCHEMES, snippet } from "./contenders.mjs";
import { best, measure, median, PASSES_MAX } from "./measure.mjs";
import { MAIN, OURS, SNIPPET } from "./names.mjs";
import { REQUESTS_PER_SIZE, requestsOf } from "./requests.mjs";
import { nowS } from "./schemes.mjs";

const SIZES = [200, 500, 2048, 16_384, 262_144];
const PARSED_BYTES = 500;
const BREAK_EVEN_SIZES = [200, 300, 400, 500, 640, 768, 896, 1024, 1536, 2048, 4096, 16_384, 262_144];
/** Signed timestamps are made anew after this long; the schemes allow 300 s. */
const FRESH_S = 60;

/** A list of requests that is filled again when its timestamps age. */
class Requests {
  static #all = [];
  #madeAt = 0;
  list = [];

  constructor(...from) {
    this.from = from;
    Requests.#all.push(this);
  }

  static refresh() {
    for (const requests of Requests.#all) {
      if (nowS() - requests.#madeAt < FRESH_S) continue;
      requests.#madeAt = nowS();
      requests.list = requestsOf(...requests.from);
    }
  }
}

const caseOf = (name, verify, requests, expected) => ({
  name,
  expected,
  call: (n) => {
    const { headers, body } = requests.list[n % REQUESTS_PER_SIZE];
    return verify(headers, body);
  },
});

/** One group for each size and scheme. What the bars are about is measured more often. */
async function verdicts(kind, expected) {
  const groups = [];
  for (const scheme of SCHEMES) {
    const contenders = await contendersOf(scheme);
    for (const bytes of SIZES) {
      const requests = new Requests(kind, scheme, bytes);
      const cases = contenders.map(({ name, verify }) => ({ ...caseOf(name, verify, requests, expected), scheme }));
      groups.push({ section: kind, bytes, cases, passes: scheme === MAIN ? PASSES_MAX : 1 });
    }
  }
  return groups;
}

/** Accept and read into a typed event, against the snippet and JSON.parse. */
function reading() {
  const requests = new Requests("authentic", MAIN, PARSED_BYTES);
  const isReply = ({ event, id, data }) => event === "email.replied" && id.startsWith("evt_74") && data.lead_id !== "";
  const verify = ours(MAIN);
  const read = (headers, body) => {
    if (!verify(headers, body)) return false;
    const result = parse("sendemall", body);
    return result.ok && result.event.known && isReply(result.event.payload);
  };
  const documented = snippet(MAIN);
  const parsed = (headers, body) => documented(headers, body) && isReply(JSON.parse(body));
  const cases = [
    { ...caseOf(`${OURS}, verify and parse`, read, requests, true), scheme: MAIN },
    { ...caseOf(`${SNIPPET}, JSON.parse`, parsed, requests, true), scheme: MAIN },
  ];
  return [{ section: "parse", bytes: PARSED_BYTES, cases, passes: PASSES_MAX }];
}

/** Both ways of hashing, over sizes. */
function breakEven() {
  return BREAK_EVEN_SIZES.map((bytes) => {
    const requests = new Requests("authentic", MAIN, bytes);
    const all = { [SNIPPET]: snippet(MAIN), wasm: ours(MAIN, { hashing: "wasm" }) };
    all.native = ours(MAIN, { hashing: "native" });
    const cases = Object.entries(all).map(([name, verify]) => ({
      ...caseOf(name, verify, requests, true),
      scheme: MAIN,
    }));
    return { section: "break-even", bytes, cases };
  });
}

const SECTIONS = {
  accept: () => verdicts("authentic", true),
  reject: async () => [...(await verdicts("wrong digest", false)), ...(await verdicts("changed byte", false))],
  parse: reading,
  "break-even": breakEven,
};

const { sections, rounds, quick } = JSON.parse(process.argv[2]);
const groups = [];
for (const name of sections) groups.push(...(await SECTIONS[name]()));
await measure(groups, { rounds, quick, beforeRound: Requests.refresh });
const figures = groups.flatMap(({ section, bytes, cases }) =>
  cases.map(({ name, scheme, isAsync, cpu, wall, answers }) => ({
    section,
    bytes,
    scheme,
    name,
    isAsync,
    calls: answers,
    cpuUs: { best: best(cpu), median: median(cpu) },
    wallUs: { best: best(wall), median: median(wall) },
  })),
);
process.stdout.write(JSON.stringify(figures));
