// /regulator in a real browser: what an auditor sees of an attestation, its reserve lines, and samples of them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { closed, launch, watched } from "./browser.ts";
import { disclosure, HOSTILE, HOSTILE_SHOWN, ID, says, Staff, served, summary, TOKEN } from "./staff_server.ts";

const LINES = 120;
let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** A disclosure of many lines, some of them hostile. */
function manyLines() {
  const file = disclosure();
  const [line] = file.lines;
  assert.ok(line);
  const fields = (k: number) => ({ ...line.fields, address: k % 7 === 3 ? `${HOSTILE}${k}` : `address-${k}`, message: k === 0 ? HOSTILE : "" });
  // not every index is disclosed
  const lines = Array.from({ length: LINES }, (_, k) => ({ ...line, index: 2 * k, fields: fields(k) }));
  return { ...file, attestation_id: ID, line_count: 249, lines };
}

async function opened(page: Page, staff: Staff, path = `/regulator#id=${ID}`): Promise<void> {
  await page.goto(staff.base + path);
  await page.fill("#token", TOKEN);
  await page.press("#token", "Enter");
}

async function loaded(page: Page, asset = ""): Promise<void> {
  await page.selectOption("#asset", { label: asset === "" ? "all assets" : asset });
  await page.click("button:text-is('Load the lines')");
  await page.waitForSelector("#lines-found");
}

async function sampled(page: Page, seed: string, size: string): Promise<string[][]> {
  await page.fill("#seed", seed);
  await page.fill("#size", size);
  await page.press("#size", "Enter");
  await says(page, "#sample-notices", `by the seed ${seed.trim()}.`);
  return await rows(page, "#sample");
}

const rows = (page: Page, within: string) =>
  page.$$eval(`${within} tbody tr`, (all) => all.map((row) => [...row.children].map((cell) => cell.textContent ?? "")));

/** The rule of api-spec/reserves.md, in other words. */
function expected(seed: string, indices: number[], size: number): string[] {
  const rank = (index: number) => createHash("sha256").update(`${seed}:${index}`, "ascii").digest();
  return indices.map((index) => [rank(index), index] as const).sort(([a], [b]) => Buffer.compare(a, b)).slice(0, size).map(([, index]) => String(index));
}

test("a regulator finds an attestation in the list and sees what auditors may see", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page } = session;
    await page.goto(`${staff.base}/regulator`);
    assert.equal(await page.textContent("#list"), "");
    await page.fill("#token", TOKEN);
    await page.press("#token", "Enter");
    await page.click("#list tbody button");
    await page.waitForSelector("#about-title");
    assert.equal(new URL(page.url()).hash, `#id=${ID}`);
    const shown = (await page.textContent("#attestation")) ?? "";
    for (const part of [
      "Example Exchange", "2026-11-23", "at least 100 % of customer assets", "The policy requires 100 %", "107.36 %", "nothing is owed", "93,486,137.25", "Margin excess",
      "1 retail, full, EU", "BTC-PERP", "50,000", "59200fb740cae7191e7d2c6d1913f572773704393c15fbaa97c401435056931b", "63.98812989",
      "Lines: 0 proven owned, 0 by third parties, 0 undated, 249 unproven", "412", "19 steps of 64 pages", `https://assay.example/v1/attestations/${ID}/bundle.zip`,
    ]) assert.ok(shown.includes(part), `${part} in: ${shown}`);
    const links = await page.$$eval("#attestation a", (all) => all.map((link) => link.getAttribute("href")));
    assert.ok([`/v1/attestations/${ID}/bundle.zip`, `/v1/attestations/${ID}/log-proof`, `/a/${ID}`].every((href) => links.includes(href)), links.join());
    // what is public is asked for without the token
    for (const { line, headers } of staff.requests) {
      assert.equal(headers.authorization, /\/v1\/(?:compliance|reserves)/.test(line) ? `Bearer ${TOKEN}` : undefined, line);
      assert.ok(!line.includes(TOKEN));
    }
    await page.fill("#which", "exchange.example");
    await page.press("#which", "Enter");
    await page.waitForSelector("#list tbody tr");
    assert.equal(staff.asked("GET /v1/attestations?").at(-1)?.line, "GET /v1/attestations?limit=20&exchange=exchange.example");
    await page.click("text=Forget the token");
    assert.equal(await page.textContent("#list"), "");
    await closed(session);
  });
});

