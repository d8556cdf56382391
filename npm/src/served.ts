// The way of a request through node:http, for Express and for servers without a framework.

import type { IncomingMessage, ServerResponse } from "node:http";
import { ABORTED, arrivedAt, bytesLeft, send, streamed, TOO_LARGE } from "./incoming.js";
import type { Receiver } from "./receiver.js";

/** Reads, judges and answers. Rejects for a developer's mistake only. */
export async function serve(
  receiver: Receiver<IncomingMessage>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const arrived = arrivedAt(request, request);
  const early = receiver.before(arrived);
  if (early !== null) return void send(early, request, response);
  const body = bytesLeft(request) ?? (await streamed(request, receiver.bytesMax));
  if (body === TOO_LARGE) return void send(receiver.tooLarge(arrived), request, response);
  if (body === ABORTED) return void send(receiver.aborted(arrived), request, response);
  const { answer, afterwards } = await receiver.receive(arrived, body);
  const sent = send(answer, request, response);
  if (afterwards === null) return;
  await sent;
  await afterwards();
}
