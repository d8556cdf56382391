// The format `webhook-primitives/1`: algorithms alone. Each becomes a vector of the scheme in which a user declares everything.

const FORMAT = "webhook-primitives/1";
const HEADER = "x-signature";

const KNOWN = {
  file: ["format", "algorithm", "title", "vectors"],
  vector: [
    ...[
      "id",
      "title",
      "origin",
      "source",
      "note",
      "algorithm",
      "message_hex",
      "expect",
      "checked",
      "key_hex",
      "digest_hex",
    ],
    ...["public_key_hex", "public_key_base64", "signature_hex", "seed_hex"],
  ],
};

export function isPrimitives(content) {
  return content?.format === FORMAT;
}

/** The file as one of `webhook-vectors/1`. Throws on anything that it does not know. */
export function ofPrimitives(content) {
  for (const field of strange("file", content)) throw new Error(`unknown field file.${field}`);
  return {
    format: "webhook-vectors/1",
    scheme: "generic-hmac",
    vectors: content.vectors.map((vector) => ofPrimitive(content.algorithm, vector)),
  };
}

function strange(kind, object) {
  return Object.keys(object).filter((field) => !KNOWN[kind].includes(field));
}

function ofPrimitive(algorithm, vector) {
  for (const field of strange("vector", vector)) throw new Error(`unknown field vector.${field}`);
  const { options, secret, signature, signer } = PARTS[algorithm](vector);
  const headers = [[HEADER, signature]];
  return {
    id: vector.id,
    secrets: [secret],
    options: { header: HEADER, encoding: "hex", ...options },
    request: { method: "POST", headers, body_base64: base64Of(vector.message_hex) },
    expect: vector.expect.valid
      ? { valid: true }
      : { valid: false, reasons: ["bad_signature", "malformed_header", "missing_header"] },
    ...(vector.expect.valid && signer !== undefined ? { sign: { secret: signer, headers } } : {}),
  };
}

/** By the algorithm of the file. An unknown one is an exception, which the runner reports. */
const PARTS = {
  hmac: ({ algorithm, key_hex, digest_hex }) => ({
    options: { algorithm, secret_format: "hex" },
    secret: key_hex,
    signature: digest_hex,
    signer: key_hex,
  }),
  ed25519: ({ public_key_hex, signature_hex, seed_hex }) => ({
    options: { algorithm: "ed25519" },
    secret: public_key_hex,
    signature: signature_hex,
    signer: seed_hex,
  }),
  "ecdsa-p256": ({ public_key_base64, signature_hex }) => ({
    options: { algorithm: "ecdsa-p256" },
    secret: public_key_base64,
    signature: signature_hex,
  }),
};

function base64Of(hex) {
  return btoa(String.fromCharCode(...(hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16))));
}
