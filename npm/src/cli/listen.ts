import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createVerifier, type Verdict, type Verifier, type VerifyRequest } from "countersign";
import { type EventSource, type NormalizedEvent, normalize } from "countersign/events";
import { type Explanation, explain } from "countersign/explain";
import { help, print, warner } from "./commands.js";
import { flag, flagsOf, one, SENDER, type SenderFlags, verifierOptions, wholeOf } from "./flags.js";
import { explained, painter, shown } from "./print.js";
import { Recorder } from "./recording.js";
import { EXIT, UsageError } from "./usage.js";

const DEFAULT_PORT = 3000;
/** 1 MiB, as in the adapters. */
const DEFAULT_BYTES_MAX = 1024 * 1024;
/** Longest body that can be asked for: what the core takes. */
const BYTES_LIMIT = 63 * 1024 * 1024;
/** Longest head of a request. */
const HEAD_BYTES_MAX = 64 * 1024;
/** Length at which a recording ends. */
const DEFAULT_RECORD_BYTES_MAX = 256 * 1024 * 1024;
/** Patience with the program behind `--forward`; senders wait less. */
const FORWARD_MS_MAX = 30_000;
/** Longest answer that is brought back from there. */
const ANSWER_BYTES_MAX = 1024 * 1024;
/** What belongs to one connection, or is made anew. Source: RFC 9110, 7.6.1. */
const NOT_FORWARDED = new Set([
  ...["connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization"],
  ...["proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
]);
const SOURCES: ReadonlySet<string> = new Set<EventSource>([
  ...(["cleanmails", "smartlead", "sendemall", "platform", "resend", "sendgrid", "mailgun"] as const),
]);

/** What became of a request. */
interface Line {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly bytes: number;
  readonly status: number;
  readonly verdict: Verdict | null;
  readonly events: readonly NormalizedEvent[];
  readonly explanation: Explanation | null;
  /** What went wrong besides the signature. */
  readonly problem: string | null;
  /** As text, as far as it is any. */
  readonly body: string;
  /** The bytes, where they are no text. */
  readonly bodyBase64?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | string;
}

const JSON_TYPE = ["content-type", "application/json; charset=utf-8"] as const;
const plain = (status: number, body: string): Answer => ({ status, headers: [JSON_TYPE], body });

/** `countersign listen`: runs until it is interrupted. */
export async function listenCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = flagsOf(args, {
    ...SENDER,
    ...{ port: one, host: one, forward: one, url: one, status: one, record: one, "record-max-bytes": one },
    ...{ "max-bytes": one, tolerance: one, "show-body": flag },
  });
  if (values.help === true) return help("listen");
  if (positionals.length > 0) throw new UsageError("listen takes options only.");
  const port = values.port === undefined ? DEFAULT_PORT : wholeOf("--port", values.port, 0, 65_535);
  const receiver = new LocalReceiver(values, addressOf("--forward", values.forward), addressOf("--url", values.url));
  const server = createServer(
    { maxHeaderSize: HEAD_BYTES_MAX },
    (request, response) => void receiver.handle(request, response),
  );
  const host = values.host ?? "127.0.0.1";
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new UsageError(`Port ${port} of ${host} cannot be listened on: ${(error as NodeJS.ErrnoException).code}.`);
  }
  receiver.began(server.address() as AddressInfo);
  await interrupted();
  server.close();
  server.closeAllConnections();
  receiver.ended();
  return EXIT.valid;
}

/** A full address, as it was given: where it is signed every character counts. */
function addressOf(name: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  throw new UsageError(`${name} must be a full address: http://localhost:8080/hooks`);
}

async function interrupted(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
}

type ListenFlags = SenderFlags & {
  readonly json?: boolean | undefined;
  readonly status?: string | undefined;
  readonly record?: string | undefined;
  readonly "record-max-bytes"?: string | undefined;
  readonly "max-bytes"?: string | undefined;
  readonly "show-body"?: boolean | undefined;
};

/** Takes requests one by one: reads, verifies, forwards or answers, tells. */
class LocalReceiver {
  readonly #flags: ListenFlags;
  readonly #forward: string | null;
  readonly #publicUrl: string | null;
  /** Status of the answer to what verifies. */
  readonly #status: number | null;
  readonly #recorder: Recorder | null;
  readonly #options: ReturnType<typeof verifierOptions>;
  readonly #verifier: Verifier;
  readonly #bytesMax: number;
  readonly #paint = painter(process.stdout);
  #valid = 0;
  #refused = 0;

