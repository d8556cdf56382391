// The playground in a real browser, from file://. Needs Chromium; where there is none, that is said and nothing is tested, and
// with `CI` set it fails.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { PACKAGE, PROJECT } from "../scripts/paths.mjs";
import { PAGE } from "../scripts/playground.mjs";
import { CASES } from "./insight/causes.mjs";
import { CHROMIUM, CHROMIUM_MISSING, skipWithout, startChromium } from "./needs.mjs";
import { hex, payload, SECRET } from "./support.mjs";

const BYTES_MAX = 300 * 1024;
const SHOTS = `${PROJECT}target/playground/`;
const AXE = readFileSync(createRequire(`${PACKAGE}package.json`).resolve("axe-core/axe.min.js"), "utf8");

test("the playground is one small file that may not talk to anybody", () => {
  assert.ok(statSync(PAGE).size < BYTES_MAX, `${statSync(PAGE).size} bytes`);
  const page = readFileSync(PAGE, "utf8");
  assert.match(page, /Content-Security-Policy" content="default-src 'none'; connect-src 'none'/);
  assert.ok(!/ (src|href)=|@import|url\(/.test(page.slice(0, page.indexOf("<script"))));
});

describe("the playground", {
  skip: skipWithout(CHROMIUM !== null, CHROMIUM_MISSING),
  timeout: 120_000,
}, () => {
  let browser;
  before(async () => {
    mkdirSync(SHOTS, { recursive: true });
    browser = await startChromium();
  });
  after(() => browser?.close());

  /** Opens the page; every fault in it and every request that it makes is a failure. */
  async function opened(use, settings = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings });
    const page = await context.newPage();
    const faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("request", (request) => request.url() !== pathToFileURL(PAGE).href && faults.push(request.url()));
    try {
      await page.goto(pathToFileURL(PAGE).href);
      await page.waitForSelector("html[data-ready]");
      await use(page);
      assert.deepEqual(faults, []);
    } finally {
      await context.close();
    }
  }

  const answer = (page) => page.locator("#answer").innerText();

  test("explains a sample, and shows it in light and dark, wide and narrow", async () => {
    for (const [name, settings] of Object.entries({
      light: { colorScheme: "light" },
      dark: { colorScheme: "dark" },
      narrow: { viewport: { width: 390, height: 844 } },
    })) {
      await opened(async (page) => {
        await page.screenshot({ path: `${SHOTS}${name}-empty.png`, fullPage: true });
        await page.getByRole("button", { name: "Try a sample" }).click();
        assert.match(
          await answer(page),
          /Refused: bad_signature[\s\S]*Certain body_reserialised[\s\S]*Fix: Verify the raw bytes/,
        );
        await page.screenshot({ path: `${SHOTS}${name}-explained.png`, fullPage: true });
        const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(width <= 0, "it scrolls sideways");
      }, settings);
    }
  });

  test("finds the sender, verifies, and names what was harmed", async () => {
    await opened(async (page) => {
      const body = payload("cleanmails").toString();
      await page.getByLabel("Signing secret").fill(SECRET);
      await page.getByLabel("Headers").fill(`X-Webhook-Signature: sha256=${hex(body)}`);
      await page.getByLabel("Body", { exact: true }).fill(body);
      await page.keyboard.press("Tab");
      await page.getByRole("button", { name: "Verify and explain" }).press("Enter");
      assert.match(await answer(page), /The signature fits\s+Scheme cleanmails/);
      await page.getByLabel("Signing secret").fill(`"${SECRET}"`);
      await page.getByRole("button", { name: "Verify and explain" }).click();
      assert.match(await answer(page), /Scheme cleanmails[\s\S]*Certain secret_quoted/);
      await page.getByLabel("Signing secret").fill("nothing that fits");
      await page.getByRole("button", { name: "Verify and explain" }).click();
      assert.match(await answer(page), /bad_signature/);
      assert.ok(!(await answer(page)).includes("nothing that fits"));
    });
  });

  test("takes the body from a file byte by byte", async () => {
    await opened(async (page) => {
      const { options, request } = CASES.find(({ code }) => code === "body_line_breaks");
      const bytes = Buffer.from("[1,\r\n2]");
      await page.getByLabel("Sender", { exact: true }).selectOption(options.scheme);
      await page.getByLabel("Signing secret").fill(options.secrets);
      await page.getByLabel("Headers").fill(JSON.stringify(Object.fromEntries(request.headers)));
      await page.getByLabel("Body from a file").setInputFiles({ name: "body", mimeType: "text/plain", buffer: bytes });
      await page.waitForFunction(() => document.getElementById("body").value !== "");
      await page.getByRole("button", { name: "Verify and explain" }).click();
      assert.match(await answer(page), /The signature fits/);
      await page.getByLabel("Body", { exact: true }).fill("[1,\n2]");
      await page.getByRole("button", { name: "Verify and explain" }).click();
      assert.match(await answer(page), /Certain body_line_breaks/);
    });
  });

  test("signs a body and shows the command that sends it", async () => {
    await opened(async (page) => {
      const body = `{"text":"it's ü"}`;
      await page.getByLabel("Sender", { exact: true }).selectOption("sendemall");
      await page.getByLabel("Signing secret").fill(SECRET);
      await page.getByLabel("Body", { exact: true }).fill(body);
      await page.getByRole("button", { name: "Sign this body" }).click();
      const curl = await page.locator("#curl").innerText();
      assert.ok(curl.includes(`-H 'X-SendEmAll-Signature: sha256=${hex(body)}'`), curl);
      assert.ok(curl.includes(`--data-binary '{"text":"it'\\''s ü"}'`), curl);
      await page.getByRole("button", { name: "Copy" }).click();
      await page.waitForFunction(() => document.getElementById("copied").textContent !== "");
      await page.screenshot({ path: `${SHOTS}signed.png`, fullPage: true });
      await page.getByRole("button", { name: "Verify and explain" }).click();
      assert.match(await answer(page), /The signature fits/);
    });
  });

  test("says what is missing in the form, and puts the cursor there", async () => {
    await opened(async (page) => {
      const press = (name) => page.getByRole("button", { name }).click();
      const focused = () => page.evaluate(() => document.activeElement.id);
      await press("Verify and explain");
      assert.deepEqual([await focused(), /Give the signing secret/.test(await answer(page))], ["secret", true]);
      await page.getByLabel("Signing secret").fill("s");
      await press("Sign this body");
      assert.equal(await focused(), "sender");
      await page.getByLabel("Headers").fill("no colon");
      await press("Verify and explain");
      assert.equal(await focused(), "headers");
      await page.getByLabel("Sender", { exact: true }).selectOption("standard-webhooks");
      await page.getByLabel("Headers").fill("");
      await page.getByLabel("Signing secret").fill("whsec_%");
      await press("Sign this body");
      assert.match(await answer(page), /secret_invalid/);
      await press("Clear");
      assert.equal(await page.getByLabel("Signing secret").inputValue(), "");
    });
  });

  test("hostile text in a request stays text", async () => {
    await opened(async (page) => {
      const hostile = "<img src=x onerror=alert(1)></script>";
      await page.getByLabel("Signing secret").fill(hostile);
      await page.getByLabel("Headers").fill(`X-Hub-Signature-256: ${hostile}\n${hostile}: a`);
      await page.getByLabel("Body", { exact: true }).fill(hostile);
      await page.getByRole("button", { name: "Verify and explain" }).click();
      assert.equal(await page.locator("#answer img").count(), 0);
    });
  });

  test("can be used with the keyboard, in the order in which it is read", async () => {
    await opened(async (page) => {
      const fields = ["sender", "secret", "reveal", "headers", "body", "file"];
      const order = [...fields, "Address, clock and settings", "Verify and explain", "sign", "sample", "clear"];
      for (const wanted of order) {
        await page.keyboard.press("Tab");
        const focused = await page.evaluate(
          () => document.activeElement.id || document.activeElement.textContent.trim(),
        );
        assert.equal(focused, wanted);
      }
    });
  });

  test("axe finds nothing to object to, in light and dark, before and after", async () => {
    for (const colorScheme of ["light", "dark"]) {
      await opened(
        async (page) => {
          const violations = async () => {
            const { violations: found } = await page.evaluate(() => globalThis.axe.run());
            return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
          };
          await page.evaluate(AXE);
          await page.locator("summary").click();
          assert.deepEqual(await violations(), []);
          await page.getByRole("button", { name: "Try a sample" }).click();
          assert.deepEqual(await violations(), []);
          await page.getByRole("button", { name: "Sign this body" }).click();
          assert.deepEqual(await violations(), []);
        },
        { colorScheme, bypassCSP: true },
      );
    }
  });
});
