// What receivers meet besides good requests, and what each package makes of it. A test writes the table of README.md with this.

import { contendersOf, ours, SCHEMES } from "./contenders.mjs";
import { MAIN, OURS, SNIPPET } from "./names.mjs";
import { eventOf, headersOf } from "./requests.mjs";
import { CARRIERS, nowS } from "./schemes.mjs";

const BYTES = 500;
const HOUR_S = 3600;

/** A request as it is sent: the body signed, and the headers of it. */
function authentic(scheme, body = eventOf(BYTES), timestamp = nowS()) {
  return { headers: headersOf(scheme, body, timestamp), body };
}

/** An authentic request whose signature header was rewritten; `change` gets what stands before the digest, and the digest. */
function rewritten(scheme, change) {
  const request = authentic(scheme);
  const { header, prefix } = CARRIERS[scheme];
  const value = request.headers[header];
  const at = value.indexOf(prefix) + prefix.length;
  request.headers[header] = change(value.slice(0, at), value.slice(at));
  return request;
}

/** The event with bytes in place of its last characters of text; still signed as it stands. */
function signedWith(scheme, ...bytes) {
  const body = eventOf(BYTES);
  body.set(bytes, body.length - 40);
  return authentic(scheme, body);
}

/** Body and headers with another timestamp than the signed one, as text; `null` where none is signed. */
function withTimestamp(scheme, change) {
  const { timestamp } = CARRIERS[scheme];
  if (timestamp === undefined) return null;
  const request = authentic(scheme);
  request.headers[timestamp] = request.headers[timestamp].replace(/\d{10,}/, change);
  return request;
}

/** Authentic, but signed at another time. */
function signedAt(scheme, timestamp) {
  return CARRIERS[scheme].timestamp === undefined ? null : authentic(scheme, eventOf(BYTES), timestamp);
}

const REPLACEMENT = [0xef, 0xbf, 0xbd];

/**
 * A row is a request for each scheme, `null` where the scheme has no such thing, and the right verdict; `null` where either is
 * right, and only an exception is wrong. `asIs`: the body is handed over in this very form to those who take text, too.
 * `mistake`: no stranger can cause it, so an exception is in order; ours has this code.
 */
const ROWS = [
  { input: "body is a `Buffer`", right: "accepts", asIs: true, make: (scheme) => authentic(scheme) },
  {
    input: "body is a plain `Uint8Array`",
    right: "accepts",
    asIs: true,
    make: (scheme) => {
      const { headers, body } = authentic(scheme);
      return { headers, body: new Uint8Array(body) };
    },
  },
  {
    input: "web `Headers`",
    right: "accepts",
    make: (scheme) => {
      const { headers, body } = authentic(scheme);
      return { headers: new Headers(headers), body };
    },
  },
  {
    input: "body begins with a byte order mark",
    right: "accepts",
    make: (scheme) => authentic(scheme, Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), eventOf(BYTES)])),
  },
  { input: "body is not UTF-8", right: "accepts", make: (scheme) => signedWith(scheme, 0xff, 0xfe, 0x80) },
  { input: "body has `$&` in it", right: "accepts", make: (scheme) => signedWith(scheme, ...Buffer.from("$&$1$$")) },
  { input: "body is empty", right: "accepts", make: (scheme) => authentic(scheme, Buffer.alloc(0)) },
  {
    input: "one byte of the body changed",
    right: "refuses",
    make: (scheme) => {
      const request = authentic(scheme);
      request.body[request.body.length - 40] ^= 1;
      return request;
    },
  },
  {
    input: "bytes changed that decode to the same text",
    right: "refuses",
    make: (scheme) => {
      const { headers, body } = signedWith(scheme, ...REPLACEMENT);
      const at = body.indexOf(Buffer.from(REPLACEMENT));
      return { headers, body: Buffer.concat([body.subarray(0, at), Buffer.from([0xff]), body.subarray(at + 3)]) };
    },
  },
  {
    input: "signature header missing",
    right: "refuses",
    make: (scheme) => {
      const request = authentic(scheme);
      delete request.headers[CARRIERS[scheme].header];
      return request;
    },
  },
  {
    input: "signature one character short",
    right: "refuses",
    make: (scheme) => rewritten(scheme, (before, digest) => before + digest.slice(0, -1)),
  },
  {
    input: "signature one character long",
    right: "refuses",
    make: (scheme) => rewritten(scheme, (before, digest) => `${before}${digest}0`),
  },
  {
    input: "nothing after the prefix",
    right: "refuses",
    make: (scheme) => rewritten(scheme, (before) => before),
  },
  {
    input: "signature of the right length, not ASCII",
    right: "refuses",
    make: (scheme) => rewritten(scheme, (before, digest) => before + "é".repeat(digest.length)),
  },
  {
    input: "junk between the digits of the signature",
    right: "refuses",
    make: (scheme) => rewritten(scheme, (before, digest) => `${before}${digest.slice(0, 20)} !${digest.slice(20)}`),
  },
  {
    input: "junk after the signature",
    right: "refuses",
    make: (scheme) => rewritten(scheme, (before, digest) => `${before}${digest}zz`),
  },
  {
    input: "signature header sent twice, joined by Node",
    right: null,
    make: (scheme) => rewritten(scheme, (before, digest) => `${before}${digest}, ${before}${digest}`),
  },
  {
    input: "signature header is an array",
    right: null,
    make: (scheme) => rewritten(scheme, (before, digest) => [before + digest]),
  },
  {
    input: "junk after the timestamp",
    right: "refuses",
    make: (scheme) => withTimestamp(scheme, "$&junk"),
  },
  { input: "timestamp an hour old", right: "refuses", make: (scheme) => signedAt(scheme, nowS() - HOUR_S) },
  { input: "timestamp an hour ahead", right: "refuses", make: (scheme) => signedAt(scheme, nowS() + HOUR_S) },
  {
    input: "body already parsed",
    right: "refuses",
    asIs: true,
    mistake: "body_already_parsed",
    make: (scheme) => {
      const { headers, body } = authentic(scheme);
      return { headers, body: JSON.parse(body) };
    },
  },
];

