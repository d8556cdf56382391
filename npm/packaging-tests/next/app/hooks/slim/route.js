import { createVerifier } from "countersign/slim";

export const runtime = "edge";

let verifier;

export async function POST(request) {
  verifier ??= createVerifier({ provider: "sendemall", secrets: process.env.SENDEMALL_SECRET });
  const { ok } = verifier.verify({ headers: request.headers, body: await request.arrayBuffer() });
  return new Response(null, { status: ok ? 200 : 401 });
}
