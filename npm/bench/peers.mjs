// The packages that others verify and sign with, each called as its users call it. Run from here, because here they are installed;
// test/peers.test.mjs holds the binary to them.

import { sign as octokitSign, verify as octokitVerify } from "@octokit/webhooks-methods";
import * as standardwebhooks from "standardwebhooks";
import Stripe from "stripe";
import * as svix from "svix";

/** `false` for the errors by which a package refuses. */
function refusing(Refusal, verify) {
  try {
    verify();
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** The two packages of Standard Webhooks: one interface, one format, other names of headers. */
const standard = ({ Webhook, WebhookVerificationError }, family) => ({
  verify: (secret, headers, body) =>
    refusing(WebhookVerificationError, () => new Webhook(secret).verify(body, headers)),
  sign: (secret, body, { id, at }) => ({
    [`${family}-id`]: id,
    [`${family}-timestamp`]: String(Math.floor(at.getTime() / 1000)),
    [`${family}-signature`]: new Webhook(secret).sign(id, at, body),
  }),
});

/**
 * By the name of the package: the scheme that it speaks; `verify(secret, headers, body)`, at once or as a promise; and
 * `sign(secret, body, { id, at })`, which gives the headers that its sender would send. Bodies are text.
 */
export const PEERS = {
  svix: { scheme: "svix", ...standard(svix, "svix") },
  standardwebhooks: { scheme: "standard-webhooks", ...standard(standardwebhooks, "webhook") },
  stripe: {
    scheme: "stripe",
    verify: (secret, headers, body) =>
      refusing(Stripe.errors.StripeSignatureVerificationError, () =>
        Stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret),
      ),
    sign: (secret, body, { at }) => ({
      "stripe-signature": Stripe.webhooks.generateTestHeaderString({
        payload: body,
        secret,
        timestamp: Math.floor(at.getTime() / 1000),
      }),
    }),
  },
  "@octokit/webhooks-methods": {
    scheme: "github",
    verify: (secret, headers, body) => octokitVerify(secret, body, headers["x-hub-signature-256"]),
    sign: async (secret, body) => ({ "x-hub-signature-256": await octokitSign(secret, body) }),
  },
};
