// A request for every cause, signed with node:crypto and then harmed in the way that the cause names. Plain data, so that they
// can be sent to a Worker.

import { createHmac } from "node:crypto";

const NOW_S = 1_772_000_000;
const SECRET = "s3cret of the endpoint";
const BODY = '{"event":"email.sent","id":7,"data":{"name":"Zoë","list":[1,2]}}';
const URL = "https://hooks.example.com/in?a=1";

const digest = (key, content, encoding = "hex") => createHmac("sha256", key).update(content).digest(encoding);

/** A case in which nothing is wrong, with `changes` made to its parts. */
function scene(code, confidence, { options, body = BODY, headers, ...request }) {
  return {
    code,
    confidence,
    options: { secrets: SECRET, now: NOW_S, ...options },
    request: { headers, body: Buffer.from(body).toString("base64"), ...request },
  };
}

const github = (signed = BODY, key = SECRET) => `sha256=${digest(key, signed)}`;
const header = (value) => [["X-Hub-Signature-256", value]];

/** GitHub: the sender signs `signed`, `body` arrives. */
const harmed = (code, signed, body, more = {}, confidence = "certain") =>
  scene(code, confidence, { options: { scheme: "github" }, headers: header(github(signed)), body, ...more });

/** GitHub: the header is changed on its way. */
const headers = (code, list, confidence = "certain") =>
  scene(code, confidence, { options: { scheme: "github" }, headers: list });

/** GitHub: the secret is pasted in another form. */
const pasted = (code, secrets, more = {}) =>
  scene(code, "certain", { options: { scheme: "github", secrets, ...more }, headers: header(github()) });

const standard = (key) => [
  ["webhook-id", "msg_1"],
  ["webhook-timestamp", String(NOW_S)],
  ["webhook-signature", `v1,${digest(key, `msg_1.${NOW_S}.${BODY}`, "base64")}`],
];
const WHSEC = "whsec_c2VjcmV0IG9mIHN0YW5kYXJk";

const stripe = (code, now, confidence = "certain") =>
  scene(code, confidence, {
    options: { scheme: "stripe", now },
    headers: [["Stripe-Signature", `t=${NOW_S},v1=${digest(SECRET, `${NOW_S}.${BODY}`)}`]],
  });

/** A sender of one's own, whose timestamp is not in the unit that is set. */
const unit = (code, timestamp, timestampUnit) =>
  scene(code, "certain", {
    options: {
      ...{ scheme: "generic-hmac", header: "X-S", template: "{timestamp}.{body}", timestampHeader: "X-T" },
      ...{ timestampUnit, tolerance: 300 },
    },
    headers: [
      ["X-S", digest(SECRET, `${timestamp}.${BODY}`)],
      ["X-T", String(timestamp)],
    ],
  });

/** A sender of one's own that signs method and address. */
const target = (code, { method = "POST", url = URL }, confidence = "certain") =>
  scene(code, confidence, {
    options: { scheme: "generic-hmac", header: "X-S", template: "{method} {url} {body}" },
    headers: [
      ["X-S", digest(SECRET, `POST ${URL} ${BODY}`)],
      ["X-Forwarded-Host", "hooks.example.com"],
    ],
    method,
    url,
  });

const blanks = BODY.replaceAll(",", ", ").replaceAll(":", ": ");

export const CASES = [
  scene("wrong_provider", "certain", { options: { provider: "sendemall" }, headers: header(github()) }),
  headers("signature_prefix", header(github().slice("sha256=".length))),
  headers("signature_upper_case", header(`sha256=${digest(SECRET, BODY).toUpperCase()}`)),
  headers("signature_encoding", header(`sha256=${digest(SECRET, BODY, "base64")}`)),
  headers("signature_quoted", header(`"${github()}"`)),
  pasted("secret_white_space", `${SECRET}\n`),
  pasted("secret_quoted", `"${SECRET}"`),
  scene("secret_decoded", "certain", {
    options: { scheme: "standard-webhooks", secrets: WHSEC },
    headers: standard(WHSEC),
  }),
  scene("secret_not_decoded", "certain", {
    options: { scheme: "standard-webhooks", secrets: WHSEC, secretFormat: "raw" },
    headers: standard(Buffer.from(WHSEC.slice(6), "base64")),
  }),
  pasted("secret_prefix", `whsec_${SECRET}`),
  pasted("secret_of_other_endpoint", "another secret", { otherEndpoints: { first: "no", second: SECRET } }),
  pasted("secret_empty", ""),
  scene("secret_incomplete", "certain", {
    options: { scheme: "standard-webhooks", secrets: "whsec_" },
    headers: standard(WHSEC),
  }),
  scene("secret_malformed", "certain", {
    options: { scheme: "standard-webhooks", secrets: "whsec_!!!" },
    headers: standard(WHSEC),
  }),
  harmed("body_reserialised", blanks, BODY),
  harmed("body_final_newline", BODY, `${BODY}\n`),
  harmed("body_byte_order_mark", BODY, `\ufeff${BODY}`),
  harmed("body_line_breaks", "[1,\r\n2]", "[1,\n2]"),
  harmed("body_decoded", "Zoë", Buffer.from("Zoë", "latin1")),
  harmed("body_form_decoded", "a=x+y&b=%C3%A9", "a=x y&b=é"),
  harmed("body_base64", BODY, Buffer.from(BODY).toString("base64")),
  harmed("body_quoted", BODY, JSON.stringify(BODY)),
  harmed("body_escapes", BODY, BODY.replace("ë", "\\u00eb")),
  harmed(
    "body_truncated",
    BODY,
    BODY.slice(0, 20),
    { headers: [...header(github()), ["Content-Length", "69"]] },
    "likely",
  ),
  harmed("body_lost", BODY, "", { headers: [...header(github()), ["Content-Length", "69"]] }, "likely"),
  unit("timestamp_milliseconds", NOW_S * 1_000, "s"),
  unit("timestamp_seconds", NOW_S, "ms"),
  stripe("now_milliseconds", NOW_S * 1_000),
  stripe("clock_skew", NOW_S - 1_000),
  stripe("old_message", NOW_S + 86_400),
  headers("header_repeated", [...header(github("", "x")), ...header(github())]),
  headers("header_merged", header(`${github("", "x")}, ${github()}`)),
  headers("header_renamed", [["X_Hub_Signature_256", github()]]),
  headers("header_missing", [["Content-Type", "application/json"]], "likely"),
  target("url_differs", { url: "http://10.0.0.7:8080/in?a=1" }),
  target("url_missing", { url: "" }),
  target("method_differs", { method: "PUT" }),
];