test("reserve lines are shown page by page, and saved as they were sent", async () => {
  await served(async (staff) => {
    staff.documents[`/v1/reserves/${ID}`] = manyLines();
    const session = await watched(browser);
    const { page } = session;
    await opened(page, staff);
    await page.waitForSelector("#asset");
    await loaded(page, "BTC");
    assert.equal(staff.asked("GET /v1/reserves").at(-1)?.line, `GET /v1/reserves/${ID}?asset=BTC`);
    assert.match((await page.textContent("#lines-found")) ?? "", /Disclosed lines: 120 of 249; all of these assets/);
    const first = await rows(page, "#lines");
    assert.equal(first.length, 50);
    assert.deepEqual(first[3]?.slice(0, 4), ["6", "BTC", "chain", `${HOSTILE_SHOWN}3`]);
    await page.focus("#lines >> text=Next rows");
    // the third press has nothing more to show, and changes nothing
    for (let press = 0; press < 3; press++) await page.keyboard.press("Enter");
    assert.deepEqual((await rows(page, "#lines")).map(([index]) => index), Array.from({ length: 20 }, (_, k) => String(200 + 2 * k)));
    await says(page, "#lines", "Rows 101 to 120 of 120");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Save the disclosed lines")]);
    assert.equal(download.suggestedFilename(), `reserves-${ID.slice(0, 12)}.json`);
    assert.equal(readFileSync(await download.path(), "utf8"), JSON.stringify(manyLines()));
    assert.ok((await page.textContent("#lines"))?.includes(`assay-verify bundle.zip --reserves reserves-${ID.slice(0, 12)}.json`));
    assert.equal(await page.$$eval("#staff img, #staff script", (all) => all.length), 0);
    await closed(session);
  });
});

test("one seed draws the same lines for every reader, and another seed others", async () => {
  await served(async (staff) => {
    staff.documents[`/v1/reserves/${ID}`] = manyLines();
    const indices = Array.from({ length: LINES }, (_, k) => 2 * k);
    const drawn: string[][] = [];
    for (const locale of ["en-GB", "en-US"]) {
      const session = await watched(browser, { locale });
      const { page } = session;
      await opened(page, staff);
      await page.waitForSelector("#asset");
      await loaded(page);
      const sample = (await sampled(page, "audit-7", "12")).map(([index]) => index as string);
      assert.deepEqual(sample, expected("audit-7", indices, 12));
      assert.deepEqual((await sampled(page, "  audit-7 ", "5")).map(([index]) => index), sample.slice(0, 5));
      assert.deepEqual((await sampled(page, "audit-8", "12")).map(([index]) => index), expected("audit-8", indices, 12));
      assert.equal((await sampled(page, "audit-7", "1000")).length, 50);
      await page.click("text=A random seed");
      assert.match(await page.inputValue("#seed"), /^[0-9a-f]{32}$/);
      for (const [seed, size, said] of [["", "5", "A seed has 1 to 128"], ["ümlaut", "5", "A seed has 1 to 128"], ["a", "0", "from 1 to 1,000"], ["a", "1001", "from 1 to 1,000"]] as const) {
        await page.fill("#seed", seed);
        await page.fill("#size", size);
        await page.press("#size", "Enter");
        await says(page, "#sample-notices", said);
        assert.equal(await page.textContent("#sample"), "");
      }
      drawn.push(sample);
      await closed(session);
    }
    assert.deepEqual(drawn[0], drawn[1]);
    assert.notDeepEqual(expected("audit-7", indices, 12), expected("audit-8", indices, 12));
  });
});

test("hostile names, sentences and rules are text", async () => {
  await served(async (staff) => {
    const hostile = { ...summary(), exchange: { name: HOSTILE, domain: "exchange.example" }, snapshot: HOSTILE };
    const compliance = staff.documents[`/v1/compliance/${ID}`] as Record<string, unknown>;
    staff.documents["/v1/attestations"] = { attestations: [hostile] };
    Object.assign(compliance, {
      attestation: hostile, sentences: [HOSTILE], not_proven: [HOSTILE], without_limit: [HOSTILE], protocol: HOSTILE,
      limits: [{ class: 1, instrument: HOSTILE, side: HOSTILE, limit: HOSTILE }], measures: [{ measure: HOSTILE, quote: HOSTILE, positive: HOSTILE, negative: "0", below: 0 }],
      report: { checks: [{ title: HOSTILE, passed: false, detail: HOSTILE }] },
    });
    const session = await watched(browser);
    const { page } = session;
    await opened(page, staff, "/regulator");
    await page.waitForSelector("#list tbody tr");
    assert.ok((await page.textContent("#list"))?.includes(HOSTILE_SHOWN));
    assert.equal(await page.getAttribute("#list tbody button", "aria-label"), `Show ${HOSTILE_SHOWN} of exchange.example`);
    await page.click("#list tbody button");
    await page.waitForSelector("#about-title");
    const shown = (await page.textContent("#attestation")) ?? "";
    assert.ok(shown.split(HOSTILE_SHOWN).length > 12 && !/[\u202e\u2066]/.test(shown), shown);
    assert.equal(await page.$$eval("#staff img, #staff script", (all) => all.length), 0);
    assert.ok(!/[\u202e\u2066]/.test(await page.evaluate(() => document.documentElement.outerHTML)));
    assert.equal(await page.title(), "Attestations for auditors – Assay");
    await closed(session);
  });
});

