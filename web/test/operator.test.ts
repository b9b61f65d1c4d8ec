// /operator in a real browser: progress as it happens, findings, cancelling, failures, and where the token is.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { closed, launch, watched } from "./browser.ts";
import { example, HOSTILE, HOSTILE_SHOWN, JOB, says, served, Staff, TOKEN } from "./staff_server.ts";

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function opened(page: Page, staff: Staff, path = `/operator#job=${JOB}`): Promise<void> {
  await page.goto(staff.base + path);
  await page.fill("#token", TOKEN);
  await page.press("#token", "Enter");
}

test("an operator sees progress as it happens, over a stream that breaks, until the attestation", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page } = session;
    await opened(page, staff);
    await says(page, "#progress", "12 of 19 steps. 31 steps a minute.");
    await says(page, "#job-channel", "as they happen");
    await says(page, "#progress", "Shard 0 (counted from 0)");
    assert.equal(await page.textContent('#stages [aria-current="step"] .step-title span'), "Folding");
    staff.push({ steps_done: 15, units: [{ shard: 0, state: "folding", steps_done: 9, steps: 12 }, { shard: 1, state: "proved", steps_done: 6, steps: 7 }] });
    await says(page, "#progress", "15 of 19 steps.");
    await says(page, "#progress", "6 of 7 steps. Proved.");
    assert.deepEqual(await page.$$eval("progress", (bars) => bars.map((bar) => [bar.value, bar.max])), [[15, 19], [9, 12], [6, 7]]);
    staff.cut();
    staff.push({ steps_done: 17 });
    await says(page, "#progress", "17 of 19 steps.");
    const streams = staff.asked(`GET /v1/jobs/${JOB}/events`).map(({ headers }) => headers["last-event-id"]);
    assert.deepEqual(streams.slice(0, 2), [undefined, "folding-15"]);
    staff.push({ state: "published", steps_done: 19, attestation: "ab".repeat(32) });
    const link = await page.waitForSelector("#outcome a");
    assert.equal(await link.getAttribute("href"), `/a/${"ab".repeat(32)}`);
    await says(page, "#job-state", "Published");
    assert.equal(await page.$$eval("#stages .passed", (items) => items.length), 8);
    assert.equal(await page.$("#cancelling button"), null);
    await closed(session);
  });
});

test("findings are a table of file, line and sentence, and hostile ones are text", async () => {
  await served(async (staff) => {
    const findings = [
      ...(example("job-refused")["findings"] as { findings: object[] }).findings,
      { file: HOSTILE, line: null, reason: `symbol "${HOSTILE}" is not in the book` },
    ];
    staff.job = { ...example("job-refused"), detail: HOSTILE, findings: { findings, total: 12 } };
    const session = await watched(browser);
    const { page } = session;
    await opened(page, staff);
    await page.waitForSelector("#outcome tbody tr");
    const rows = await page.$$eval("#outcome tbody tr", (all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
    assert.deepEqual(rows, [
      ["balances.csv", "1,042", 'BTC quantity "0.123456789" has 9 decimals, the book allows 8'],
      [HOSTILE_SHOWN, "whole file", `symbol "${HOSTILE_SHOWN}" is not in the book`],
    ]);
    assert.equal(await page.textContent("#outcome tbody tr code"), '"0.123456789"');
    await says(page, "#outcome", "The first 2 of 12 findings");
    assert.ok((await page.textContent("#outcome"))?.includes(HOSTILE_SHOWN));
    assert.deepEqual(await page.$$eval("#staff img, #staff script", (all) => all.length), 0);
    assert.equal(await page.title(), "Follow a job – Assay");
    await closed(session);
  });
});

test("a job is cancelled by the second press, and by no other way", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page } = session;
    await opened(page, staff);
    await page.click("text=Cancel the job");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "No, let it run");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Cancel the job");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Cancel the job");
    assert.equal(staff.asked("DELETE").length, 0);
    staff.refusals = { DELETE: { status: 409, detail: "the job is published already" } };
    const confirm = async () => {
      await page.click("text=Cancel the job");
      await page.click("text=Yes, cancel the job");
    };
    await confirm();
    await says(page, "#cancel-failed", "not possible any more. The reason: the job is published already");
    staff.refusals = {};
    await confirm();
    await says(page, "#job-state", "Cancelled");
    assert.deepEqual(staff.asked("DELETE").map(({ line }) => line), Array(2).fill(`DELETE /v1/jobs/${JOB}`));
    // what was under way when it ended
    assert.equal(await page.textContent("#stages .failed .step-title span"), "Folding");
    assert.equal(await page.$("#cancelling button"), null);
    await closed(session);
  });
});

