// A Worker that verifies and does nothing else, with the smaller kernel.

import { createVerifier } from "countersign/slim";

let verifier;

export default {
  async fetch(request, env) {
    verifier ??= createVerifier({ provider: "sendemall", secrets: env.SECRET });
    const { ok } = verifier.verify({ headers: request.headers, body: await request.arrayBuffer() });
    return new Response(null, { status: ok ? 200 : 401 });
  },
};
