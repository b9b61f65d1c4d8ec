// axe-core finds nothing on the pages with a script: light and dark, both languages, before and after what they do; and a phone shows them whole.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { chosen, closed, launch, steps, watched } from "./browser.ts";
import { attested, examples, web } from "./files.ts";
import { serve } from "./server.ts";
import { allSignatures, notice, SUPERSEDED } from "./signed.ts";
import { example, HOSTILE, ID, JOB, served as withStaff, TOKEN } from "./staff_server.ts";

const AXE = readFileSync(createRequire(join(web, "package.json")).resolve("axe-core/axe.min.js"), "utf8");

interface Results {
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
}

async function axe(page: Page, where: string): Promise<void> {
  await page.evaluate(AXE);
  const results = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as Results;
  const found = results.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary ?? ""}`).join(" | ")}`);
  assert.deepEqual(found, [], where);
}

test("axe-core finds no violation on the check page", async () => {
  const files = attested("compliance", "short");
  const changed = Buffer.from(Buffer.from(files.inclusion).toString().replace('"quantity":"529', '"quantity":"629'));
  const served = await serve(files);
  const withNotice = async (change: object) => await serve({ ...files, signatures: allSignatures(files, [notice(files, { ...change })]) });
  const noticed = [await withNotice({}), await withNotice(SUPERSEDED)];
  const browser = await launch();
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const locale of ["en-GB", "de-DE"]) {
        // axe is put in from outside, which the page's own policy would refuse; no page test bypasses it
        const session = await watched(browser, { colorScheme, locale, bypassCSP: true });
        const { page } = session;
        const where = `${colorScheme} ${locale}`;
        await page.goto(`${served.base}/check`);
        await axe(page, `${where}, before`);
        await chosen(page, { "inclusion.json": files.inclusion });
        await steps(page);
        await axe(page, `${where}, asked`);
        await page.fill("#key", "x");
        await page.press("#key", "Enter");
        await axe(page, `${where}, another key`);
        await chosen(page, { "inclusion.json": changed, "x.zip": Buffer.from("PK") });
        await page.waitForSelector(".step.failed");
        await steps(page);
        await axe(page, `${where}, failed`);
        for (const [k, { base }] of locale === "en-GB" ? noticed.entries() : []) {
          await page.goto(`${base}/check`);
          await chosen(page, { "inclusion.json": files.inclusion });
          await steps(page);
          await axe(page, `${where}, notice ${k}`);
        }
        await page.goto(pathToFileURL(join(web, "dist", "verify.html")).href);
        await axe(page, `${where}, offline`);
        await closed(session);
      }
    }
  } finally {
    await browser.close();
    for (const { close } of [served, ...noticed]) await close();
  }
});

/** A page that is too wide for a phone would have to be moved to be read. */
async function fits(page: Page, where: string): Promise<void> {
  await page.setViewportSize({ width: 320, height: 640 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 320, `${where} is ${width} px wide`);
  await page.setViewportSize({ width: 1280, height: 720 });
}

/** Goes on with Tab until the element has the focus. */
async function reach(page: Page, selector: string): Promise<void> {
  for (let press = 0; press < 60; press++) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not lead to ${selector}`);
}

async function pasted(page: Page): Promise<void> {
  await reach(page, "#token");
  await page.keyboard.insertText(TOKEN);
  await page.keyboard.press("Enter");
}

test("axe-core finds no violation on the pages for readers with a token, a phone shows them, and the keyboard is enough", async () => {
  await withStaff(async (staff) => {
    const findings = [{ file: HOSTILE, line: 3, reason: `symbol "${HOSTILE}" is not in the book` }];
    const running = staff.job;
    const browser = await launch();
    try {
      for (const colorScheme of ["light", "dark"] as const) {
        for (const locale of ["en-GB", "de-DE"]) {
          const session = await watched(browser, { colorScheme, locale, bypassCSP: true });
          const { page } = session;
          const seen = async (what: string) => {
            await axe(page, `${colorScheme} ${locale}, ${what}`);
            await fits(page, `${colorScheme} ${locale}, ${what}`);
          };
          staff.job = running;
          await page.goto(`${staff.base}/operator`);
          await seen("operator without a token");
          await pasted(page);
          await reach(page, "#job-id");
          await page.keyboard.insertText(JOB);
          await page.keyboard.press("Enter");
          await page.waitForSelector("progress");
          await seen("a job");
          await reach(page, "#cancelling button");
          await page.keyboard.press("Enter");
          await seen("cancelling");
          staff.push({ ...example("job-refused"), findings: { findings, total: 1 } });
          await page.waitForSelector("#outcome table");
          await seen("findings");
          await page.goto(`${staff.base}/regulator`);
          await seen("regulator without a token");
          await pasted(page);
          await page.waitForSelector("#list table");
          await seen("list");
          await reach(page, "#list tbody button");
          await page.keyboard.press("Enter");
          await page.waitForSelector("#about-title");
          await reach(page, "#asset + button");
          await page.keyboard.press("Enter");
          await page.waitForSelector("#lines-found");
          await reach(page, "#seed");
          await page.keyboard.insertText("audit-7");
          await page.keyboard.press("Enter");
          await page.waitForSelector("#sample table");
          await seen("attestation");
          assert.equal(new URL(page.url()).hash, `#id=${ID}`);
          await closed(session);
        }
      }
    } finally {
      await browser.close();
    }
  });
});

test("axe-core finds no violation on the service's own pages", async () => {
  const served = await serve(attested("compliance", "short"));
  const browser = await launch();
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      const session = await watched(browser, { colorScheme, bypassCSP: true });
      for (const [name] of examples()) {
        await session.page.goto(`${served.base}/pages/${name}`);
        await axe(session.page, `${colorScheme}, ${name}`);
      }
      await closed(session);
    }
  } finally {
    await browser.close();
    await served.close();
  }
});
