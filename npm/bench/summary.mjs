// The short form for README.md: written between marks there, so that the figures are those of a run.

import { OURS, SNIPPET } from "./names.mjs";
import { breakEven } from "./report.mjs";
import { number, sizeOf, unique } from "./table.mjs";

const SCHEMES = {
  sendemall: "SendEmAll",
  github: "GitHub",
  "standard-webhooks": "Standard Webhooks",
  svix: "Svix",
  stripe: "Stripe",
};

const row = (cells) => `| ${cells.join(" | ")} |`;
const markdown = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

const code = (name) => (/^[@a-z/-]+$/.test(name) ? `\`${name}\`` : name);

/** Microseconds to accept. The snippets of other schemes than the main one would say the same again, so they are left out. */
function accepting(figures) {
  const own = figures.filter(({ section }) => section === "authentic");
  const sizes = unique(own.map(({ bytes }) => bytes));
  const rows = [];
  for (const [scheme, label] of Object.entries(SCHEMES)) {
    const names = unique(own.filter((one) => one.scheme === scheme).map(({ name }) => name));
    for (const name of names.filter((name) => name !== SNIPPET || scheme === "sendemall")) {
      const cells = sizes.map((bytes) =>
        own.find((one) => one.scheme === scheme && one.name === name && one.bytes === bytes),
      );
      rows.push([name === OURS ? label : "", code(name), ...cells.map(({ cpuUs }) => number(cpuUs.best))]);
    }
  }
  return markdown(["scheme", "microseconds to accept", ...sizes.map(sizeOf)], rows);
}

/** What else is measured, ours beside the snippet. */
function besides(figures) {
  const pair = (section, bytes, unit) =>
    [OURS, SNIPPET].map((who) => {
      const one = figures.find(
        ({ section: its, bytes: size, scheme, name }) =>
          its === section && size === bytes && scheme === "sendemall" && name.startsWith(who),
      );
      return `${number(one[unit].best)} ${unit.endsWith("Us") ? "us" : "ms"}`;
    });
  return markdown(
    ["500 B of SendEmAll", code(OURS), SNIPPET],
    [
      ["refuse a changed body", ...pair("changed byte", 500, "cpuUs")],
      ["accept and read: `parse`, `JSON.parse`", ...pair("parse", 500, "cpuUs")],
      ["accept in workerd, wall time", ...pair("workerd", 500, "wallUs")],
      ["import and accept in a fresh process, wall time", ...pair("start", 500, "wallMs")],
    ],
  );
}

function starting(figures) {
  const others = figures.filter(({ section, name }) => section === "start" && name !== OURS && name !== SNIPPET);
  const each = others.map(({ name, wallMs }) => `${code(name)} ${number(wallMs.best)}`);
  return `The last line for the others, in ms: ${each.join(", ")}.`;
}

/** The blocks of the README, by name. */
export function summary(figures, { node, cpu, cpus }, rounds) {
  const { rows, from } = breakEven(figures.filter(({ section }) => section === "break-even"));
  const where = `Node ${node.slice(1)}, ${cpus} x ${cpu}, ${rounds} rounds.`;
  const hashing = markdown(
    ["body", "WebAssembly", "native hash"],
    rows.map((cells) => cells.slice(0, 3)),
  );
  const end = from === null ? "" : ` Native hashing was the quicker one from ${from} on.`;
  return {
    speed: [accepting(figures), besides(figures), `${starting(figures)} ${where}`].join("\n\n"),
    hashing: `${hashing}\n\n${where}${end}`,
  };
}

/** `text` with these blocks between their marks. */
export function withBlocks(text, blocks) {
  let changed = text;
  for (const [name, block] of Object.entries(blocks)) {
    const begin = `<!-- ${name}: written by cargo xtask bench verify --readme -->\n`;
    const [before, rest, more] = changed.split(begin);
    const end = rest?.indexOf("<!-- end -->") ?? -1;
    if (end < 0 || more !== undefined)
      throw new Error(`README.md has not one pair of marks around its block "${name}"`);
    changed = `${before}${begin}${block}\n${rest.slice(end)}`;
  }
  return changed;
}
