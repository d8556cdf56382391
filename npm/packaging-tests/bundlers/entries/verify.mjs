// A Worker that verifies and does nothing else, with the whole kernel.

import { createVerifier } from "countersign";

let verifier;

export default {
  async fetch(request, env) {
    verifier ??= createVerifier({ provider: "sendemall", secrets: env.SECRET });
    const { ok } = verifier.verify({ headers: request.headers, body: await request.arrayBuffer() });
    return new Response(null, { status: ok ? 200 : 401 });
  },
};
