// The project's inbound samples with the snapshots of what the core makes of them, and a delivery of each of the four.

import { readdirSync, readFileSync } from "node:fs";
import { PROJECT } from "../../scripts/paths.mjs";
import { payload } from "../support.mjs";

const FOLDER = `${PROJECT}tests/inbound/`;
const read = (file) => JSON.parse(readFileSync(FOLDER + file, "utf8"));

/** `{ source, file, headers, body, events }`, the body in base64. */
export const INBOUND = ["resend", "sendgrid", "mailgun"].flatMap((source) =>
  readdirSync(FOLDER + source)
    .sort()
    .map((file) => {
      const { request } = read(`${source}/${file}`);
      const body = Buffer.from(request.body).toString("base64");
      return { source, file, headers: request.headers, body, events: read(`snapshots/${source}/${file}`) };
    }),
);

/** `{ source, headers, body }`. */
export const OUTBOUND = ["cleanmails", "smartlead", "sendemall", "platform"].map((source) => ({
  source,
  headers: [["X-Request-Id", "r1"]],
  body: payload(source).toString("base64"),
}));
