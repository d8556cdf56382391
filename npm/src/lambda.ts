import type { HeadersLike, Provider } from "countersign";
import { bodyAlreadyParsed, CountersignError } from "./errors.js";
import { headerValue, reusable } from "./headers.js";
import type { AnyOptions, MakeReceiver, ReceiverOptions } from "./options.js";
import type { Arrived } from "./origin.js";
import { type Answer, Receiver } from "./receiver.js";

export type * from "./options.js";

type Texts = { readonly [name: string]: string | undefined };
type TextLists = { readonly [name: string]: readonly string[] | undefined };

/**
 * An HTTP request as Lambda gets it: from API Gateway (REST APIs and payload format 1.0), from HTTP APIs and function URLs (payload format
 * 2.0), and from an Application Load Balancer. The fields that are read, of any of them.
 */
export interface LambdaEvent {
  /** `"2.0"` for HTTP APIs and function URLs. */
  readonly version?: string | undefined;
  readonly httpMethod?: string | undefined;
  readonly path?: string | undefined;
  readonly rawPath?: string | undefined;
  readonly rawQueryString?: string | undefined;
  readonly headers?: Texts | null | undefined;
  readonly multiValueHeaders?: TextLists | null | undefined;
  readonly queryStringParameters?: Texts | null | undefined;
  readonly multiValueQueryStringParameters?: TextLists | null | undefined;
  readonly body?: string | null | undefined;
  readonly isBase64Encoded?: boolean | undefined;
  readonly requestContext?:
    | {
        readonly domainName?: string | undefined;
        readonly path?: string | undefined;
        readonly elb?: unknown;
        readonly http?: { readonly method?: string | undefined; readonly sourceIp?: string | undefined } | undefined;
        readonly identity?: { readonly sourceIp?: string | null | undefined } | undefined;
      }
    | undefined;
}

/** What Lambda sends back, in the form in which the request came. */
export interface LambdaResult {
  readonly statusCode: number;
  readonly statusDescription?: string;
  readonly headers?: { [name: string]: string };
  readonly multiValueHeaders?: { [name: string]: string[] };
  readonly body: string;
  readonly isBase64Encoded: false;
}

/** Settings of the Lambda handler of one provider. */
export type WebhookHandlerOptions<P extends Provider> = ReceiverOptions<P, LambdaEvent>;

/** A Lambda handler. */
export type LambdaHandler = (event: LambdaEvent) => Promise<LambdaResult>;

/** What load balancers want beside the number. */
const REASONS: { readonly [status: number]: string } = {
  200: "200 OK",
  400: "400 Bad Request",
  401: "401 Unauthorized",
  403: "403 Forbidden",
  405: "405 Method Not Allowed",
  413: "413 Payload Too Large",
  500: "500 Internal Server Error",
  503: "503 Service Unavailable",
};

/**
 * Receives webhooks in AWS Lambda. Rejects only for a developer's mistake, such as an event that is no HTTP request.
 *
 * There is no `acknowledge: "before-handler"`: Lambda stops the process when it has the answer. Put the event into a queue.
 */
export const webhookHandler: MakeReceiver<LambdaEvent, LambdaHandler> = (
  options: AnyOptions<LambdaEvent>,
): LambdaHandler => {
  if (options.acknowledge === "before-handler") {
    throw new CountersignError(
      "option_invalid",
      "In Lambda nothing runs after the answer: leave `acknowledge` out, and put slow work into a queue in `onEvent`.",
    );
  }
  const receiver = new Receiver(options, { seesPeer: true });
  return async (event) => resultOf(await answerTo(receiver, event), event);
};

async function answerTo(receiver: Receiver<LambdaEvent>, event: LambdaEvent): Promise<Answer> {
  const arrived = arrivedAs(event);
  const early = receiver.before(arrived);
  if (early !== null) return early;
  const { body, isBase64Encoded } = event;
  if (body !== null && typeof body === "object") throw bodyAlreadyParsed(LAMBDA_FIX);
  const text = body ?? "";
  // Three bytes stand behind four characters, and at least one behind each that is not encoded.
  if ((isBase64Encoded ? (text.length - 2) * 0.75 : text.length) > receiver.bytesMax) return receiver.tooLarge(arrived);
  const bytes = isBase64Encoded ? decoded(text) : new TextEncoder().encode(text);
  if (bytes === null) return receiver.aborted(arrived);
  const { answer } = await receiver.receive(arrived, bytes);
  return answer;
}

const LAMBDA_FIX =
  "Hand the event of API Gateway or of the load balancer to the handler as it is, without a mapping template or a " +
  "middleware that parses event.body.";

function decoded(base64: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

/** What is seen of a request. */
function arrivedAs(event: LambdaEvent): Arrived<LambdaEvent> {
  const { requestContext, httpMethod } = event ?? {};
  const method = requestContext?.http?.method ?? httpMethod;
  if (requestContext === undefined || typeof method !== "string") {
    throw new CountersignError(
      "option_invalid",
      "This event is no HTTP request. Connect the function to API Gateway, a function URL or an Application Load Balancer.",
    );
  }
  const headers: HeadersLike = event.multiValueHeaders ?? event.headers ?? {};
  const host = requestContext.domainName ?? headerValue(reusable(headers), "host") ?? "";
  const path = event.rawPath ?? requestContext.path ?? event.path ?? "";
  // A load balancer does not say who calls; it adds that to X-Forwarded-For, as a proxy does.
  const peer = requestContext.http?.sourceIp ?? requestContext.identity?.sourceIp ?? null;
  return { method, headers, origin: `https://${host}`, path: path + queryOf(event), peer, request: event };
}

/** The query as it was sent. Where API Gateway has decoded it, it is encoded again, which may differ in spelling. */
function queryOf(event: LambdaEvent): string {
  const { rawQueryString, requestContext } = event;
  if (rawQueryString !== undefined) return rawQueryString === "" ? "" : `?${rawQueryString}`;
  const lists = event.multiValueQueryStringParameters ?? event.queryStringParameters ?? {};
  const encode = requestContext?.elb === undefined ? encodeURIComponent : (text: string): string => text;
  const pairs = Object.entries(lists).flatMap(([name, values]) =>
    [values ?? ""].flat().map((value) => `${encode(name)}=${encode(value)}`),
  );
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** The answer in the form of the request: a load balancer that sends lists of headers wants lists back. */
function resultOf({ status, headers, body }: Answer, event: LambdaEvent): LambdaResult {
  const isBalancer = event.requestContext?.elb !== undefined;
  // The connection is the gateway's.
  const own = headers.filter(([name]) => name !== "connection");
  const base = { statusCode: status, body, isBase64Encoded: false } as const;
  const described = isBalancer ? { ...base, statusDescription: REASONS[status] ?? String(status) } : base;
  return isBalancer && event.multiValueHeaders
    ? { ...described, multiValueHeaders: Object.fromEntries(own.map(([name, value]) => [name, [value]])) }
    : { ...described, headers: Object.fromEntries(own) };
}
