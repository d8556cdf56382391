import { CountersignError, createVerifier, type VerifierOptions } from "countersign";
import { type ExplainOptions, explain } from "countersign/explain";
import { type SignOptions, sign } from "countersign/testing";
import { flagsOf, many, one, REQUEST, SENDER, secretIn, split, verifierOptions } from "./flags.js";
import { explained, painter, quoted, shown } from "./print.js";
import { bytesOf, requestOf } from "./request.js";
import { EXIT, HELP, UsageError } from "./usage.js";

export const print = (text: string): void => void process.stdout.write(`${text}\n`);
/** Tells people of something unwise. Programs look for an error there. */
export const warner =
  ({ json }: { readonly json?: boolean | undefined }) =>
  (text: string): void => {
    if (json !== true) process.stderr.write(`warning: ${text}\n`);
  };

/** `countersign verify` */
export async function verifyCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = flagsOf(args, { ...SENDER, ...REQUEST });
  if (values.help === true) return help("verify");
  const verifier = createVerifier(verifierOptions(values, warner(values)));
  const verdict = verifier.verify(await requestOf(values, positionals));
  if (values.json === true) {
    print(JSON.stringify(verdict));
  } else if (verdict.ok) {
    const at = verdict.timestamp === null ? "" : `, made ${new Date(verdict.timestamp * 1000).toISOString()}`;
    const covers = verdict.covers.length === 0 ? "nothing of the request" : verdict.covers.join(", ");
    print(`${paint("green", "valid")}: secret ${verdict.secretIndex + 1} fits${at}; the signature covers ${covers}`);
  } else {
    print(`${paint("red", verdict.code)}: ${verdict.message}`);
    process.stderr.write('"countersign explain" with the same options says why.\n');
  }
  return verdict.ok ? EXIT.valid : EXIT.refused;
}

/** `countersign explain` */
export async function explainCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = flagsOf(args, { ...SENDER, ...REQUEST, other: many });
  if (values.help === true) return help("explain");
  const others = (values.other ?? []).map((text) => {
    const [name, file] = split("--other", text, "=");
    return [name, secretIn(file)];
  });
  const options: ExplainOptions = {
    ...verifierOptions(values, warner(values)),
    otherEndpoints: Object.fromEntries(others),
  };
  const request = await requestOf(values, positionals);
  checkSettings(options);
  const explanation = explain(options, request);
  const { verdict } = explanation;
  if (values.json === true) {
    print(JSON.stringify(explanation));
  } else if (verdict.ok) {
    print(`${paint("green", "valid")}: nothing to explain`);
  } else {
    print(`${paint("red", verdict.code)}: ${shown(verdict.message)}`);
    for (const line of explained(explanation, paint)) print(line);
  }
  if (verdict.ok) return EXIT.valid;
  // With `verify` a wrong call, and here as well.
  return verdict.code === "secret_invalid" ? EXIT.usage : EXIT.refused;
}

/** Throws for what no change of the request can mend. A secret that cannot be one has causes of its own. */
function checkSettings(options: VerifierOptions): void {
  try {
    createVerifier(options).free();
  } catch (error) {
    if (!(error instanceof CountersignError) || error.code !== "secret_invalid") throw error;
  }
}

/** `countersign sign` */
export async function signCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = flagsOf(args, {
    ...SENDER,
    ...{ "body-file": one, id: one, timestamp: one, method: one, url: one, curl: one },
    header: { ...many, short: "H" },
  });
  if (values.help === true) return help("sign");
  const file = values["body-file"] ?? positionals[0];
  if (positionals.length > (values["body-file"] === undefined ? 1 : 0)) throw new UsageError("One body at a time.");
  if (values.curl !== undefined && (file === undefined || file === "-")) {
    throw new UsageError("--curl needs --body-file with a file, which the printed command sends.");
  }
  const { secrets, now: _now, tolerance: _tolerance, ...rest } = verifierOptions(values, warner(values));
  const [secret, ...others] = secrets as string[];
  if (secret === undefined || others.length > 0) throw new UsageError("Sign with one secret.");
  const { id, timestamp } = values;
  const method = values.method?.toUpperCase();
  const url = values.url ?? values.curl;
  const signedHeaders = (values.header ?? []).map((text) => split("--header", text, ":"));
  const message = { secret, body: await bytesOf(file), id, timestamp, method, url, signedHeaders };
  const headers = sign({ ...rest, ...message } as SignOptions);
  if (values.json === true) print(JSON.stringify({ headers }));
  else if (values.curl !== undefined) print(curl(values.curl, [...signedHeaders, ...headers], file ?? ""));
  else for (const [name, value] of headers) print(`${name}: ${value}`);
  return EXIT.valid;
}

/** A command that sends the file's very bytes. */
function curl(url: string, headers: readonly [string, string][], file: string): string {
  const named = [["Content-Type", "application/json"], ...headers].map(
    ([name, value]) => `-H ${quoted(`${name}: ${value}`)}`,
  );
  return ["curl", quoted(url), ...named, "--data-binary", quoted(`@${file}`)].join(" ");
}

export function help(topic: keyof typeof HELP): number {
  process.stdout.write(HELP[topic]);
  return EXIT.valid;
}

const paint = painter(process.stdout);
