// The pictures of the README, made by the page itself: into the folder SCREENSHOTS, or one that is thrown away.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { chosen, closed, launch, steps, watched } from "./browser.ts";
import { attested } from "./files.ts";
import { serve } from "./server.ts";

const kept = process.env["SCREENSHOTS"];
const folder = kept === undefined ? mkdtempSync(join(tmpdir(), "assay-web-")) : resolve(kept);
mkdirSync(folder, { recursive: true });

async function picture(page: Page, name: string): Promise<void> {
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  assert.ok(statSync(path).size < 150_000, `${name}.png has ${statSync(path).size} bytes`);
}

test("the page is pictured before, after an honest and a changed file, and on a phone", async () => {
  const files = attested("compliance", "short");
  const served = await serve(files);
  const browser = await launch();
  try {
    const wide = await watched(browser, { viewport: { width: 800, height: 900 } });
    await wide.page.goto(`${served.base}/check`);
    await picture(wide.page, "check");
    await wide.page.fill("#account", "u000000134-5ea51c96");
    await chosen(wide.page, { "inclusion.json": files.inclusion });
    await steps(wide.page);
    await picture(wide.page, "checked");
    const changed = Buffer.from(files.inclusion).toString().replace('"quantity":"529', '"quantity":"629');
    await chosen(wide.page, { "inclusion.json": Buffer.from(changed) });
    await wide.page.waitForSelector(".verdict.bad");
    await picture(wide.page, "failed");
    await closed(wide);
    const phone = await watched(browser, { viewport: { width: 360, height: 740 }, colorScheme: "dark", locale: "de-DE" });
    await phone.page.goto(`${served.base}/check`);
    await chosen(phone.page, { "inclusion.json": files.inclusion });
    await steps(phone.page);
    await picture(phone.page, "phone");
    await closed(phone);
  } finally {
    if (kept === undefined) rmSync(folder, { recursive: true });
    await browser.close();
    await served.close();
  }
});
