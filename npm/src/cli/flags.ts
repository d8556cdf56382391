import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Provider, SchemeOptions, VerifierOptions } from "countersign";
import { UsageError } from "./usage.js";

const one = { type: "string" } as const;
const many = { type: "string", multiple: true } as const;
const flag = { type: "boolean" } as const;

/** Who sends, with which secret. */
export const SENDER = {
  provider: { ...one, short: "p" },
  scheme: one,
  option: many,
  secret: many,
  "secret-file": many,
  "secret-env": many,
  json: flag,
  help: { ...flag, short: "h" },
} as const;

/** The request, and the clock to judge it by. */
export const REQUEST = {
  line: one,
  header: { ...many, short: "H" },
  "body-file": one,
  method: one,
  url: one,
  tolerance: one,
  now: one,
} as const;

export { flag, many, one };

type Definitions = { readonly [name: string]: { readonly type: "string" | "boolean"; readonly multiple?: boolean } };

/** What was given, by name. */
type Values<T extends Definitions> = {
  readonly [Name in keyof T]?: T[Name] extends { type: "boolean" }
    ? boolean
    : T[Name] extends { multiple: true }
      ? string[]
      : string;
};

/** Reads the command line; a mistake in it is a {@link UsageError}. */
export function flagsOf<const T extends Definitions>(
  args: readonly string[],
  options: T,
): { readonly values: Values<T>; readonly positionals: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { values: values as Values<T>, positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** What {@link SENDER} brings. */
export interface SenderFlags {
  readonly provider?: string | undefined;
  readonly scheme?: string | undefined;
  readonly option?: string[] | undefined;
  readonly secret?: string[] | undefined;
  readonly "secret-file"?: string[] | undefined;
  readonly "secret-env"?: string[] | undefined;
  readonly tolerance?: string | undefined;
  readonly now?: string | undefined;
}

/** The options of a verifier, from flags. `warn` is told of what is unwise. */
export function verifierOptions(flags: SenderFlags, warn: (text: string) => void): VerifierOptions {
  const { provider } = flags;
  // A host's events that are no provider's.
  const own = provider === "standard" || provider === "countersign" ? "standard-webhooks" : undefined;
  const scheme = flags.scheme ?? own;
  if (provider === undefined && scheme === undefined) {
    throw new UsageError("Name the sender: --provider cleanmails, or --scheme stripe.");
  }
  const now = flags.now === undefined ? undefined : numberOf("--now", flags.now);
  return {
    provider: provider as Provider | undefined,
    scheme,
    secrets: secretsOf(flags, warn),
    tolerance: toleranceOf(flags.tolerance),
    now: now === undefined ? undefined : () => now,
    ...settingsOf(flags.option ?? []),
  };
}

function secretsOf(flags: SenderFlags, warn: (text: string) => void): string[] {
  const { secret = [], "secret-file": files = [], "secret-env": names = [] } = flags;
  if (secret.length > 0) {
    warn("a secret on the command line is seen by other programs and kept by the shell; --secret-file is safer.");
  }
  const none = secret.length + files.length + names.length === 0;
  const variables = none ? ["COUNTERSIGN_SECRET"] : names;
  return [...files.map(secretIn), ...variables.map((name) => variable(name, none)), ...secret];
}

/** The text of a file without a line break at its end, which editors add. */
export function secretIn(file: string): string {
  return fileOf(file)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

function variable(name: string, isDefault: boolean): string {
  const value = process.env[name];
  if (value !== undefined && value !== "") return value;
  throw new UsageError(
    isDefault
      ? "No secret was given. Use --secret-file FILE, or set COUNTERSIGN_SECRET."
      : `The environment variable ${name} is not set.`,
  );
}

export function fileOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}.`);
  }
}

export function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new UsageError(`${name} must be a number, not below 0.`);
}

function toleranceOf(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  return text === "off" ? null : wholeOf("--tolerance", text, 0, 0xffff_ffff);
}

/** A whole number in a range. */
export function wholeOf(name: string, text: string, least: number, most: number): number {
  const value = numberOf(name, text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${name} must be a whole number from ${least} to ${most}.`);
}

const SETTINGS: { readonly [Name in keyof Required<SchemeOptions>]: true } = {
  header: true,
  algorithm: true,
  encoding: true,
  prefix: true,
  separator: true,
  template: true,
  timestampHeader: true,
  timestampUnit: true,
  idHeader: true,
  secretFormat: true,
  mode: true,
  signatureVersion: true,
  version: true,
  bodyFormat: true,
  escapeUnicode: true,
};

function settingsOf(pairs: readonly string[]): SchemeOptions {
  const settings: Record<string, string | boolean> = {};
  for (const pair of pairs) {
    const [given, value] = split("--option", pair, "=");
    // The core's spelling, timestamp_header, is that of the binary's command line.
    const name = given.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (!Object.hasOwn(SETTINGS, name)) {
      throw new UsageError(`There is no setting ${given}. Settings are: ${Object.keys(SETTINGS).join(", ")}.`);
    }
    settings[name] = name === "escapeUnicode" ? flagIn(name, value) : value;
  }
  return settings;
}

function flagIn(name: string, value: string): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw new UsageError(`The setting ${name} is true or false.`);
}

/** The two sides of `NAME=VALUE` or `NAME: VALUE`. */
export function split(flagName: string, text: string, sign: "=" | ":"): [name: string, value: string] {
  const at = text.indexOf(sign);
  if (at <= 0) throw new UsageError(`${flagName} takes NAME${sign === "=" ? "=" : ": "}VALUE.`);
  return [text.slice(0, at).trim(), sign === ":" ? text.slice(at + 1).trim() : text.slice(at + 1)];
}
