// A withdrawn attestation in a real browser: at the service, in a page with the attestation in it, and with dropped files. It is red in each.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { MARKER, writeBlock } from "../src/source.ts";
import { statementDigest } from "../src/statement.ts";
import { chosen, closed, launch, steps, watched, type Watched } from "./browser.ts";
import { attested, bytes } from "./files.ts";
import { serve } from "./server.ts";
import { allSignatures, notice, STRANGER_KEY, SUPERSEDED } from "./signed.ts";

const files = attested("compliance", "short");
const ACCOUNT = "u000000134-5ea51c96";
const id = statementDigest(files.statement);
const { inclusion, statement, jwks } = files as Required<typeof files>;
const withdrawn = allSignatures(files, [notice(files)]);
const TITLE = "The exchange has not withdrawn it";
let browser: Browser;
let folder: string;

before(async () => {
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), "assay-web-"));
});
after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** A page from a file, with the network off and the account typed. */
async function opened(source: string, name: string): Promise<Watched> {
  const path = join(folder, name);
  writeFileSync(path, source);
  const session = await watched(browser, { offline: true });
  await session.page.goto(pathToFileURL(path).href);
  await session.page.fill("#account", ACCOUNT);
  return session;
}

async function online(signatures: Uint8Array, locale: string, look: (page: Page) => Promise<void>): Promise<void> {
  const served = await serve({ ...files, signatures });
  const session = await watched(browser, { locale });
  await session.page.goto(`${served.base}/check`);
  await session.page.fill("#account", ACCOUNT);
  await chosen(session.page, { "inclusion.json": inclusion });
  await steps(session.page);
  await look(session.page);
  await closed(session);
  await served.close();
}

/** What a withdrawal must look like. */
async function red(page: Page): Promise<string> {
  const found = await steps(page);
  assert.deepEqual(Object.entries(found).filter(([, state]) => state === "failed").map(([title]) => title), [TITLE]);
  assert.equal(await page.textContent("#verdict.bad"), "The exchange withdrew this attestation");
  assert.equal(await page.$(".verdict.good"), null);
  const said = (await page.textContent("#sentence.bad")) ?? "";
  for (const part of ["The exchange withdrew this attestation on 1 December 2026 at 12:00 UTC", "“A file of balances was left out.”", "all the same", ACCOUNT, id]) {
    assert.ok(said.includes(part), `${part} in: ${said}`);
  }
  return said;
}

test("at the service it is red, with when, why, and that the balances were in it", async () => {
  await online(withdrawn, "en-GB", async (page) => {
    assert.ok(!(await red(page)).includes("not on the list"));
    assert.equal(await page.locator("tbody tr").count(), 5);
    // the reader's answer does not make it good
    await page.fill("#key", "x");
    await page.press("#key", "Enter");
    await page.waitForSelector("#key-outcome .bad");
    await red(page);
  });
  await online(withdrawn, "de-DE", async (page) => {
    assert.equal(await page.textContent("#verdict.bad"), "Die Börse hat diese Bescheinigung zurückgezogen");
    assert.match((await page.textContent("#sentence.bad")) ?? "", /am 1\. Dezember 2026 um 12:00 UTC .*„A file of balances was left out\.“.*trotzdem/);
  });
});

test("one by a key that is not on the list is red too, and says so", async () => {
  await online(allSignatures(files, [notice(files, {}, STRANGER_KEY)]), "en-GB", async (page) => {
    assert.match(await red(page), /by a key that is not on the list: ask the exchange/);
  });
});

test("a false one is a failed step, and no withdrawal", async () => {
  const forged = { ...notice(files), signatures: notice(files, { reason: "x" }).signatures };
  await online(allSignatures(files, [forged]), "en-GB", async (page) => {
    assert.equal(await page.textContent("#verdict.bad"), `This check failed: “${TITLE}”`);
    assert.match((await page.textContent("#sentence.bad")) ?? "", /Step 10 failed .*is not the exchange’s/);
  });
});

test("hostile words in a reason are shown and do nothing", async () => {
  await online(allSignatures(files, [notice(files, { reason: '<img src=x onerror="alert(1)">' })]), "en-GB", async (page) => {
    assert.match((await page.textContent("#sentence.bad")) ?? "", /“<img src=x onerror="alert\(1\)">”/);
    assert.equal(await page.$("img"), null);
  });
});

test("an attestation whose place another takes is good, with a link to that one", async () => {
  await online(allSignatures(files, [notice(files, SUPERSEDED)]), "en-GB", async (page) => {
    assert.equal((await steps(page))[TITLE], "passed");
    assert.equal(await page.textContent("#verdict.good"), "Your account is in this statement");
    assert.equal(await page.getAttribute("#steps a", "href"), `/a/${SUPERSEDED.by}`);
    assert.match((await page.textContent("#steps")) ?? "", /takes the place of this one, (0b){32}, for this reason: “Prices were wrong\.”/);
  });
});

test("a page with the attestation in it is red, and its saved copy and a file that was dropped on an older one too", async () => {
  const page = new TextDecoder().decode(bytes("web", "dist", "verify.html"));
  const session = await opened(page.replace(MARKER, () => writeBlock({ id, statement, jwks, signatures: withdrawn })), "withdrawn.html");
  await chosen(session.page, { "inclusion.json": inclusion });
  await red(session.page);
  const [download] = await Promise.all([session.page.waitForEvent("download"), session.page.click("text=Save this check")]);
  const saved = await opened(readFileSync(await download.path(), "utf8"), "saved.html");
  await chosen(saved.page, { "inclusion.json": inclusion });
  await red(saved.page);
  await closed(saved);
  await closed(session);
  // a copy from before the withdrawal
  const old = await opened(page.replace(MARKER, () => writeBlock({ id, statement, jwks, signatures: allSignatures(files) })), "old.html");
  await chosen(old.page, { "inclusion.json": inclusion });
  assert.equal((await steps(old.page))[TITLE], "passed");
  const sentence = await old.page.$("#sentence");
  await chosen(old.page, { "signatures.json": withdrawn });
  await sentence?.waitForElementState("hidden");
  await red(old.page);
  await closed(old);
});

test("the bare page says in grey what it was not given, and how to get it", async () => {
  const session = await opened(new TextDecoder().decode(bytes("web", "dist", "verify.html")), "bare.html");
  const { page } = session;
  await chosen(page, { "inclusion.json": inclusion, "statement.json": statement, "attestation.jws": files.jws as Uint8Array, "keys.json": jwks });
  assert.equal((await steps(page))[TITLE], "not_run");
  assert.match((await page.textContent("#steps")) ?? "", new RegExp(`Download it from your exchange’s service at /v1/attestations/${id}/signatures and add it here`));
  assert.match((await page.textContent("#sentence.good")) ?? "", /did not check whether the exchange withdrew/);
  const sentence = await page.$("#sentence");
  await chosen(page, { "signatures.json": withdrawn });
  await sentence?.waitForElementState("hidden");
  await red(page);
  await closed(session);
});
