// The page: reads the form, asks the module, shows the answer. Decides nothing about signatures.

import { explainWith } from "../../../target/packaging/compiled/explaining.js";
import { Case, initSync, schemes, sign } from "../../../target/packaging/compiled/toolkit/explain.js";
import { curlOf, headersOf, InputError, momentOf, settingsOf } from "./input.mjs";

/** `explain.wasm`, compressed; put here by the build. */
const MODULE = await compiled(COMPRESSED_MODULE);
initSync({ module: MODULE });
const explain = explainWith(() => MODULE);

const FIND_OUT = "";
/** Causes that do not speak for the scheme that was tried. */
const ELSEWHERE = new Set(["wrong_provider", "url_missing", "secret_empty", "secret_incomplete", "secret_malformed"]);
/** Those whose events this project reads come first. */
const FIRST = ["cleanmails", "smartlead", "sendemall", "platform", "standard-webhooks"];
const SAMPLE = { event: "email.replied", workspace_id: 1, timestamp: "2026-05-12T14:30:00Z", data: { lead_id: 42 } };
const SAMPLE_SECRET = "a-secret-for-this-sample";

const at = (id) => document.getElementById(id);
const [form, sender, secret, headers, body, file, answer] = [
  "form",
  "sender",
  "secret",
  "headers",
  "body",
  "file",
  "answer",
].map(at);

/** Bytes of a chosen file, which stand in for the text field until that is edited. */
let fileBytes = null;

async function compiled(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compile(await new Response(stream).arrayBuffer());
}

function fillSenders() {
  const known = schemes();
  const others = known.filter((name) => !FIRST.includes(name)).sort();
  const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
  const group = (label, names) => {
    const made = Object.assign(document.createElement("optgroup"), { label });
    made.append(...names.map((name) => option(name, name)));
    return made;
  };
  sender.replaceChildren(
    option(FIND_OUT, "Find out"),
    group("Outreach platforms", FIRST),
    group("Other schemes", others),
  );
}

/** What the form says. */
function filledIn() {
  return {
    options: { secrets: secret.value, now: clock(), ...settingsOf(at("settings").value) },
    request: {
      headers: headersOf(headers.value),
      body: fileBytes ?? new TextEncoder().encode(body.value),
      method: at("method").value.trim() || "POST",
      url: at("url").value.trim(),
    },
  };
}

function clock() {
  const moment = momentOf(at("now").value);
  return moment === undefined ? undefined : () => moment;
}

/** The scheme and its explanation: the chosen one, or the one of which most can be said. */
function judged({ options, request }) {
  if (sender.value !== FIND_OUT)
    return { scheme: sender.value, ...explain({ scheme: sender.value, ...options }, request) };
  let best = null;
  for (const scheme of [...FIRST, ...schemes().filter((name) => !FIRST.includes(name))]) {
    const found = { scheme, ...explain({ scheme, ...options }, request) };
    if (best === null || rank(found) > rank(best)) best = found;
  }
  return best;
}

/** How much an explanation says about the scheme that was tried. */
function rank({ verdict, findings }) {
  if (verdict.ok) return 4;
  if (findings.some(({ code, confidence }) => confidence === "certain" && !ELSEWHERE.has(code))) return 3;
  if (verdict.code === "bad_signature" || verdict.code.startsWith("timestamp_")) return 2;
  return verdict.code === "malformed_header" ? 1 : 0;
}

function show(...nodes) {
  answer.replaceChildren(...nodes);
  // On a narrow screen the result stands below the form.
  at("result").scrollIntoView({ block: "nearest" });
}

function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function verdictBox(kind, title, ...texts) {
  return element(
    "div",
    { className: `verdict ${kind}` },
    element("strong", {}, title),
    ...texts.map((text) => element("p", {}, text)),
  );
}

function showExplanation({ scheme, verdict, findings, trials, complete }) {
  const count = element(
    "p",
    { className: "count" },
    `${trials} verifications${complete ? "" : "; not everything was tried"}.`,
  );
  if (verdict.ok) {
    const covers = verdict.covers.length === 0 ? "nothing of the request" : verdict.covers.join(", ");
    const made =
      verdict.timestamp === null
        ? "It holds no time"
        : `It was made ${new Date(verdict.timestamp * 1000).toISOString()}`;
    show(
      verdictBox("good", "The signature fits", `Scheme ${scheme}. The signature covers: ${covers}. ${made}.`),
      count,
    );
    return;
  }
  const box = verdictBox("bad", `Refused: ${verdict.code}`, `Scheme ${scheme}. ${verdict.message}`);
  if (findings.length === 0) {
    const nothing = "No known mistake explains it: the secret is another one, or the body was changed beyond repair.";
    show(box, verdictBox("warn", "No cause was found", nothing), count);
    return;
  }
  const items = findings.map(({ code, confidence, message, fix }) => {
    const tag = element(
      "span",
      { className: "tag" },
      confidence === "certain" ? "Certain " : "Likely ",
      element("code", {}, code),
    );
    return element(
      "li",
      { className: confidence },
      tag,
      element("p", {}, message),
      element("p", {}, element("strong", {}, "Fix: "), fix),
    );
  });
  show(box, element("ul", { className: "findings" }, ...items), count);
}

