// Compiled, never run: what the types promise to users. `@ts-expect-error` lines must be errors.

import {
  type CountersignError,
  coreHash,
  createVerifier,
  type ErrorCode,
  type EventOf,
  parse,
  type RejectionCode,
  type Verifier,
  version,
  type WebhookEvent,
} from "countersign";
import { idempotencyKey, type NormalizedEvent, normalize, orderingKey, render } from "countersign/events";
import { type Cause, explain } from "countersign/explain";
import { webhook } from "countersign/express";
import { webhookHandler } from "countersign/fetch";
import { initEvents, initExplain, initKernel, initToolkit } from "countersign/init";
import { sign } from "countersign/testing";
import express from "express";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const sure = <T extends true>(): T | undefined => undefined;

const verifier: Verifier = createVerifier({ provider: "cleanmails", secrets: ["a", "b"], tolerance: null });
createVerifier({ scheme: "a-scheme-of-tomorrow", secrets: "a" });
createVerifier({ provider: "smartlead", secrets: "a", header: process.env["HEADER"] });
// @ts-expect-error: secrets are required
createVerifier({ provider: "cleanmails" });
// @ts-expect-error: no such provider
createVerifier({ provider: "nobody", secrets: "a" });
// @ts-expect-error: an environment variable may be unset
createVerifier({ provider: "cleanmails", secrets: process.env["SECRET"] });
// @ts-expect-error: no such format
createVerifier({ provider: "cleanmails", secrets: "a", secretFormat: "base32" });

const verdict = verifier.verify({ headers: new Headers(), body: new Uint8Array(0) });
verifier.verify({ headers: { a: "b", c: ["d"], e: undefined }, body: Buffer.alloc(0) });
verifier.verify({ headers: [["a", "b"]], body: "text" });
verifier.verify({ headers: new Map([["a", "b"]]), body: new DataView(new ArrayBuffer(0)) });
// @ts-expect-error: a parsed body
verifier.verify({ headers: {}, body: { event: "email.sent" } });
// @ts-expect-error: no body
verifier.verify({ headers: {}, body: undefined });
if (verdict.ok) {
  const index: number = verdict.secretIndex;
  const timestamp: number | null = verdict.timestamp;
  // @ts-expect-error: there is no code
  verdict.code;
  void [index, timestamp];
} else {
  sure<Same<typeof verdict.code, RejectionCode>>();
  // @ts-expect-error: nothing was proved
  verdict.covers;
}
// @ts-expect-error: verdicts are not changed
verdict.ok = true;

const code = (error: CountersignError): ErrorCode => error.code;
const texts: string[] = [version, coreHash];

const parsed = parse("sendemall", "{}");
if (parsed.ok) {
  const { event } = parsed;
  sure<Same<typeof event.provider, "sendemall">>();
  if (event.known) {
    switch (event.type) {
      case "email.replied": {
        sure<Same<typeof event.payload.event, "email.replied">>();
        const sentiment: string | null | undefined = event.payload.data.reply_sentiment;
        const own: unknown = event.payload.data["a_new_field"];
        void [sentiment, own];
        break;
      }
      case "email.bounced":
        // @ts-expect-error: a field of another event is unknown
        event.payload.data.reply_preview?.length;
        break;
      // @ts-expect-error: SendEmAll has no such event
      case "EMAIL_SENT":
        break;
      default:
    }
  } else {
    const type: string = event.type;
    const field: unknown = event.payload["anything"];
    void [type, field];
  }
} else {
  sure<Same<typeof parsed.path, string>>();
}
// @ts-expect-error: no such provider
parse("nobody", "{}");

function every(event: WebhookEvent): string {
  if (event.provider === "smartlead" && event.known && event.type === "EMAIL_REPLIED") {
    return event.payload.reply?.body ?? event.payload.lead?.email ?? String(event.payload.lead_id);
  }
  if (event.provider === "platform" && event.known && event.type === "email.click") return event.payload.url ?? "";
  return event.type;
}

const app = express();
app.post(
  "/hooks",
  webhook({
    provider: "cleanmails",
    secrets: "a",
    async onEvent(event, { request, messageId, verdict, body }) {
      sure<Same<typeof event, EventOf<"cleanmails">>>();
      const url: string | undefined = request.url;
      const id: string | null = messageId;
      const bytes: number = body.byteLength;
      void [url, id, bytes, verdict.covers];
    },
    onReject: ({ status, code: why }) => console.log(status, why),
  }),
);
// @ts-expect-error: onEvent is required
webhook({ provider: "cleanmails", secrets: "a" });
// @ts-expect-error: no such moment
webhook({ provider: "cleanmails", secrets: "a", onEvent() {}, acknowledge: "never" });

const handler = webhookHandler({
  provider: "platform",
  secrets: "a",
  acknowledge: "before-handler",
  onEvent: (event, { request }) => void [every(event), request.headers],
});
const answer: Promise<Response> = handler(new Request("https://a.example"), { waitUntil: () => {} });

const headers: [string, string][] = sign({ provider: "platform", secret: "a", body: "{}", timestamp: 1 });
const init: ((module: WebAssembly.Module) => void)[] = [initEvents, initExplain, initKernel, initToolkit];
void [code, texts, answer, headers, init];

const explanation = explain(
  { provider: "cleanmails", secrets: "a", otherEndpoints: { b: "c" } },
  { headers: {}, body: "" },
);
if (explanation.verdict.ok) {
  const index: number = explanation.verdict.secretIndex;
  void index;
} else {
  sure<Same<typeof explanation.verdict.ok, false>>();
}
for (const finding of explanation.findings) {
  sure<Same<typeof finding.code, Cause>>();
  sure<Same<typeof finding.confidence, "certain" | "likely">>();
  // @ts-expect-error: findings are not changed
  finding.fix = "";
}
// @ts-expect-error: secrets are required
explain({ provider: "cleanmails" }, { headers: {}, body: "" });
// @ts-expect-error: no body
explain({ provider: "cleanmails", secrets: "a" }, { headers: {} });

const read = normalize("sendgrid", { body: "[]", headers: new Headers() });
if (read.ok) {
  for (const event of read.events) {
    sure<Same<typeof event, NormalizedEvent>>();
    if (event.type === "email.bounced" && event.bounce?.kind === "hard") void event.recipients?.[0];
    const rendered = render(event, "smartlead");
    const body: string = rendered.ok ? rendered.body : rendered.path;
    const key: string | null = idempotencyKey(event, "fields");
    const { order }: { order: number | null } = orderingKey(event, "lead");
    void [body, key, order];
    // @ts-expect-error: absent where the source says nothing
    event.lead.id;
    // @ts-expect-error: Resend's deliveries are only read
    render(event, "resend");
    // @ts-expect-error: no such policy
    idempotencyKey(event, "best");
  }
} else {
  sure<Same<typeof read.path, string>>();
}
// @ts-expect-error: no such source
normalize("nobody", { body: "" });
