import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import type { Verdict, VerifyRequest } from "countersign";
import type { NormalizedEvent } from "countersign/events";
import { UsageError } from "./usage.js";

/** What every line starts with. */
const BEGINNING = '{"at":';
/** What of a body is shown as text: everything but control characters, line breaks and tabs apart. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const ODD = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What becomes a line. */
export interface Entry {
  readonly at: string;
  readonly request: VerifyRequest;
  readonly body: Buffer;
  readonly verdict: Verdict;
  readonly events: readonly NormalizedEvent[];
}

/** Writes a recording up to a limit: one request a line, as JSON, with the exact bytes. The binary reads and writes the same. */
export class Recorder {
  readonly #file: number;
  readonly #path: string;
  readonly #bytesMax: number;
  #bytes: number;

  /** Goes on with the recording of this name, or begins it. Only its owner can read it. */
  constructor(path: string, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    try {
      this.#file = openSync(path, "a+", 0o600);
      this.#bytes = fstatSync(this.#file).size;
    } catch (error) {
      throw new UsageError(
        `${path} cannot be recorded to: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}.`,
      );
    }
    if (this.#bytes === 0) return;
    if (this.#text(0, BEGINNING.length) !== BEGINNING) {
      closeSync(this.#file);
      throw new UsageError(`${path} is there already and is no recording; choose another name.`);
    }
    // A line that was cut off by a crash.
    if (this.#text(this.#bytes - 1, 1) !== "\n") this.#bytes += writeSync(this.#file, "\n");
  }

  /** Adds a request; returns why it is not recorded, or `null`. */
  add(entry: Entry): string | null {
    const line = Buffer.from(`${JSON.stringify(lineOf(entry))}\n`);
    if (this.#bytes + line.length > this.#bytesMax) {
      return `not recorded: ${this.#path} would be longer than ${this.#bytesMax} bytes (--record-max-bytes)`;
    }
    try {
      this.#bytes += writeSync(this.#file, line);
      return null;
    } catch (error) {
      return `not recorded: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`;
    }
  }

  #text(at: number, length: number): string {
    const bytes = Buffer.alloc(length);
    readSync(this.#file, bytes, 0, length, at);
    return bytes.toString("latin1");
  }
}

function lineOf({ at, request, body, verdict, events }: Entry): unknown {
  const text = textOf(body);
  return {
    at,
    method: request.method,
    url: request.url,
    headers: request.headers,
    ...(text === null ? { bodyBase64: body.toString("base64") } : { body: text }),
    verdict: verdict.ok ? "valid" : verdict.code,
    events: events.map(({ type }) => type),
  };
}

/** The body as text that people can read, and that gives back its very bytes. */
function textOf(body: Buffer): string | null {
  try {
    const text = decoder.decode(body);
    return ODD.test(text) ? null : text;
  } catch {
    return null;
  }
}