test("without a stream the page asks again and again", async () => {
  await served(async (staff) => {
    staff.refusals = { [`GET /v1/jobs/${JOB}/events`]: { status: 503, detail: "too many streams" } };
    const session = await watched(browser);
    const { page } = session;
    await opened(page, staff);
    await says(page, "#job-channel", "asks every few seconds");
    await says(page, "#progress", "12 of 19 steps.");
    staff.push({ state: "published", steps_done: 19, attestation: "cd".repeat(32) });
    await page.waitForSelector("#outcome a");
    assert.ok(staff.asked(`GET /v1/jobs/${JOB}`).length >= 3);
    await closed(session);
  });
});

test("a refused request says what to do", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page } = session;
    await opened(page, staff, "/operator");
    for (const [status, said] of [
      [401, "The token is not accepted"], [403, "scope proofs:run"], [404, "There is no such job"], [400, "cannot be used (status 400)"],
    ] as const) {
      staff.refusals = { "GET /v1/jobs": { status, detail: `because ${status}` } };
      await page.fill("#job-id", JOB);
      await page.press("#job-id", "Enter");
      await says(page, "#notices", `because ${status}`);
      assert.ok((await page.textContent("#notices"))?.includes(said), said);
      assert.equal(await page.textContent("#job"), "");
    }
    // these pass, so the page goes on
    for (const [status, said] of [[429, "asks to wait"], [503, "asks to wait"]] as const) {
      staff.refusals = {};
      await page.press("#job-id", "Enter");
      await says(page, "#progress", "12 of 19");
      staff.refusals = { "GET /v1/jobs": { status, retryAfter: "7" } };
      staff.cut();
      await says(page, "#job-channel", said);
      assert.match((await page.textContent("#job-channel")) ?? "", /Wait: 7 s\./);
    }
    await page.fill("#job-id", "17");
    await page.press("#job-id", "Enter");
    await says(page, "#job-wrong", "This is no id of a job");
    await closed(session);
  });
});

test("the token is in the storage of its tab and in the requests that need it, and nowhere else", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page, context, asked } = session;
    await opened(page, staff);
    await says(page, "#progress", "12 of 19 steps.");
    const kept = await page.evaluate(async () => ({
      address: location.href, state: JSON.stringify(history.state), cookies: document.cookie, local: JSON.stringify({ ...localStorage }),
      databases: JSON.stringify(await indexedDB.databases()), caches: JSON.stringify(await caches.keys()), page: document.documentElement.outerHTML,
      fields: JSON.stringify([...document.querySelectorAll("input")].map((input) => input.value)),
    }));
    for (const [place, value] of Object.entries(kept)) assert.ok(!value.includes(TOKEN), `the token is in ${place}`);
    assert.deepEqual(await page.evaluate(() => ({ ...sessionStorage })), { "assay.token.operator": TOKEN });
    for (const { line, headers } of staff.requests) {
      assert.ok(!line.includes(TOKEN), line);
      assert.equal(headers.authorization, line.includes("/v1/jobs/") ? `Bearer ${TOKEN}` : undefined, line);
      assert.deepEqual([headers.cookie, headers.referer], [undefined, undefined], line);
    }
    assert.ok(asked.length > 0 && asked.every((address) => address.startsWith(`${staff.base}/`)), asked.join());
    // another tab has none, and the same tab keeps it
    const other = await context.newPage();
    await other.goto(`${staff.base}/operator#job=${JOB}`);
    await says(other, "#notices", "Paste a token first");
    await page.reload();
    await says(page, "#progress", "12 of 19 steps.");
    // so does its other language, with the job
    await page.click("header >> text=Deutsch");
    await says(page, "#progress", "12 von 19 Schritten.");
    assert.ok(page.url().endsWith(`?lang=de#job=${JOB}`), page.url());
    // the other page of this tab has another one
    await page.goto(`${staff.base}/regulator`);
    await page.waitForSelector("#token");
    await page.goto(`${staff.base}/operator#job=${JOB}`);
    await says(page, "#progress", "12 of 19 steps.");
    await page.evaluate(() => sessionStorage.setItem("assay.token.regulator", "the token of the other page"));
    await page.click("text=Forget the token");
    assert.equal(await page.textContent("#job"), "");
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.equal(await page.evaluate(() => document.activeElement?.id), "token");
    await closed(session);
  });
});

