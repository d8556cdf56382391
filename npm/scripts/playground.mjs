// Builds playground/index.html: one file with style, script and module in it, for file:// and for any static server.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { PACKAGE } from "./paths.mjs";

const SOURCE = `${PACKAGE}playground/src/`;
/** The finished page. */
export const PAGE = `${PACKAGE}playground/index.html`;

/** Writes the page, from dist/ as it stands. */
export async function playground(version) {
  const compressed = gzipSync(readFileSync(`${PACKAGE}dist/explain.wasm`), { level: 9 });
  const { outputFiles } = await build({
    entryPoints: [`${SOURCE}page.mjs`],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    define: { COMPRESSED_MODULE: JSON.stringify(compressed.toString("base64")) },
    logLevel: "warning",
  });
  const [{ text }] = outputFiles;
  const script = text.trim();
  if (/<\/script/i.test(script)) throw new Error("the script would end the element that it stands in");
  const style = readFileSync(`${SOURCE}page.css`, "utf8").trim();
  const policy = [
    "default-src 'none'",
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    `script-src '${hashOf(script)}' 'wasm-unsafe-eval'`,
    `style-src '${hashOf(style)}'`,
  ].join("; ");
  const parts = { CSP: policy, STYLE: style, SCRIPT: script, VERSION: version };
  const template = readFileSync(`${SOURCE}page.html`, "utf8");
  writeFileSync(
    PAGE,
    template.replace(/%(CSP|STYLE|SCRIPT|VERSION)%/g, (_match, name) => parts[name]),
  );
}

const hashOf = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;