test("a refused request and a foreign statement are told", async () => {
  await served(async (staff) => {
    const session = await watched(browser, { locale: "de-DE" });
    const { page } = session;
    await opened(page, staff, "/regulator");
    await page.waitForSelector("#list tbody tr");
    for (const [status, said] of [[401, "Der Token wird nicht angenommen"], [403, "Recht audit:read"], [404, "gibt es nicht"], [429, "bittet zu warten"], [503, "bittet zu warten"]] as const) {
      staff.refusals = { "GET /v1/compliance": { status, detail: `because ${status}` } };
      await page.fill("#which", ID);
      await page.press("#which", "Enter");
      await says(page, "#notices", `because ${status}`);
      assert.ok((await page.textContent("#notices"))?.includes(said), said);
      assert.equal(await page.textContent("#attestation"), "");
    }
    staff.refusals = {};
    const other = "0".repeat(64);
    staff.documents[`/v1/compliance/${other}`] = { ...staff.documents[`/v1/compliance/${ID}`], attestation: { ...summary(), id: other } };
    staff.documents[`/v1/attestations/${other}`] = { ...staff.documents[`/v1/attestations/${ID}`], id: other };
    staff.documents[`/v1/attestations/${other}/statement`] = { other: true };
    await page.fill("#which", other);
    await page.press("#which", "Enter");
    await says(page, "#notices", "is not the one of this attestation");
    await page.fill("#which", "no domain");
    await page.press("#which", "Enter");
    await says(page, "#which-wrong", "weder eine Kennung");
    await closed(session);
  });
});

test("a token in the field of the attestation comes into no address and no history", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page } = session;
    await opened(page, staff);
    await page.waitForSelector("#about-title");
    const before = await page.evaluate(() => history.length);
    for (const typed of [TOKEN, "a".repeat(65), "two words", "under_score"]) {
      await page.fill("#which", typed);
      await page.press("#which", "Enter");
      await says(page, "#which-wrong", "It was not put into the address");
      assert.equal(await page.textContent("#attestation"), "");
      assert.deepEqual([new URL(page.url()).hash, await page.evaluate(() => history.length)], [`#id=${ID}`, before], typed);
    }
    assert.ok(staff.requests.every(({ line }) => !line.toLowerCase().includes("eyj")));
    await page.fill("#which", " Exchange.Example ");
    await page.press("#which", "Enter");
    await page.waitForSelector("#list tbody tr");
    assert.deepEqual([new URL(page.url()).hash, await page.textContent("#which-wrong")], ["#exchange=exchange.example", ""]);
    await closed(session);
  });
});

test("what is of another attestation than was asked for is not shown", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page } = session;
    const id = "0".repeat(64);
    const [compliance, attestation] = [staff.documents[`/v1/compliance/${ID}`], staff.documents[`/v1/attestations/${ID}`]];
    staff.documents[`/v1/compliance/${ID}`] = { ...compliance, attestation: { ...summary(), id } };
    await opened(page, staff);
    await says(page, "#notices", "is of another attestation");
    Object.assign(staff.documents, { [`/v1/compliance/${ID}`]: compliance, [`/v1/attestations/${ID}`]: { ...attestation, id } });
    await page.reload();
    await says(page, "#notices", "is of another attestation");
    assert.equal(await page.textContent("#attestation"), "");
    Object.assign(staff.documents, { [`/v1/attestations/${ID}`]: attestation, [`/v1/reserves/${ID}`]: { ...manyLines(), attestation_id: id } });
    await page.reload();
    await page.click("button:text-is('Load the lines')");
    await says(page, "#attestation", "are of another attestation");
    assert.equal(await page.$("#lines-found"), null);
    await closed(session);
  });
});
