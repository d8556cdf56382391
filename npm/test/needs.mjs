// What a test needs from the machine, and what becomes of the test where that is missing.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

/** The reason to skip, or `false`. Where `CI` is set nothing is skipped: the test runs and fails. */
export const skipWithout = (found, reason) => (found || process.env.CI ? false : reason);

const BROWSERS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Chromium's program, if there is one. The variable `CHROMIUM` names another. */
export const CHROMIUM = BROWSERS.find((path) => path && existsSync(path)) ?? null;

export const CHROMIUM_MISSING = "Chromium is not installed (the variable CHROMIUM may name one)";

/** Starts Chromium; the caller closes it. */
export function startChromium() {
  if (CHROMIUM === null) throw new Error(CHROMIUM_MISSING);
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}
