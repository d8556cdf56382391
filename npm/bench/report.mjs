// The figures as tables, and the bars.

import { MAIN, OURS, SNIPPET } from "./names.mjs";
import { both, number, shareOf, sizeOf, snippetOf, table, unique } from "./table.mjs";

/** Share of the documented snippet's time that ours may take at most, by bytes of body. */
const ACCEPT_BARS = { 200: 0.6, 500: 0.6, 2048: 0.75, 16384: 0.95, 262144: 1.02 };
/** Refusing may take at most this share of accepting. */
const REJECT_BAR = 1.1;
/** Accepting and reading an event of 500 bytes, as a share of the snippet and JSON.parse. */
const PARSE_BAR = 1.5;
/** In workerd with 500 bytes, as a share of node:crypto there. */
const WORKERD_BAR = 1;
/** Import and first verification in a fresh process. */
const START_BAR_MS = 8;

/** Rows of schemes and contenders, columns of sizes. */
function bySize(figures, unit) {
  const sizes = unique(figures.map(({ bytes }) => bytes));
  const rows = [];
  for (const scheme of unique(figures.map((one) => one.scheme))) {
    for (const name of unique(figures.filter((one) => one.scheme === scheme).map((one) => one.name))) {
      const own = sizes.map((bytes) =>
        figures.find((one) => one.scheme === scheme && one.name === name && one.bytes === bytes),
      );
      const cells = own.map((one) => `${both(one[unit])} (${number(shareOf(one, snippetOf(figures, one), unit))})`);
      rows.push([scheme, name, ...cells]);
      if (unit === "cpuUs" && own[0].isAsync)
        rows.push(["", "the same, wall time", ...own.map((one) => both(one.wallUs))]);
    }
  }
  return table(["scheme", "", ...sizes.map(sizeOf)], rows);
}

/** Both ways of hashing over sizes, and where native hashing is the quicker one from. */
export function breakEven(figures) {
  const sizes = unique(figures.map(({ bytes }) => bytes));
  const find = (bytes, name) => figures.find((one) => one.bytes === bytes && one.name === name);
  const rows = sizes.map((bytes) => {
    const documented = find(bytes, SNIPPET);
    const shares = ["wasm", "native"].map((name) => number(shareOf(find(bytes, name), documented)));
    return [sizeOf(bytes), ...shares, both(documented.cpuUs)];
  });
  const isSlower = (bytes) => shareOf(find(bytes, "native"), find(bytes, "wasm")) > 1;
  const from = sizes[sizes.findLastIndex(isSlower) + 1];
  return { rows, from: from === undefined ? null : sizeOf(from) };
}

const TITLES = {
  authentic: "Accept: microseconds of CPU time, best / median round (share of the snippet of the same scheme)",
  "wrong digest": "Reject, one character of the digest changed",
  "changed byte": "Reject, one byte of the body changed",
  parse: "Accept and read the event",
  "break-even": "Who hashes: share of the snippet's CPU time",
  workerd: "In workerd with nodejs_compat: microseconds of wall time, best / median round (share of node:crypto)",
  start: "Import and first verification in a fresh process, ms, best / median",
};

/** Everything that was measured, as text. */
export function report(figures) {
  const parts = [];
  for (const section of unique(figures.map((one) => one.section))) {
    const own = figures.filter((one) => one.section === section);
    parts.push(`## ${TITLES[section]}`, sectionOf(section, own));
  }
  const rows = bars(figures).map(({ what, figure, bar, unit, reached }) => [
    what,
    `${number(figure)}${unit}`,
    `<= ${bar}${unit}`,
    reached ? "reached" : "MISSED",
  ]);
  if (rows.length > 0) parts.push("## Bars", table(["what", "figure", "bar", ""], rows));
  return parts.join("\n\n");
}

function sectionOf(section, figures) {
  if (section === "break-even") {
    const { rows, from } = breakEven(figures);
    const end = from === null ? "at no size up to the largest" : `from ${from} on`;
    return `${table(["body", "WebAssembly", "native hash", "snippet, us"], rows)}\n\nNative hashing was the quicker one ${end}.`;
  }
  if (section !== "start") return bySize(figures, section === "workerd" ? "wallUs" : "cpuUs");
  return table(
    ["", "wall", "CPU"],
    figures.map(({ name, wallMs, cpuMs }) => [name, both(wallMs), both(cpuMs)]),
  );
}

/** What ours is held to, of what was measured. */
export function bars(figures) {
  const ours = figures.filter(({ name, scheme }) => name.startsWith(OURS) && scheme === MAIN);
  const list = [];
  const add = (what, figure, bar, unit = "") => list.push({ what, figure, bar, unit, reached: figure <= bar });
  for (const one of ours) {
    const size = sizeOf(one.bytes);
    if (one.section === "authentic") {
      add(`accept ${size}, share of the snippet`, shareOf(one, snippetOf(figures, one)), ACCEPT_BARS[one.bytes]);
    } else if (one.section === "wrong digest" || one.section === "changed byte") {
      const accepted = ours.find(({ section, bytes }) => section === "authentic" && bytes === one.bytes);
      if (accepted !== undefined)
        add(`reject ${size}, ${one.section}, share of accept`, shareOf(one, accepted), REJECT_BAR);
    } else if (one.section === "parse") {
      add(`accept and read ${size}, share of snippet and JSON.parse`, shareOf(one, snippetOf(figures, one)), PARSE_BAR);
    } else if (one.section === "workerd" && one.bytes === 500) {
      add(`workerd ${size}, share of node:crypto`, shareOf(one, snippetOf(figures, one), "wallUs"), WORKERD_BAR);
    } else if (one.section === "start") {
      add("import and first verification, wall time", one.wallMs.best, START_BAR_MS, " ms");
    }
  }
  return list;
}
