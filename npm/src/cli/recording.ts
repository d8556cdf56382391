import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import type { Verdict, VerifyRequest } from "countersign";
import type { NormalizedEvent } from "countersign/events";
import { read } from "./request.js";
import { UsageError } from "./usage.js";

/** What every line starts with. */
const BEGINNING = '{"at":';
/** What is looked at in one piece. */
const PIECE_BYTES = 64 * 1024;
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
  /** While a part of a line may stand behind them. */
  #wholeBytes: number | null = null;
  /** What was amiss at the end of a recording that goes on here, in a sentence. */
  readonly amiss: string | null;

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
    // It may have ended inside its first words.
    if (!BEGINNING.startsWith(this.#text(0, Math.min(this.#bytes, BEGINNING.length)))) {
      closeSync(this.#file);
      throw new UsageError(`${path} is there already and is no recording; choose another name.`);
    }
    this.amiss = this.#mended();
  }

  /** Adds a request; returns why it is not recorded, or `null`. */
  add(entry: Entry): string | null {
    const line = Buffer.from(`${JSON.stringify(lineOf(entry))}\n`);
    if (this.#bytes + line.length > this.#bytesMax) {
      return `not recorded: ${this.#path} would be longer than ${this.#bytesMax} bytes (--record-max-bytes)`;
    }
    try {
      this.#append(line);
      this.#bytes += line.length;
      return null;
    } catch (error) {
      return `not recorded: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`;
    }
  }

  /** Adds a line, or nothing of it. */
  #append(line: Buffer): void {
    if (this.#wholeBytes !== null) ftruncateSync(this.#file, this.#wholeBytes);
    // Until the whole line is there. Another receiver may record to the same file.
    this.#wholeBytes = fstatSync(this.#file).size;
    try {
      for (let at = 0; at < line.length; ) at += writeSync(this.#file, line, at);
    } catch (error) {
      // A part of it may be there: the disk is full.
      ftruncateSync(this.#file, this.#wholeBytes);
      this.#wholeBytes = null;
      throw error;
    }
    this.#wholeBytes = null;
  }

  /** Makes the last line a whole one. What a crash or a full disk left of it goes, and that is returned in a sentence. */
  #mended(): string | null {
    const wholeBytes = this.#afterLastLineBreak();
    const cutBytes = this.#bytes - wholeBytes;
    if (cutBytes === 0) return null;
    if (isRecorded(this.#read(wholeBytes, cutBytes).toString("utf8"))) {
      // Whole, as an editor leaves it.
      this.#bytes += writeSync(this.#file, "\n");
      return null;
    }
    ftruncateSync(this.#file, wholeBytes);
    this.#bytes = wholeBytes;
    return `${this.#path} ended inside a line; its last ${cutBytes} bytes, part of a request, were cut off`;
  }

  /** Where the last line begins that has no end. */
  #afterLastLineBreak(): number {
    for (let end = this.#bytes; end > 0; ) {
      const start = Math.max(0, end - PIECE_BYTES);
      const at = this.#read(start, end - start).lastIndexOf("\n");
      if (at !== -1) return start + at + 1;
      end = start;
    }
    return 0;
  }

  #text(at: number, length: number): string {
    return this.#read(at, length).toString("latin1");
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#file, bytes, 0, length, at);
    return bytes;
  }
}

function isRecorded(line: string): boolean {
  try {
    read(Buffer.from(line), "1");
    return true;
  } catch {
    return false;
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
