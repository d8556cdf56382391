// How the senders sign, with node:crypto: requests are made with this and never with what is measured.

import { createHmac } from "node:crypto";

/** The secret of every scheme that takes any text, and the one of those that decode base64. */
export const SECRET = "whsec_7Qe2vLkXp0RtY4mZb9NcAw8s";
export const BASE64_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
export const BASE64_KEY = Buffer.from(BASE64_SECRET.slice("whsec_".length), "base64");

const ID = "msg_2mVbT7cQzR0uYx4KfHnEwLpA9sd";

/** The signature headers of a scheme, lower case. `timestamp` is in unix seconds or any text; not every scheme signs it. */
const SIGNERS = {
  sendemall: (body) => ({ "x-sendemall-signature": `sha256=${hex(SECRET, body)}` }),
  github: (body) => ({ "x-hub-signature-256": `sha256=${hex(SECRET, body)}` }),
  "standard-webhooks": (body, timestamp) => standard("webhook", body, timestamp),
  svix: (body, timestamp) => standard("svix", body, timestamp),
  cleanmails: (body) => ({ "x-webhook-signature": `sha256=${hex(SECRET, body)}` }),
  smartlead: (body) => ({ "x-smartlead-signature": hex(SECRET, body) }),
  platform: (body) => ({ "x-webhook-signature": hex(SECRET, body) }),
  stripe: (body, timestamp) => ({
    "stripe-signature": `t=${timestamp},v1=${hex(SECRET, `${timestamp}.`, body)}`,
  }),
};

/** Which header carries the signature, and what stands before it. */
export const CARRIERS = {
  sendemall: { header: "x-sendemall-signature", prefix: "sha256=", encoding: "hex" },
  github: { header: "x-hub-signature-256", prefix: "sha256=", encoding: "hex" },
  "standard-webhooks": {
    header: "webhook-signature",
    prefix: "v1,",
    encoding: "base64",
    timestamp: "webhook-timestamp",
  },
  cleanmails: { header: "x-webhook-signature", prefix: "sha256=", encoding: "hex" },
  smartlead: { header: "x-smartlead-signature", prefix: "", encoding: "hex" },
  platform: { header: "x-webhook-signature", prefix: "", encoding: "hex" },
  svix: { header: "svix-signature", prefix: "v1,", encoding: "base64", timestamp: "svix-timestamp" },
  stripe: { header: "stripe-signature", prefix: "v1=", encoding: "hex", timestamp: "stripe-signature" },
};

export const nowS = () => Math.floor(Date.now() / 1000);

export const signatureHeaders = (scheme, body, timestamp = nowS()) => SIGNERS[scheme](body, timestamp);

function standard(family, body, timestamp) {
  const mac = createHmac("sha256", BASE64_KEY).update(`${ID}.${timestamp}.`).update(body).digest("base64");
  return { [`${family}-id`]: ID, [`${family}-timestamp`]: String(timestamp), [`${family}-signature`]: `v1,${mac}` };
}

function hex(key, ...parts) {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest("hex");
}
