// From what is pasted to a request.

/** A mistake of whoever fills in the form; `field` is where. */
export class InputError extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

/** `Name: value` on each line, a request line before them allowed; or a JSON object, or a JSON list of pairs. */
export function headersOf(text) {
  const trimmed = text.trim();
  if (/^[{[]/.test(trimmed)) {
    try {
      return pairsOf(JSON.parse(trimmed));
    } catch {
      throw new InputError("headers", "These headers look like JSON and are none. Write Name: value, one on a line.");
    }
  }
  const pairs = [];
  const lines = trimmed.split(/\r?\n/).filter((line) => line.trim() !== "");
  lines.forEach((line, index) => {
    if (index === 0 && /^[A-Z]+ \S+( HTTP\/\d(\.\d)?)?$/.test(line)) return;
    const at = line.indexOf(":");
    if (at <= 0) throw new InputError("headers", `Line ${index + 1} of the headers has no colon. Write Name: value.`);
    pairs.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  });
  return pairs;
}

function pairsOf(value) {
  const entries = Array.isArray(value) ? value : Object.entries(value);
  return entries.flatMap(([name, values]) => [values].flat().map((one) => [String(name), String(one)]));
}

/** `name=value` on each line. */
export function settingsOf(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      if (at <= 0) throw new InputError("settings", "A setting is written name=value.");
      const [name, value] = [line.slice(0, at).trim(), line.slice(at + 1)];
      return [name, name === "escapeUnicode" ? value === "true" : value];
    }),
  );
}

/** Unix seconds; undefined for an empty field. */
export function momentOf(text) {
  if (text.trim() === "") return undefined;
  const seconds = Number(text);
  if (!Number.isFinite(seconds)) throw new InputError("now", "The time to judge by is a number of unix seconds.");
  return seconds;
}

/** A command for a POSIX shell that sends these bytes; `null` when they are no text. */
export function curlOf(url, headers, bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
  if (text.includes("\0")) return null;
  const quoted = (part) => `'${part.replaceAll("'", "'\\''")}'`;
  const named = headers.map(([name, value]) => `  -H ${quoted(`${name}: ${value}`)} \\\n`);
  return `curl ${quoted(url || "http://localhost:3000/")} \\\n${named.join("")}  --data-binary ${quoted(text)}`;
}
