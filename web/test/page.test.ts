// The page in a real browser: an honest file, changed ones, links with a token, and what must never leave the browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import type { Browser } from "playwright-core";
import { toBase64Url, utf8 } from "../src/bytes.ts";
import { entryOf } from "../src/log.ts";
import { readStatement } from "../src/statement.ts";
import { chosen, closed, launch, steps, watched } from "./browser.ts";
import { attested, fixture } from "./files.ts";
import { encode, manyPages, object } from "./make.ts";
import { honest, LOG, OTHER_KEY, POLICY, proved, verifierKey } from "./logs.ts";
import { serve, TOKEN, type Served } from "./server.ts";

const ACCOUNT = "u000000134-5ea51c96";
const files = attested("compliance", "short");
let browser: Browser;
let served: Served;

before(async () => {
  browser = await launch();
  served = await serve(files);
});
after(async () => {
  await browser.close();
  await served.close();
});

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const changed = () => new TextEncoder().encode(text(files.inclusion).replace('"quantity":"529', '"quantity":"629'));

test("an honest file ticks every step but the proof, and the last line says what was checked", async () => {
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  await page.fill("#account", ACCOUNT);
  await chosen(page, { "inclusion.json": files.inclusion });
  const found = await steps(page);
  assert.equal(Object.keys(found).length, 11);
  assert.deepEqual(Object.values(found), [...Array(10).fill("passed"), "not_run"]);
  assert.equal(await page.textContent("#verdict.good"), "Your account is in this statement");
  const sentence = (await page.textContent("#sentence")) ?? "";
  for (const part of [ACCOUNT, served.id, "exchange.example", "28 November 2026 at 00:00 UTC", "01:00 CET", "RdsIdO3CsMDzCjNZvzh9oqMmTgMASg3jgoAi8dXZLIQ", "did not check the proof"]) {
    assert.ok(sentence.includes(part), `${part} in: ${sentence}`);
  }
  const table = await page.$$eval("tbody tr", (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
  assert.deepEqual(table[0], ["RENDERowed to you", "9,632.35549132"]);
  assert.deepEqual(table[3], ["BTC-PERPcontracts long, your limit is 2,000", "6"]);
  assert.equal(await page.evaluate(() => document.activeElement?.id), "verdict");
  assert.ok(served.requests.every(({ headers }) => headers.referer === undefined), "no request says where it comes from");
  await closed(session);
});

test("a policy that the reader adds decides whether the statement is in a log that they trust", async () => {
  const session = await watched(browser);
  const { page } = session;
  const inclusion = object(files.inclusion);
  inclusion.set("log", proved(entryOf(readStatement(files.statement)), 1, 3, honest));
  await page.goto(`${served.base}/check`);
  await page.fill("#account", ACCOUNT);
  await chosen(page, { "inclusion.json": encode(inclusion) });
  const title = "The statement is in a public log";
  assert.equal((await steps(page))[title], "not_run");
  const after = async (...lines: string[]) => {
    const before = await page.$("#sentence");
    await chosen(page, { "log-policy": utf8([...lines, ""].join("\n")) });
    await before?.waitForElementState("hidden");
    return { steps: await steps(page), verdict: await page.textContent("#verdict") };
  };
  const trusted = await after(...POLICY, "quorum w");
  assert.deepEqual([trusted.steps[title], trusted.verdict], ["passed", "Your account is in this statement"]);
  assert.match((await page.textContent("#steps")) ?? "", /Entry 1 of log.example\/log, which has 3. Cosigned by w \(2023-11-14T22:13:20Z\)/);
  const stranger = await after(`log ${verifierKey(LOG, 1, OTHER_KEY).text}`, "quorum none");
  assert.equal(stranger.steps[title], "failed");
  assert.match(stranger.verdict ?? "", /public log/);
  await closed(session);
});

test("without a reference the page asks, and only an answer makes it good", async () => {
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  await chosen(page, { "inclusion.json": files.inclusion });
  assert.equal((await steps(page))["The account is yours"], "not_run");
  assert.equal(await page.textContent("#verdict.plain"), "Every step holds. Is this your account?");
  await page.click("text=Yes, account and balances are mine");
  assert.equal(await page.textContent("#verdict.good"), "Your account is in this statement");
  await page.reload();
  await chosen(page, { "inclusion.json": files.inclusion });
  await steps(page);
  await page.click("text=No, something is wrong");
  assert.equal(await page.textContent("#verdict.bad"), "You say that something is wrong");
  assert.match((await page.textContent("#sentence")) ?? "", /send both to your exchange/);
  await closed(session);
});

test("one changed digit is red at its step, says what to do, and shows no balances", async () => {
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  await chosen(page, { "inclusion.json": changed() });
  const found = await steps(page);
  assert.equal(found["The balances lead to the statement’s root"], "failed");
  assert.match((await page.textContent("#verdict.bad")) ?? "", /This check failed: “The balances lead to the statement’s root”/);
  assert.match((await page.textContent("#sentence.bad")) ?? "", /Step 7 failed .*Download it again/);
  assert.equal(await page.$("tbody"), null);
  assert.equal(await page.$(".verdict.good"), null);
  await closed(session);
});

test("another account is red although every other step holds", async () => {
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  await page.fill("#account", `${ACCOUNT}x`);
  await chosen(page, { "inclusion.json": files.inclusion });
  const found = await steps(page);
  assert.deepEqual(Object.entries(found).filter(([, state]) => state === "failed").map(([name]) => name), ["The account is yours"]);
  assert.equal(await page.$(".verdict.good"), null);
  await page.fill("#account", ACCOUNT);
  await page.click("button:text-is('Check again')");
  await page.waitForSelector(".verdict.good");
  await closed(session);
});

test("a link's token is in no address, history, storage or request but the one that needs it", async () => {
  const session = await watched(browser);
  const { page, asked } = session;
  const from = served.requests.length;
  await page.goto(`${served.base}/check#a=${served.id}&t=${TOKEN}`);
  await steps(page);
  await page.click("text=Yes, account and balances are mine");
  await page.waitForFunction(() => document.getElementById("sent")?.textContent !== "");
  assert.match((await page.textContent("#sent")) ?? "", /counted your answer/);
  assert.equal(page.url(), `${served.base}/check`);
  const kept = await page.evaluate(async () => ({
    address: location.href, state: JSON.stringify(history.state), cookies: document.cookie, local: JSON.stringify({ ...localStorage }), session: JSON.stringify({ ...sessionStorage }),
    databases: JSON.stringify(await indexedDB.databases()), caches: JSON.stringify(await caches.keys()), page: document.documentElement.outerHTML,
  }));
  for (const [place, value] of Object.entries(kept)) assert.ok(!value.includes(TOKEN), `the token is in ${place}`);
  const requests = served.requests.slice(from);
  for (const { line, headers, body } of requests) {
    assert.ok(!line.includes(TOKEN) && !body.includes(TOKEN), line);
    const needs = line.includes("/inclusion") || line.includes("/verification");
    assert.equal(headers.authorization, needs ? `Bearer ${TOKEN}` : undefined, line);
    assert.equal(headers.cookie, undefined);
  }
  assert.equal(requests.filter(({ line }) => line.includes("/verification")).map(({ body }) => body).join(), '{"included":true}');
  // the first navigation has the fragment, as a browser notes it; nothing asks for it
  assert.ok(asked.slice(1).every((address) => !address.includes(TOKEN)));
  // Back leads out of the page, not to the link
  await page.goBack().catch(() => undefined);
  assert.ok(!page.url().includes(TOKEN));
  await closed(session);
});

test("a link that is broken, refused or of an account that is not there says so", async () => {
  const absent = await serve(files, { missing: "/inclusion" });
  const unknown = await serve(files, { missing: "/statement" });
  const cases: [string, RegExp][] = [
    [`${served.base}/check#a=${served.id}&t=another`, /The link has expired or is not for this service/],
    [`${served.base}/check#a=${served.id.slice(1)}&t=${TOKEN}`, /The link is not complete/],
    [`${served.base}/check#a=${"0".repeat(64)}&t=${TOKEN}`, /no inclusion file of your account|has no attestation/],
    [`${absent.base}/check#a=${served.id}&t=${TOKEN}`, /no inclusion file of your account/],
    [`${unknown.base}/check#a=${served.id}&t=${TOKEN}`, /This service has no attestation/],
  ];
  for (const [address, notice] of cases) {
    const session = await watched(browser);
    await session.page.goto(address);
    await session.page.waitForSelector(".notice:not(:has-text('Loading'))");
    assert.match((await session.page.textContent("#notices")) ?? "", notice);
    assert.equal(await session.page.$(".verdict"), null);
    await closed(session);
  }
  await absent.close();
  await unknown.close();
});

test("a wrong file is named for what it is", async () => {
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  const cases: [string, string | Uint8Array, RegExp][] = [
    ["bundle.zip", "PK\u0003\u0004...", /zip archive/],
    ["user_config.json", '{"AccountIndex":1,"AccountIdHash":"00","TotalEquity":"1","Proof":[]}', /Binance and Gate/],
    ["merkel_tree.json", '{"self":{},"path":[{"auditId":"Au20251118","merkelLeaf":"7a"}]}', /OKX or Bitget/],
    ["balances.csv", "account,asset,equity,debt\nalice,BTC,1,0\n", /an exchange’s ledger/],
    ["disclosure.json", '{"protocol":"assay/disclosure/1"}', /--disclosure/],
    ["cut.json", '{"a":', /broken JSON/],
    ["<b>x</b>.txt", "hello", /<b>x<\/b>\.txt is plain text/],
  ];
  for (const [name, content, notice] of cases) {
    await chosen(page, { [name]: typeof content === "string" ? new TextEncoder().encode(content) : content });
    await page.waitForFunction((n) => document.getElementById("notices")?.textContent?.includes(n), name);
    assert.match((await page.textContent("#notices")) ?? "", notice);
  }
  assert.equal(await page.$(".verdict"), null);
  await closed(session);
});

test("dropped and pasted files are taken as chosen ones are", async () => {
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  await page.evaluate((content) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([content], "inclusion.json"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, text(files.inclusion));
  assert.equal((await steps(page))["The statement is signed"], "passed");
  await page.click("text=Check another file");
  await page.click("summary");
  await page.fill("#paste", text(files.inclusion));
  await page.click("text=Use this text");
  assert.equal((await steps(page))["The statement is signed"], "passed");
  await closed(session);
});

test("a file of another attestation than the last one is checked against its own", async () => {
  const other = attested("solvency", "short");
  const both = await serve(files, { more: [other] });
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${both.base}/check#a=${both.id}&t=${TOKEN}`);
  await steps(page);
  await chosen(page, { "inclusion.json": other.inclusion });
  await page.waitForSelector("#steps:has-text('u000000000-d3301861')");
  const found = await steps(page);
  assert.ok(!Object.values(found).includes("failed"), JSON.stringify(found));
  // the token was for the other attestation: the answer is not sent with it
  const before = both.requests.length;
  await page.click("text=Yes, account and balances are mine");
  await page.waitForSelector(".verdict.good");
  assert.equal(both.requests.length, before);
  await closed(session);
  await both.close();
});

test("a key is compared, and another one makes the result red", async () => {
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  await page.fill("#account", ACCOUNT);
  await chosen(page, { "inclusion.json": files.inclusion });
  await steps(page);
  await page.fill("#key", "RdsIdO3CsMDzCjNZvzh9oqMmTgMASg3jgoAi8dXZLIQ");
  await page.click("button:text-is('Compare')");
  assert.match((await page.textContent("#key-outcome .good")) ?? "", /the same/);
  await page.fill("#key", "RdsIdO3CsMDzCjNZvzh9oqMmTgMASg3jgoAi8dXZLIR");
  await page.click("button:text-is('Compare')");
  await page.waitForSelector("#key-outcome .bad");
  assert.equal(await page.textContent("#verdict.bad"), "The statement is signed by another key");
  assert.equal(await page.$(".verdict.good"), null);
  await closed(session);
});

/** The statement signed by another key that is listed under the name of the exchange's. */
function impostor(name: string): typeof files {
  const key = new Uint8Array(32).fill(1);
  const jwk = { kty: "OKP", crv: "Ed25519", x: toBase64Url(ed25519.getPublicKey(key)), kid: name, assay_purpose: "attestation" };
  const header = toBase64Url(utf8(JSON.stringify({ alg: "EdDSA", kid: name, typ: "assay-attestation+jws" })));
  const payload = toBase64Url(files.statement);
  const signature = toBase64Url(ed25519.sign(utf8(`${header}.${payload}`), key));
  const jws = utf8(JSON.stringify({ payload, signatures: [{ protected: header, signature }] }));
  return { ...files, jws, jwks: utf8(JSON.stringify({ keys: [jwk] })) };
}

test("a key is known by its thumbprint, whatever a list calls it", async () => {
  const name = "RdsIdO3CsMDzCjNZvzh9oqMmTgMASg3jgoAi8dXZLIQ";
  const other = await serve(impostor(name));
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${other.base}/check`);
  await page.fill("#account", ACCOUNT);
  await chosen(page, { "inclusion.json": files.inclusion });
  await steps(page);
  assert.ok(!((await page.textContent("#sentence")) ?? "").includes(name));
  await page.fill("#key", name);
  await page.click("button:text-is('Compare')");
  await page.waitForSelector("#key-outcome .bad");
  assert.equal(await page.$(".verdict.good"), null);
  await closed(session);
  await other.close();
});

test("a link that is opened in the page itself is followed and forgotten as well", async () => {
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  await page.waitForSelector("#account");
  await page.evaluate((hash) => void (location.hash = hash), `#a=${served.id}&t=${TOKEN}`);
  await steps(page);
  assert.equal(page.url(), `${served.base}/check`);
  await closed(session);
});

test("the keyboard alone is enough", async () => {
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  // asked for long before the key is pressed: the browser is told of it by another way
  const choosing = page.waitForEvent("filechooser");
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || "");
  const until = async (wanted: RegExp) => {
    for (let k = 0; k < 40; k++) {
      if (wanted.test(await focused())) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`the focus never came to ${wanted}; it is on ${await focused()}`);
  };
  await until(/^account$/);
  await page.keyboard.type(ACCOUNT);
  await until(/^file$/);
  await page.keyboard.press("Space");
  const chooser = await choosing;
  await chooser.setFiles([{ name: "inclusion.json", mimeType: "application/json", buffer: Buffer.from(files.inclusion) }]);
  await steps(page);
  assert.equal(await focused(), "verdict");
  await until(/^Yes, account and balances are mine$/);
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "verdict");
  await until(/^key$/);
  await page.keyboard.type("x");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#key-outcome .bad");
  await until(/^Check another file$/);
  await page.keyboard.press("Space");
  assert.equal(await focused(), "account");
  await closed(session);
});

test("steps are told to screen readers as they come, and the language is marked", async () => {
  const session = await watched(browser, { locale: "de-DE" });
  const { page } = session;
  await page.goto(`${served.base}/check`);
  assert.equal(await page.getAttribute("html", "lang"), "de");
  assert.equal(await page.textContent("h1"), "Ist Ihr Konto enthalten?");
  await chosen(page, { "inclusion.json": files.inclusion });
  await steps(page);
  assert.equal(await page.getAttribute("#steps", "aria-live"), "polite");
  assert.match((await page.textContent("tbody")) ?? "", /9\.632,35549132/);
  assert.equal(await page.getAttribute("#check ul[lang]", "lang"), "en");
  await page.click("#language");
  assert.equal(await page.textContent("#verdict"), "Every step holds. Is this your account?");
  await page.goto(`${served.base}/check?lang=en`);
  assert.equal(await page.textContent("h1"), "Is your account included?");
  await closed(session);
});

test("nothing is cut off at 320 pixels", async () => {
  const session = await watched(browser, { viewport: { width: 320, height: 640 } });
  const { page } = session;
  await page.goto(`${served.base}/check`);
  await chosen(page, { "inclusion.json": files.inclusion });
  await steps(page);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320);
  await closed(session);
});

