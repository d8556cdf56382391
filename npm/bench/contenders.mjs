// Who is compared. `verify(headers, body)` says whether the request is authentic, at once or as a promise. An error that the
// package documents as its refusal counts as "no"; any other error goes through.

import crypto, { webcrypto } from "node:crypto";
import { verify as octokit } from "@octokit/webhooks-methods";
import { createVerifier } from "countersign";
import * as standardwebhooks from "standardwebhooks";
import Stripe from "stripe";
import * as svix from "svix";
import { OURS, SNIPPET } from "./names.mjs";
import { BASE64_KEY, BASE64_SECRET, CARRIERS, SECRET } from "./schemes.mjs";

/** Ours, made as a user makes it; `options` for what is measured beside the default. */
export function ours(scheme, options = {}) {
  const secrets = CARRIERS[scheme].encoding === "base64" ? BASE64_SECRET : SECRET;
  const verifier = createVerifier({ scheme, secrets, ...options });
  return (headers, body) => verifier.verify({ headers, body }).ok;
}

/** What the providers' documents print, by scheme. Some print steps in words; there the same calls carry them out. */
const SNIPPETS = {
  sendemall: hexSnippet("x-sendemall-signature"),
  github: hexSnippet("x-hub-signature-256"),
  "standard-webhooks": standardSnippet("webhook"),
  svix: standardSnippet("svix"),
  stripe: (headers, body) => {
    const fields = headers["stripe-signature"].split(",").map((field) => field.split("="));
    const [, timestamp] = fields.find(([name]) => name === "t");
    const expected = crypto.createHmac("sha256", SECRET).update(`${timestamp}.${body}`).digest("hex");
    return fields.some(
      ([name, value]) => name === "v1" && crypto.timingSafeEqual(Buffer.from(value), Buffer.from(expected)),
    );
  },
};

function hexSnippet(header) {
  return (headers, body) => {
    const signature = headers[header];
    const expected = `sha256=${crypto.createHmac("sha256", SECRET).update(body).digest("hex")}`;
    return crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
  };
}

function standardSnippet(family) {
  return (headers, body) => {
    const content = `${headers[`${family}-id`]}.${headers[`${family}-timestamp`]}.${body}`;
    const expected = crypto.createHmac("sha256", BASE64_KEY).update(content).digest("base64");
    return headers[`${family}-signature`]
      .split(" ")
      .some((part) => crypto.timingSafeEqual(Buffer.from(part.split(",")[1]), Buffer.from(expected)));
  };
}

/** WebCrypto with a key that is imported once. */
async function subtle() {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await webcrypto.subtle.importKey("raw", Buffer.from(SECRET), algorithm, false, ["verify"]);
  return (headers, body) => {
    const signature = Buffer.from(headers["x-sendemall-signature"].slice("sha256=".length), "hex");
    return webcrypto.subtle.verify("HMAC", key, signature, body);
  };
}

/** `false` for the errors of this class. */
const refusing = (Refusal, verify) => (headers, body) => {
  try {
    verify(headers, body);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
};

/** The packages, each on its own scheme, called so that it verifies and does not also parse. */
const PEERS = {
  sendemall: async () => ({ name: "WebCrypto, cached key", verify: await subtle() }),
  github: () => ({
    name: "@octokit/webhooks-methods",
    // It takes text only.
    verify: (headers, body) => octokit(SECRET, body.toString(), headers["x-hub-signature-256"]),
    verifyAsIs: (headers, body) => octokit(SECRET, body, headers["x-hub-signature-256"]),
  }),
  "standard-webhooks": () => {
    const webhook = new standardwebhooks.Webhook(BASE64_SECRET);
    return {
      name: "standardwebhooks",
      verify: refusing(standardwebhooks.WebhookVerificationError, (headers, body) =>
        webhook.verify(body, headers, { jsonParse: false }),
      ),
    };
  },
  svix: () => {
    const webhook = new svix.Webhook(BASE64_SECRET);
    return {
      name: "svix",
      verify: refusing(svix.WebhookVerificationError, (headers, body) => webhook.verify(body, headers)),
    };
  },
  stripe: () => ({
    name: "stripe",
    verify: refusing(Stripe.errors.StripeSignatureVerificationError, (headers, body) =>
      Stripe.webhooks.signature.verifyHeader(body, headers["stripe-signature"], SECRET),
    ),
  }),
};

/** The schemes that are compared, each with the package that knows it. */
export const SCHEMES = Object.keys(PEERS);

export const snippet = (scheme) => SNIPPETS[scheme];

/** Ours, the snippet and the package that knows the scheme. */
export async function contendersOf(scheme) {
  return [{ name: OURS, verify: ours(scheme) }, { name: SNIPPET, verify: snippet(scheme) }, await PEERS[scheme]()];
}