  constructor(flags: ListenFlags, forward: string | null, publicUrl: string | null) {
    this.#flags = flags;
    this.#forward = forward;
    this.#publicUrl = publicUrl;
    this.#options = verifierOptions(flags, warner(flags));
    this.#verifier = createVerifier(this.#options);
    const { status, record, "max-bytes": bytesMax, "record-max-bytes": recordMax } = flags;
    this.#bytesMax = bytesMax === undefined ? DEFAULT_BYTES_MAX : wholeOf("--max-bytes", bytesMax, 0, BYTES_LIMIT);
    this.#status = status === undefined ? null : wholeOf("--status", status, 200, 599);
    const recordBytesMax =
      recordMax === undefined
        ? DEFAULT_RECORD_BYTES_MAX
        : wholeOf("--record-max-bytes", recordMax, 0, Number.MAX_SAFE_INTEGER);
    this.#recorder = record === undefined ? null : new Recorder(record, recordBytesMax);
  }

  began({ address, port }: AddressInfo): void {
    const url = `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
    const amiss = this.#recorder?.amiss ?? null;
    if (amiss !== null) warner(this.#flags)(amiss);
    if (this.#flags.json === true) print(JSON.stringify({ listening: url, problem: amiss }));
    else print(`listening on ${url}${this.#forward === null ? "" : `, forwarding to ${this.#forward}`}; Ctrl-C stops`);
  }

  ended(): void {
    if (this.#flags.json !== true) print(`stopped: ${this.#valid} valid, ${this.#refused} refused`);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await bodyOf(request, this.#bytesMax);
      const { answer, line } = body === null ? this.#tooLarge(request) : await this.#judged(request, body);
      if (body === null) response.setHeader("connection", "close");
      for (const [name, value] of answer.headers) response.appendHeader(name, value);
      response.writeHead(answer.status).end(answer.body);
      this.#tell(line);
    } catch {
      // The sender is gone, in the middle of its body.
      response.destroy();
    }
  }

  #tooLarge(request: IncomingMessage): { answer: Answer; line: Line } {
    const problem = `the body is over ${this.#bytesMax} bytes`;
    this.#refused += 1;
    return { answer: plain(413, '{"error":"Payload too large"}'), line: lineOf(request, 413, { problem }) };
  }

  async #judged(request: IncomingMessage, body: Buffer): Promise<{ answer: Answer; line: Line }> {
    const asked: VerifyRequest = { headers: pairsOf(request), body, method: request.method, url: this.#urlOf(request) };
    const verdict = this.#verifier.verify(asked);
    const known = { bytes: body.length, ...told(body), verdict };
    const read = verdict.ok ? this.#eventsIn(asked) : { events: [], problem: null };
    const entry = { at: new Date().toISOString(), request: asked, body, verdict, events: read.events };
    const unrecorded = this.#recorder?.add(entry) ?? null;
    if (!verdict.ok) {
      this.#refused += 1;
      const explanation = explain(this.#options, asked);
      const answer = plain(401, this.#verifier.answers.refused ?? '{"error":"Invalid signature"}');
      return { answer, line: lineOf(request, 401, { ...known, explanation, problem: unrecorded }) };
    }
    this.#valid += 1;
    const forwarded = this.#forward === null ? null : await forward(this.#forward, request, body);
    const answer = this.#asked() ?? forwarded?.answer ?? plain(200, this.#accepted());
    const problems = [forwarded?.problem ?? null, unrecorded, read.problem].filter((problem) => problem !== null);
    const problem = problems.length === 0 ? null : problems.join("; ");
    return { answer, line: lineOf(request, answer.status, { ...known, events: read.events, problem }) };
  }

  /** The answer that --status asks for. */
  #asked(): Answer | null {
    const status = this.#status;
    if (status === null) return null;
    return plain(status, status < 300 ? this.#accepted() : '{"error":"Asked for with --status"}');
  }

  #accepted(): string {
    return this.#verifier.answers.accepted ?? '{"received":true}';
  }

  #eventsIn(delivery: VerifyRequest): { events: readonly NormalizedEvent[]; problem: string | null } {
    const source = this.#options.provider ?? this.#options.scheme ?? "";
    if (!SOURCES.has(source)) return { events: [], problem: null };
    const read = normalize(source as EventSource, delivery);
    return read.ok ? { events: read.events, problem: null } : { events: [], problem: read.message };
  }

