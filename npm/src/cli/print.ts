import { styleText } from "node:util";
import type { Explanation } from "countersign/explain";

type Colour = "green" | "red" | "yellow" | "dim" | "bold";

/** Colours for a terminal, and plain text for everything else. */
export function painter(stream: { readonly isTTY?: boolean }): (colour: Colour, text: string) => string {
  const colours = stream.isTTY === true && !process.env["NO_COLOR"];
  return (colour, text) => (colours ? styleText(colour, text) : text);
}

export type Paint = ReturnType<typeof painter>;

/** Text of a stranger's: control characters, which could steer a terminal, become visible. */
export function shown(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** An explanation in lines. */
export function explained({ findings, complete }: Explanation, paint: Paint): string[] {
  if (findings.length === 0) {
    const nothing = "No known mistake explains it: the secret is another one, or the body was changed beyond repair.";
    return complete ? [nothing] : [nothing, "Not everything was tried: the body is very large."];
  }
  return findings.flatMap(({ code, confidence, message, fix }) => [
    `${paint(confidence === "certain" ? "bold" : "dim", confidence)}: ${shown(message)} ${paint("dim", `(${code})`)}`,
    `  ${paint("green", "fix")}: ${shown(fix)}`,
  ]);
}

/** A text for a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