function showCurl(headerPairs, bytes) {
  const command = curlOf(at("url").value.trim(), [["Content-Type", "application/json"], ...headerPairs], bytes);
  at("curl-box").hidden = command === null;
  at("curl").textContent = command ?? "";
  at("copied").textContent = "";
}

/** Runs what a button asks for, and shows what is wrong with the form. */
function asked(action) {
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  at("curl-box").hidden = true;
  try {
    action();
  } catch (error) {
    const field = at(error instanceof InputError ? error.field : "secret");
    if (!(error instanceof InputError) && error.code === undefined && typeof error !== "string") throw error;
    show(verdictBox("warn", "This cannot be tried yet", typeof error === "string" ? error : error.message));
    field.closest("details")?.setAttribute("open", "");
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}

function verify() {
  if (secret.value === "") throw new InputError("secret", "Give the signing secret.");
  const given = filledIn();
  showExplanation(judged(given));
}

/** Puts the headers there that the sender would send with this body. */
function signNow() {
  if (sender.value === FIND_OUT) throw new InputError("sender", "Choose the sender whose signature it shall be.");
  if (secret.value === "") throw new InputError("secret", "Give the signing secret.");
  const { options, request } = filledIn();
  const signed = signedHeaders(sender.value, options, request);
  headers.value = signed.map(([name, value]) => `${name}: ${value}`).join("\n");
  show(verdictBox("good", "Signed", "The headers are those that the sender would put on this body."));
  showCurl(signed, request.body);
}

function signedHeaders(scheme, { secrets, now, ...settings }, { body: bytes, method, url }) {
  const signing = new Case(scheme, [secrets]);
  try {
    const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    signing.options(Object.entries(settings).flatMap(([name, value]) => [snake(name), String(value)]));
    signing.target(method.toUpperCase(), url);
    const flat = sign(signing, "msg_sample", bytes, now === undefined ? Date.now() : now() * 1000);
    return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : []));
  } finally {
    signing.free();
  }
}

/** A request that was signed rightly, and whose body was then parsed and printed again. */
function sample() {
  clear();
  const scheme = "cleanmails";
  sender.value = scheme;
  secret.value = SAMPLE_SECRET;
  const bytes = new TextEncoder().encode(JSON.stringify(SAMPLE));
  const signed = signedHeaders(scheme, { secrets: SAMPLE_SECRET }, { body: bytes, method: "POST", url: "" });
  headers.value = [["Content-Type", "application/json"], ...signed].map((pair) => pair.join(": ")).join("\n");
  body.value = JSON.stringify(SAMPLE, null, 2);
  verify();
}

function clear() {
  form.reset();
  fileBytes = null;
  reveal(false);
  answer.replaceChildren(element("p", { className: "empty" }, "Nothing tried yet."));
}

function reveal(isShown) {
  secret.type = isShown ? "text" : "password";
  at("reveal").setAttribute("aria-pressed", String(isShown));
}

async function copy() {
  const text = at("curl").textContent;
  try {
    await navigator.clipboard.writeText(text);
    at("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(at("curl"));
    at("copied").textContent = "Selected; press Ctrl+C.";
  }
}

fillSenders();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  asked(verify);
});
at("sign").addEventListener("click", () => asked(signNow));
at("sample").addEventListener("click", () => asked(sample));
at("clear").addEventListener("click", () => asked(clear));
at("reveal").addEventListener("click", () => reveal(secret.type === "password"));
at("copy").addEventListener("click", () => void copy());
body.addEventListener("input", () => {
  fileBytes = null;
  file.value = "";
});
file.addEventListener("change", async () => {
  const [chosen] = file.files;
  if (chosen === undefined) return;
  fileBytes = new Uint8Array(await chosen.arrayBuffer());
  body.value = new TextDecoder().decode(fileBytes);
});
document.documentElement.dataset.ready = "true";