  #urlOf(request: IncomingMessage): string {
    if (this.#publicUrl !== null) return this.#publicUrl;
    return `http://${request.headers.host ?? "localhost"}${request.url ?? "/"}`;
  }

  #tell(line: Line): void {
    if (this.#flags.json === true) print(JSON.stringify(line));
    else this.#show(line);
  }

  #show(line: Line): void {
    const paint = this.#paint;
    const { at, method, path, bytes, status, verdict, events, explanation, problem } = line;
    const mark = verdict?.ok === true ? paint("green", "valid") : paint("red", verdict?.code ?? "refused");
    print(`${paint("dim", at.slice(11, 19))} ${mark} ${shown(`${method} ${path}`)} ${bytes} B -> ${status}`);
    for (const event of events) print(`  ${paint("bold", shown(event.type))}${shown(about(event))}`);
    if (explanation !== null) for (const text of explained(explanation, paint)) print(`  ${text}`);
    if (problem !== null) print(`  ${paint("yellow", shown(problem))}`);
    if (this.#flags["show-body"] === true && line.body !== "") print(`  ${shown(line.body)}`);
  }
}

/** What one wants to know of an event at a glance. */
function about({ lead, recipients, campaign, occurred_at: at, bounce, url }: NormalizedEvent): string {
  const parts = [
    lead?.email ?? recipients?.[0] ?? (lead?.id === undefined ? undefined : `lead ${lead.id}`),
    campaign?.name ?? (campaign?.id === undefined ? undefined : `campaign ${campaign.id}`),
    bounce?.kind,
    bounce?.reason ?? bounce?.code,
    url,
    at,
  ];
  return parts.map((part) => (part === undefined ? "" : `  ${part}`)).join("");
}

function lineOf(request: IncomingMessage, status: number, more: Partial<Line>): Line {
  return {
    at: new Date().toISOString(),
    method: request.method ?? "",
    path: request.url ?? "",
    bytes: 0,
    status,
    verdict: null,
    events: [],
    explanation: null,
    problem: null,
    body: "",
    ...more,
  };
}

function told(body: Buffer): Pick<Line, "body" | "bodyBase64"> {
  const text = body.toString("utf8");
  return isUtf8(body) ? { body: text } : { body: text, bodyBase64: body.toString("base64") };
}

/** The body; `null` when it is over the limit. Rejects when the sender breaks off. */
function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      // The rest is read and dropped, so that the sender gets to our answer. Node ends requests that take minutes.
      chunks = [];
      resolve(null);
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", reject).on("close", () => reject(new Error("the sender broke off")));
  });
}

/** Every header as it arrived, repeated ones included. */
function pairsOf({ rawHeaders }: IncomingMessage): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) pairs.push([rawHeaders[i] ?? "", rawHeaders[i + 1] ?? ""]);
  return pairs;
}

/** Sends the very bytes on, and brings the answer back. */
async function forward(
  url: string,
  request: IncomingMessage,
  body: Buffer,
): Promise<{ answer: Answer; problem: string | null }> {
  const headers = pairsOf(request).filter(([name]) => !NOT_FORWARDED.has(name.toLowerCase()));
  try {
    const response = await fetch(url, {
      method: request.method ?? "POST",
      headers,
      body: request.method === "GET" || request.method === "HEAD" ? null : new Uint8Array(body),
      redirect: "manual",
      signal: AbortSignal.timeout(FORWARD_MS_MAX),
    });
    const answered = await limited(response);
    // fetch has undone what `content-encoding` says.
    const kept = ([name]: [string, string]) => !NOT_FORWARDED.has(name) && name !== "content-encoding";
    return {
      answer: { status: response.status, headers: [...response.headers].filter(kept), body: answered },
      problem: null,
    };
  } catch (error) {
    const { cause, name } = error as { cause?: { code?: string; message?: string }; name?: string };
    const why =
      name === "TimeoutError"
        ? "it did not answer in 30 seconds"
        : (cause?.code ?? cause?.message ?? "it could not be reached");
    return { answer: plain(502, '{"error":"Forwarding failed"}'), problem: `forwarding failed: ${why}` };
  }
}

/** The first bytes of an answer. */
async function limited(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk.subarray(0, ANSWER_BYTES_MAX - bytes));
    bytes += chunk.length;
    if (bytes >= ANSWER_BYTES_MAX) break;
  }
  return Buffer.concat(chunks);
}
