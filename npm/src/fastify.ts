import type { IncomingMessage, ServerResponse } from "node:http";
import type { Provider } from "countersign";
import { bytesOrNull } from "./body.js";
import { bodyAlreadyParsed } from "./errors.js";
import {
  ABORTED,
  arrivedAt,
  type BodyRead,
  type ByteStream,
  headersFor,
  left,
  streamed,
  TOO_LARGE,
} from "./incoming.js";
import type { AnyOptions, MakeReceiver, ReceiverOptions } from "./options.js";
import { type Answer, Receiver } from "./receiver.js";

export type * from "./options.js";

/** What this package uses of a Fastify request. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly body: unknown;
}

/** What this package uses of a Fastify reply. */
interface FastifyReplyLike {
  readonly raw: ServerResponse;
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

/** A Fastify instance, as far as it can be said without Fastify's own types. */
export interface FastifyLike {
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(...parser: never[]): unknown;
  all(...route: never[]): unknown;
}

/** What this package uses of it. */
interface Scope {
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: unknown, done: (error: null, body?: unknown) => void) => void,
  ): unknown;
  all(path: string, handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>): unknown;
}

/** Settings of the Fastify plugin of one provider. */
export type WebhookOptions<P extends Provider, R extends FastifyRequestLike = FastifyRequestLike> = ReceiverOptions<
  P,
  R
>;

/** A plugin for `register`. */
export type WebhookPlugin = (instance: FastifyLike, options: unknown) => Promise<void>;

/**
 * Receives webhooks in Fastify, as a plugin whose prefix is the path:
 * `app.register(webhook({ … }), { prefix: "/hooks/sendemall" })`.
 *
 * Fastify parses bodies before a handler runs, so the plugin replaces the parsers. It does so in its own scope: your other routes
 * keep theirs. Do not wrap it with `fastify-plugin`, which takes that scope away. A developer's mistake is thrown and goes to
 * Fastify's error handler.
 */
export const webhook: MakeReceiver<FastifyRequestLike, WebhookPlugin> = (
  options: AnyOptions<FastifyRequestLike>,
): WebhookPlugin => {
  const receiver = new Receiver(options, { seesPeer: true });
  return async (instance) => {
    const scope = instance as unknown as Scope;
    scope.removeAllContentTypeParsers();
    // The stream is handed on unread: the limit and its answer are ours.
    scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    scope.all("/", async (request, reply) => serve(receiver, request, reply));
  };
};

async function serve(
  receiver: Receiver<FastifyRequestLike>,
  request: FastifyRequestLike,
  reply: FastifyReplyLike,
): Promise<FastifyReplyLike> {
  const { raw } = request;
  const arrived = arrivedAt(raw, request);
  const early = receiver.before(arrived);
  if (early !== null) return send(early, raw, reply);
  const body = await bodyOf(request, receiver.bytesMax);
  if (body === TOO_LARGE) return send(receiver.tooLarge(arrived), raw, reply);
  if (body === ABORTED) return send(receiver.aborted(arrived), raw, reply);
  const { answer, afterwards } = await receiver.receive(arrived, body);
  if (afterwards !== null) void left(reply.raw).then(afterwards);
  return send(answer, raw, reply);
}

const FASTIFY_FIX =
  "In Fastify register the plugin as it is, without fastify-plugin and without a preParsing or preValidation hook that parses.";

/** Reads what Fastify and its hooks make of the body: the stream, or nothing when there is no body. */
async function bodyOf({ body }: FastifyRequestLike, bytesMax: number): Promise<BodyRead> {
  if (body === null || body === undefined) return new Uint8Array(0);
  const bytes = bytesOrNull(body);
  if (bytes !== null) return bytes;
  if (typeof (body as Partial<ByteStream>).resume === "function") return streamed(body as ByteStream, bytesMax);
  throw bodyAlreadyParsed(FASTIFY_FIX);
}

function send(answer: Answer, raw: IncomingMessage, reply: FastifyReplyLike): FastifyReplyLike {
  // What is left of a body that nobody wants is read and dropped, so that the sender gets to our answer.
  if (!raw.readableEnded) raw.resume();
  reply.code(answer.status);
  for (const [name, value] of headersFor(answer, raw)) reply.header(name, value);
  reply.send(answer.body);
  return reply;
}