test("hostile names from a statement are shown and do nothing", async () => {
  const account = '<img src=x onerror="alert(1)">\u202e$&';
  const inclusion = new TextEncoder().encode(text(files.inclusion).replace(ACCOUNT, () => account.replaceAll('"', '\\"')));
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${served.base}/check`);
  await chosen(page, { "inclusion.json": inclusion });
  await steps(page);
  assert.match((await page.textContent("#steps")) ?? "", /<img src=x onerror="alert\(1\)">U\+202E\$&/);
  assert.equal(await page.$("img"), null);
  await closed(session);
});

test("an account of twenty pages is checked in the browser in under 300 ms", async () => {
  const many = manyPages(20);
  const other = await serve({ ...many, jws: fixture("compliance", "attestation.jws"), jwks: fixture("jwks.json") });
  const session = await watched(browser);
  const { page } = session;
  await page.goto(`${other.base}/check`);
  // from the first change of the page to the last, timers between the steps included; the best of three, for other work on the machine
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    await page.reload();
    await page.evaluate(() => {
      const times: number[] = [];
      Object.assign(window, { times });
      new MutationObserver(() => times.push(performance.now())).observe(document.body, { childList: true, subtree: true });
    });
    await chosen(page, { "statement.json": many.statement, "inclusion.json": many.inclusion });
    const found = await steps(page);
    assert.equal(found["The balances lead to the statement’s root"], "passed");
    const took = await page.evaluate(() => {
      const times = (window as unknown as { times: number[] }).times;
      return (times.at(-1) as number) - (times[0] as number);
    });
    best = Math.min(best, took);
  }
  console.log(`20 pages of solvency-512 in chromium, from the first change of the page to the last: ${best.toFixed(0)} ms`);
  assert.ok(best < 300, `${best} ms`);
  await closed(session);
  await other.close();
});
