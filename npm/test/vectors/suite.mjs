// Runs signature vectors (formats `webhook-vectors/1` and `webhook-primitives/1`) against one copy of the package. Pure: no
// files, no network, no Node; so that the same code runs in every runtime. The runners beside it only load and print.

import { isPrimitives, ofPrimitives } from "./primitives.mjs";

const FORMAT = "webhook-vectors/1";

/** Fields that this suite understands. A field it does not know may change the verdict, so it is an error. */
const KNOWN = {
  file: ["format", "scheme", "title", "spec", "vectors"],
  vector: [
    ...["id", "title", "origin", "source", "note", "secrets", "options", "request", "now", "tolerance", "expect"],
    ...["sign", "checked"],
  ],
  request: ["method", "url", "headers", "body", "body_base64"],
  options: [
    ...["header", "secret_format", "algorithm", "encoding", "prefix", "separator", "template", "timestamp_header"],
    ...["timestamp_unit", "id_header", "mode", "signature_version", "version", "body_format", "escape_unicode"],
  ],
  expect: ["valid", "reasons"],
  sign: ["secret", "timestamp", "id", "token", "signed_headers", "headers", "signature_object", "deterministic"],
};

/**
 * `countersign` holds `createVerifier` and `sign`; `files` is a list of `{ file, text }`. Returns the report that every
 * face of the project prints.
 */
export function runVectors(face, countersign, files) {
  const report = { face, files: files.map((file) => runFile(countersign, file)), error: null };
  if (files.length === 0) report.error = "no vectors found";
  return report;
}

function runFile(countersign, { file, text }) {
  const result = { file, passed: 0, failed: 0, failures: [] };
  const fail = (id, want, got) => {
    result.failed += 1;
    result.failures.push({ id, want, got });
  };
  let content;
  try {
    content = JSON.parse(text);
    if (isPrimitives(content)) content = ofPrimitives(content);
  } catch (error) {
    fail(file, "a readable file", String(error));
    return result;
  }
  const problem = problemOf(countersign, content);
  if (problem !== null) {
    fail(file, FORMAT, problem);
    return result;
  }
  for (const vector of content.vectors) {
    try {
      const failure = failureOf(countersign, content.scheme, vector);
      if (failure === null) result.passed += 1;
      else fail(vector.id, failure.want, failure.got);
    } catch (error) {
      fail(vector.id, "no exception", String(error));
    }
  }
  return result;
}

/** What is wrong with a file as a whole; `null` when its vectors can be run. */
function problemOf(countersign, content) {
  if (content?.format !== FORMAT) return `format ${JSON.stringify(content?.format)}`;
  if (!Array.isArray(content.vectors) || content.vectors.length === 0) return "no vectors";
  const strange = [...strangeFields("file", content), ...content.vectors.flatMap(strangeFieldsOfVector)];
  if (strange.length > 0) return `unknown field ${strange[0]}`;
  try {
    countersign.createVerifier({ scheme: content.scheme, secrets: "c2VjcmV0" }).free();
  } catch (error) {
    if (error.code === "unknown_scheme") return `unknown scheme ${content.scheme}`;
  }
  return null;
}

function strangeFieldsOfVector(vector) {
  return [
    ...strangeFields("vector", vector),
    ...strangeFields("request", vector.request),
    ...strangeFields("options", vector.options),
    ...strangeFields("expect", vector.expect),
    ...strangeFields("sign", vector.sign),
  ];
}

function strangeFields(kind, object) {
  return Object.keys(object ?? {})
    .filter((field) => !KNOWN[kind].includes(field))
    .map((field) => `${kind}.${field}`);
}

/** The first way in which the package differs from the vector; `null` when it agrees. */
function failureOf(countersign, scheme, vector) {
  const { expect, sign, request } = vector;
  const wanted = expect.valid ? ["valid"] : expect.reasons;
  for (const hashing of ["auto", "wasm", "native"]) {
    for (const [form, given] of Object.entries(formsOf(request))) {
      const got = verdictOf(countersign, scheme, vector, given, hashing);
      if (!wanted.includes(got)) return { want: wanted.join(" or "), got: `${got} (${form}, hashing ${hashing})` };
    }
  }
  if (sign === undefined) return null;
  const pairs = countersign.sign({
    ...optionsOf(scheme, vector),
    secret: sign.secret,
    id: sign.id ?? sign.token,
    timestamp: sign.timestamp,
    method: request.method,
    url: request.url,
    signedHeaders: signedHeadersOf(vector),
    body: bytesOf(request),
  });
  if (sign.deterministic === false) {
    const got = verdictOf(countersign, scheme, vector, {
      ...formsOf({ ...request, headers: pairs })["pairs and bytes"],
    });
    return got === "valid" ? null : { want: "a signature that verifies", got };
  }
  const got = JSON.stringify(sorted(pairs));
  const want = JSON.stringify(sorted(sign.headers ?? Object.entries(sign.signature_object)));
  return got === want ? null : { want, got };
}

/** Order says nothing, nor does the case of names. */
function sorted(pairs) {
  return [...pairs].sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
}

/** The further headers to be signed, with their values. */
function signedHeadersOf({ request, sign }) {
  return (sign.signed_headers ?? []).map((name) => {
    const found = request.headers.find(([candidate]) => candidate.toLowerCase() === name.toLowerCase());
    if (found === undefined) throw new Error(`there is no header ${name}`);
    return found;
  });
}

/** The same request in the forms in which a program may hold it. */
function formsOf(request) {
  const { headers, method, url } = request;
  const bytes = bytesOf(request);
  const lowered = {};
  for (const [name, value] of headers) lowered[name.toLowerCase()] ??= value;
  const forms = {
    "pairs and bytes": { headers, body: bytes, method, url },
    "object and buffer": { headers: lowered, body: bytes.buffer, method, url },
    "iterator and view": { headers: headers.values(), body: new DataView(bytes.buffer), method, url },
  };
  if (request.body !== undefined) forms["pairs and text"] = { headers, body: request.body, method, url };
  return forms;
}

function verdictOf(countersign, scheme, vector, request, hashing = "auto") {
  const options = { ...optionsOf(scheme, vector), secrets: vector.secrets, hashing };
  let verifier;
  try {
    verifier = countersign.createVerifier(options);
  } catch (error) {
    return error.code;
  }
  try {
    const verdict = verifier.verify(request);
    return verdict.ok ? "valid" : verdict.code;
  } finally {
    verifier.free();
  }
}

function optionsOf(scheme, { options, tolerance, now }) {
  const camel = (name) => name.replace(/_(.)/g, (_match, letter) => letter.toUpperCase());
  return {
    scheme,
    tolerance,
    ...Object.fromEntries(Object.entries(options ?? {}).map(([name, value]) => [camel(name), value])),
    ...(now === undefined ? {} : { now: () => now }),
  };
}

function bytesOf({ body, body_base64 }) {
  if (body_base64 === undefined) return new TextEncoder().encode(body ?? "");
  return Uint8Array.from(atob(body_base64), (character) => character.charCodeAt(0));
}
