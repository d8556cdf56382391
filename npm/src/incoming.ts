// What Express, Fastify and plain Node have in common: requests and responses of node:http and node:http2.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import { bytesOrNull } from "./body.js";
import { bodyAlreadyParsed, bodyAlreadyRead } from "./errors.js";
import type { Arrived } from "./origin.js";
import type { Answer } from "./receiver.js";

/** What middleware leaves on a request. */
interface Leftovers {
  readonly body?: unknown;
  readonly rawBody?: unknown;
  /** Express: the path before a router cut its own part off. */
  readonly originalUrl?: unknown;
}

/** Anything that gives bytes as a Node stream does. */
export type ByteStream = Pick<
  IncomingMessage,
  "on" | "off" | "resume" | "destroyed" | "readableDidRead" | "readableEncoding" | "readableEnded"
>;

export const ABORTED = "aborted";
export const TOO_LARGE = "too_large";
export type BodyRead = Uint8Array | typeof TOO_LARGE | typeof ABORTED;

/** What is seen of a request. */
export function arrivedAt<Request>(incoming: IncomingMessage, request: Request): Arrived<Request> {
  const { headers, method, socket } = incoming;
  const { originalUrl } = incoming as Leftovers;
  const scheme = (socket as Partial<TLSSocket> | null)?.encrypted === true ? "https" : "http";
  const host = headers[":authority"] ?? headers.host ?? "";
  return {
    method,
    headers,
    origin: `${scheme}://${String(host)}`,
    path: typeof originalUrl === "string" ? originalUrl : (incoming.url ?? ""),
    peer: socket?.remoteAddress ?? null,
    request,
  };
}

/** The raw bytes that middleware has kept; `null` when the stream is still to be read. */
export function bytesLeft(incoming: IncomingMessage): Uint8Array | null {
  const { body, rawBody } = incoming as Leftovers;
  const raw = bytesOrNull(rawBody) ?? bytesOrNull(body);
  if (raw !== null) return raw;
  // Express 4 sets `{}` when a parser skipped the body; whether it did shows on the stream.
  if (body === undefined || body === null || isEmptyObject(body)) return null;
  throw bodyAlreadyParsed();
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && !Array.isArray(value) && Object.keys(value as object).length === 0;
}

/** Reads the stream, which nobody has read before, and stops at the limit. */
export function streamed(stream: ByteStream, bytesMax: number): Promise<BodyRead> {
  if (stream.readableDidRead || stream.readableEncoding !== null) {
    throw (stream as Leftovers).body === undefined ? bodyAlreadyRead() : bodyAlreadyParsed();
  }
  if (stream.destroyed) return Promise.resolve(ABORTED);
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const settle = (outcome: BodyRead): void => {
      stream.off("data", onData).off("end", onEnd).off("close", onBroken).off("error", onBroken);
      // An error that comes after the outcome has no reader left, and must not end the process.
      stream.on("error", () => {});
      resolve(outcome);
    };
    const onData = (chunk: Uint8Array): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) settle(TOO_LARGE);
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(joined(chunks, bytes));
    const onBroken = (): void => settle(ABORTED);
    stream.on("data", onData).on("end", onEnd).on("close", onBroken).on("error", onBroken);
  });
}

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The headers of an answer as this connection may carry them: HTTP/2 has no `connection`, and Node throws on it. */
export function headersFor({ headers }: Answer, request: IncomingMessage): Answer["headers"] {
  return request.httpVersionMajor === 1 ? headers : headers.filter(([name]) => name !== "connection");
}

/** Sends an answer. Resolves when it has left, or when there is nobody left to send it to. */
export function send(answer: Answer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // What is left of a body that nobody wants is read and dropped, so that the sender gets to our answer.
  if (!request.readableEnded) request.resume();
  if (response.headersSent || response.destroyed) return Promise.resolve();
  response.statusCode = answer.status;
  for (const [name, value] of headersFor(answer, request)) response.setHeader(name, value);
  const sent = left(response);
  response.end(answer.body);
  return sent;
}

/** Resolves when a response has left, or its connection has ended. */
export function left(response: ServerResponse): Promise<void> {
  // Neither event comes again.
  if (response.destroyed || response.writableFinished) return Promise.resolve();
  return new Promise((resolve) => void response.once("finish", resolve).once("close", resolve));
}
