import type { VerifyRequest } from "countersign";
import { fileOf, split, wholeOf } from "./flags.js";
import { UsageError } from "./usage.js";

/** Where a request comes from. */
export interface RequestFlags {
  readonly line?: string | undefined;
  readonly header?: string[] | undefined;
  readonly "body-file"?: string | undefined;
  readonly method?: string | undefined;
  readonly url?: string | undefined;
}

type Pairs = [name: string, value: string][];

/** Longest request that is read: what the core takes at once. */
const BYTES_MAX = 64 * 1024 * 1024;

/** The request that the flags describe: its parts one by one, or a file with all of it. */
export async function requestOf(flags: RequestFlags, positionals: readonly string[]): Promise<VerifyRequest> {
  const { line, header = [], "body-file": bodyFile, method, url } = flags;
  if (positionals.length > 1) throw new UsageError("One request at a time.");
  if (header.length > 0 || bodyFile !== undefined) {
    if (positionals.length > 0 || line !== undefined) {
      throw new UsageError("Give the request as one FILE, or with --header and --body-file.");
    }
    const headers = header.map((text) => split("--header", text, ":"));
    return { headers, body: await bytesOf(bodyFile), method, url };
  }
  const captured = read(await bytesOf(positionals[0]), line);
  return { ...captured, method: method ?? captured.method, url: url ?? captured.url };
}

/** The bytes of a file, or of standard input. */
export async function bytesOf(file: string | undefined): Promise<Buffer> {
  if (file !== undefined && file !== "-") return fileOf(file);
  if (process.stdin.isTTY) throw new UsageError("Nothing to read: name a file, or send the bytes to standard input.");
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BYTES_MAX) throw new UsageError("Standard input is over 64 MiB; no webhook is.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A captured request: JSON with headers and body, raw HTTP, or a line of a recording, counted from 1. */
export function read(bytes: Buffer, line?: string): VerifyRequest {
  if (line !== undefined) return recorded(bytes, line);
  const value = parsed(bytes.toString("utf8"));
  if (value !== undefined) return fromJson(value);
  const lines = linesOf(bytes).filter((text) => text.trim() !== "");
  if (lines.length > 1 && lines.every(isRequest)) {
    throw new UsageError(`These are ${lines.length} requests, one a line: choose one with --line NUMBER.`);
  }
  return fromHttp(bytes);
}

function recorded(bytes: Buffer, line: string): VerifyRequest {
  const text = linesOf(bytes)[wholeOf("--line", line, 1, Number.MAX_SAFE_INTEGER) - 1];
  if (text === undefined || text.trim() === "") throw new UsageError(`There is no request in line ${line}.`);
  const value = parsed(text);
  if (value === undefined) throw new UsageError(`Line ${line}: this is no JSON.`);
  return fromJson(value);
}

const linesOf = (bytes: Buffer): string[] => bytes.toString("utf8").split("\n");

/** `undefined` for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRequest(text: string): boolean {
  const value = parsed(text);
  return value !== null && typeof value === "object" && "headers" in value;
}

function fromJson(value: unknown): VerifyRequest {
  const captured = value as { [field: string]: unknown } | null;
  if (captured === null || typeof captured !== "object" || !("headers" in captured)) {
    throw new UsageError(
      'This is JSON without "headers". A captured request is { "headers": { ... }, "body": "..." }; a body alone goes with ' +
        "--body-file, and its headers with --header.",
    );
  }
  const { headers, body, bodyBase64, method, url } = captured;
  if (typeof body !== "string" && typeof bodyBase64 !== "string") {
    throw new UsageError(
      '"body" must be the text that arrived, or "bodyBase64" its bytes; parsed JSON no longer verifies.',
    );
  }
  return {
    headers: headers as VerifyRequest["headers"],
    body: typeof body === "string" ? body : Buffer.from(String(bodyBase64), "base64"),
    method: typeof method === "string" ? method : undefined,
    url: typeof url === "string" ? url : undefined,
  };
}

/** Request line, headers, an empty line, and then the body to the last byte. */
function fromHttp(bytes: Buffer): VerifyRequest {
  const { head, body } = parted(bytes);
  const [first = "", ...lines] = head.split(/\r?\n/);
  const line = /^([A-Z]+) (\S+)(?: HTTP\/\d(?:\.\d)?)?$/.exec(first);
  if (line === null) {
    throw new UsageError("This is neither JSON nor raw HTTP, which begins with a line like: POST /hooks HTTP/1.1");
  }
  const headers: Pairs = [];
  for (const text of lines) {
    const at = text.indexOf(":");
    if (at <= 0)
      throw new UsageError("A header line has no name. Between the headers and the body stands an empty line.");
    headers.push([text.slice(0, at), text.slice(at + 1).trim()]);
  }
  const [, method, target = ""] = line;
  const host = headers.find(([name]) => name.toLowerCase() === "host")?.[1];
  const url = /^https?:/.test(target) ? target : host === undefined ? undefined : `https://${host}${target}`;
  return { headers, body, method, url };
}

function parted(bytes: Buffer): { head: string; body: Buffer } {
  const ends = ["\r\n\r\n", "\n\n"].map((end) => ({ at: bytes.indexOf(end), end }));
  const [first] = ends.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at);
  if (first === undefined) return { head: bytes.toString("latin1").trimEnd(), body: Buffer.alloc(0) };
  // Header values are bytes; each becomes one character, as in Node's own servers.
  return { head: bytes.toString("latin1", 0, first.at), body: bytes.subarray(first.at + first.end.length) };
}
