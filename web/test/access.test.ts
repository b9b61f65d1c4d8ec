// axe-core finds nothing on the page: light and dark, both languages, before and after a check, online and offline.

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
        await page.goto(pathToFileURL(join(web, "dist", "verify.html")).href);
        await axe(page, `${where}, offline`);
        await closed(session);
      }
    }
  } finally {
    await browser.close();
    await served.close();
  }
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