test("a browser that cannot join signals shows a job too", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page } = session;
    await page.addInitScript(() => void delete (AbortSignal as { any?: unknown }).any);
    await opened(page, staff);
    await says(page, "#progress", "12 of 19 steps.");
    staff.push({ steps_done: 15 });
    await says(page, "#progress", "15 of 19 steps.");
    await closed(session);
  });
});

test("the token follows no redirect and goes to no other origin", async () => {
  await served(async (other) => {
    await served(async (staff) => {
      const session = await watched(browser);
      const { page } = session;
      staff.refusals = { "GET /v1/jobs": { status: 307, location: `${other.base}/v1/jobs/${JOB}` } };
      await opened(page, staff);
      await says(page, "#notices", "does not answer");
      assert.deepEqual(other.requests, []);
      staff.refusals = { "GET /v1/jobs": { status: 307, location: "/v1/attestations" } };
      await page.reload();
      await says(page, "#notices", "does not answer");
      assert.equal(staff.asked("GET /v1/attestations").length, 0);
      await closed(session);
    });
  });
});

test("a token in the field of the job comes into no address and no history", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page } = session;
    await opened(page, staff);
    await says(page, "#progress", "12 of 19");
    const before = await page.evaluate(() => history.length);
    for (const typed of [TOKEN, `${JOB}/../x`, "17"]) {
      await page.fill("#job-id", typed);
      await page.press("#job-id", "Enter");
      await says(page, "#job-wrong", "It was not put into the address");
      assert.equal(await page.textContent("#job"), "");
      assert.deepEqual([new URL(page.url()).hash, await page.evaluate(() => history.length)], [`#job=${JOB}`, before], typed);
    }
    // the id in another spelling is the same job
    await page.fill("#job-id", ` ${JOB.toUpperCase()} `);
    await page.press("#job-id", "Enter");
    await says(page, "#progress", "12 of 19");
    assert.equal(await page.textContent("#job-wrong"), "");
    await page.evaluate(() => void (location.hash = "#job=17"));
    await says(page, "#notices", "This is no id of a job");
    await closed(session);
  });
});

test("what cannot be a token is not kept", async () => {
  await served(async (staff) => {
    const session = await watched(browser);
    const { page } = session;
    await page.goto(`${staff.base}/operator`);
    for (const wrong of ["", "two words", "ünïcode"]) {
      await page.fill("#token", wrong);
      await page.press("#token", "Enter");
      await says(page, "#token-wrong", "This cannot be a token");
    }
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await page.fill("#token", `  ${TOKEN}\n`);
    await page.press("#token", "Enter");
    await page.waitForSelector("text=Forget the token");
    assert.equal(await page.evaluate(() => sessionStorage.getItem("assay.token.operator")), TOKEN);
    await closed(session);
  });
});