/** Those that take all headers; the others are given one value, which the caller reads in the way of its framework. */
const TAKES_HEADERS = [OURS, "standardwebhooks", "svix"];

/** What became of a request: the verdict, or the exception. */
async function outcome({ name, verify, verifyAsIs = verify }, { asIs = false }, { headers, body }) {
  const given = headers instanceof Headers && !TAKES_HEADERS.includes(name) ? Object.fromEntries(headers) : headers;
  try {
    return (await (asIs ? verifyAsIs : verify)(given, body)) ? "accepts" : "refuses";
  } catch (error) {
    return error;
  }
}

/** A cell: what is right stands in plain type, what is wrong in bold; and whether it is wrong. */
function judged(found, { right, mistake }) {
  if (found instanceof Error) {
    const text = `throws ${found.code === mistake ? `\`${found.code}\`` : found.constructor.name}`;
    return mistake === undefined ? { text: `**${text}**`, isWrong: true } : { text, isWrong: found.code !== mistake };
  }
  const isWrong = right !== null && found !== right;
  return { text: isWrong ? `**${found}**` : found, isWrong };
}

/**
 * Every row with a cell for each contender, in the order of `names`. Ours meets a row in every scheme; its cell is one verdict,
 * and where schemes differ, one each. `wrong` lists what ours got wrong of so many
 * `judgements`.
 */
export async function awkward() {
  const contenders = new Map();
  for (const scheme of SCHEMES) {
    for (const contender of await contendersOf(scheme)) {
      // The documented snippet is the one of the documents that this package is about.
      if (contender.name === SNIPPET && scheme !== MAIN) continue;
      contenders.set(contender.name, [...(contenders.get(contender.name) ?? []), { ...contender, scheme }]);
    }
  }
  for (const scheme of Object.keys(CARRIERS)) {
    if (!SCHEMES.includes(scheme)) contenders.get(OURS).push({ name: OURS, verify: ours(scheme), scheme });
  }
  const names = [...contenders.keys()];
  const wrong = [];
  const rows = [];
  let judgements = 0;
  for (const row of ROWS) {
    const cells = [];
    for (const name of names) {
      const seen = new Set();
      for (const contender of contenders.get(name)) {
        const request = row.make(contender.scheme);
        if (request === null) continue;
        const { text, isWrong } = judged(await outcome(contender, row, request), row);
        seen.add(text);
        if (name === OURS) judgements += 1;
        if (isWrong && name === OURS) wrong.push(`${row.input}, ${contender.scheme}: ${text}`);
      }
      cells.push([...seen].join(", ") || "n/a");
    }
    const right = row.mistake === undefined ? row.right : `${row.right}, throws`;
    rows.push([row.input, right ?? "either", ...cells]);
  }
  return { names, rows, wrong, judgements };
}
