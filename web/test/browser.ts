// A browser for the tests. A page that breaks its policy, throws, or asks another place for anything fails its test.

import assert from "node:assert/strict";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";

/** For one action; a machine that compiles beside the tests is slow. */
const TIMEOUT_MS = 20_000;

export async function launch(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  return await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

export interface Watched {
  page: Page;
  context: BrowserContext;
  /** What went wrong, a line each. */
  faults: string[];
  /** Every address that was asked for. */
  asked: string[];
}

export async function watched(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  const faults: string[] = [];
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // a refused resource is told by the status of its answer, which the tests look at
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(`console: ${message.text()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return { page, context, faults, asked };
}

/** Ends the session; nothing may have gone wrong. */
export async function closed({ context, faults }: Watched): Promise<void> {
  await context.close();
  assert.deepEqual(faults, []);
}

export async function chosen(page: Page, files: Record<string, Uint8Array>): Promise<void> {
  const list = Object.entries(files).map(([name, buffer]) => ({ name, mimeType: "application/json", buffer: Buffer.from(buffer) }));
  await page.setInputFiles("#file", list);
}

/** Steps with their state, once the check is done. */
export async function steps(page: Page): Promise<Record<string, string>> {
  await page.waitForSelector("#sentence");
  return Object.fromEntries(
    await page.$$eval(".step", (items) =>
      items.map((item) => [item.querySelector(".step-title span")?.textContent ?? "", item.className.replace("step ", "")] as const),
    ),
  );
}
