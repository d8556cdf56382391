// The Worker that measures inside workerd, with Node's modules switched on: one contender a request.

import crypto from "node:crypto";
import { createVerifier } from "countersign";
import { REQUESTS_PER_SIZE, requestsOf } from "./requests.mjs";
import { SECRET } from "./schemes.mjs";

const SCHEME = "sendemall";
const HEADER = "x-sendemall-signature";

/** Requests and keys, made at the first request: a Worker may not compute at its start. */
const requests = new Map();
let contenders;

async function made() {
  const verifier = createVerifier({ provider: SCHEME, secrets: SECRET });
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await globalThis.crypto.subtle.importKey("raw", Buffer.from(SECRET), algorithm, false, ["verify"]);
  return {
    countersign: (headers, body) => verifier.verify({ headers, body }).ok,
    "createHmac snippet": (headers, body) => {
      const signature = headers[HEADER];
      const expected = `sha256=${crypto.createHmac("sha256", SECRET).update(body).digest("hex")}`;
      return crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
    },
    "WebCrypto, cached key": (headers, body) => {
      const signature = Buffer.from(headers[HEADER].slice("sha256=".length), "hex");
      return globalThis.crypto.subtle.verify("HMAC", key, signature, body);
    },
  };
}

export default {
  async fetch(request) {
    contenders ??= await made();
    const { name, kind, bytes, calls, expected } = await request.json();
    const from = `${kind} ${bytes}`;
    if (!requests.has(from)) requests.set(from, requestsOf(kind, SCHEME, bytes));
    const list = requests.get(from);
    const verify = contenders[name];
    const isAsync = verify(list[0].headers, list[0].body) instanceof Promise;
    let wrong = 0;
    const start = performance.now();
    for (let n = 0; n < calls; n += 1) {
      const { headers, body } = list[n % REQUESTS_PER_SIZE];
      const answer = isAsync ? await verify(headers, body) : verify(headers, body);
      if (answer !== expected) wrong += 1;
    }
    return Response.json({ wallUs: ((performance.now() - start) * 1000) / calls, wrong, isAsync });
  },
};
