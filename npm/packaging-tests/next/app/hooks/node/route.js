import { webhookHandler } from "countersign/fetch";

let receive;

export function POST(request) {
  // Made at the first request: `next build` loads this file too, and has no secrets.
  receive ??= webhookHandler({
    provider: "sendemall",
    secrets: process.env.SENDEMALL_SECRET,
    onEvent: (event) => console.log(event.type, event.payload.data?.lead_id),
  });
  return receive(request);
}
