// Figures as text, and how they are compared.

import { SNIPPET } from "./names.mjs";

export const sizeOf = (bytes) => (bytes >= 1024 ? `${bytes / 1024} KB` : `${bytes} B`);
export const number = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
export const both = ({ best, median }) => `${number(best)} / ${number(median)}`;

/** A Markdown table with columns of equal width, which reads as text too. */
export function table(head, rows) {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

export const unique = (list) => [...new Set(list)];

/** The snippet's figure that belongs to this one. */
export const snippetOf = (figures, { section, scheme, bytes }) =>
  figures.find(
    (one) => one.section === section && one.scheme === scheme && one.bytes === bytes && one.name.startsWith(SNIPPET),
  );

/** Best rounds compared. CPU time where it is known. */
export const shareOf = (one, other, unit = "cpuUs") => one[unit].best / other[unit].best;
