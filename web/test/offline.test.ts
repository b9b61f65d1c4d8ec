// verify.html from a file, without a network: bare, with a block, and as "Save this check" writes it.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { statementDigest } from "../src/statement.ts";
import { MARKER, readBlock, writeBlock } from "../src/source.ts";
import { chosen, closed, launch, steps, watched, type Watched } from "./browser.ts";
import { attested, bytes } from "./files.ts";
import { serve } from "./server.ts";

const files = attested("solvency", "short");
const id = statementDigest(files.statement);
const { inclusion, ...published } = files;
const page = new TextDecoder().decode(bytes("web", "dist", "verify.html"));
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

/** Opens a page from a file, with the network off. */
async function opened(source: string, name: string): Promise<Watched> {
  const path = join(folder, name);
  writeFileSync(path, source);
  const session = await watched(browser, { offline: true });
  await session.page.goto(pathToFileURL(path).href);
  return session;
}

function sentNothing({ asked }: Watched): void {
  assert.deepEqual(asked.filter((address) => !/^(file|data|blob):/.test(address)), []);
}

test("the bare page takes statement, signature, keys and inclusion file", async () => {
  const session = await opened(page, "verify.html");
  await chosen(session.page, { "inclusion.json": inclusion });
  await session.page.waitForSelector("text=The statement is still missing");
  await chosen(session.page, { "statement.json": files.statement });
  assert.equal((await steps(session.page))["The statement is signed"], "not_run");
  assert.match((await session.page.textContent("#verdict.plain")) ?? "", /nobody’s signature was checked/);
  await chosen(session.page, { "attestation.jws": files.jws as Uint8Array, "keys.json": files.jwks as Uint8Array });
  await session.page.waitForSelector("text=Every step holds");
  assert.equal((await steps(session.page))["The statement is signed"], "passed");
  sentNothing(session);
  await closed(session);
});

test("a link's fragment is forgotten here too, and fetches nothing", async () => {
  const path = join(folder, "fragment.html");
  writeFileSync(path, page);
  const session = await watched(browser, { offline: true });
  await session.page.goto(`${pathToFileURL(path).href}#a=${id}&t=token`);
  await session.page.waitForSelector("h1");
  assert.ok(!session.page.url().includes("token"));
  sentNothing(session);
  await closed(session);
});

test("a page with its attestation takes the inclusion file alone", async () => {
  const block = writeBlock({ id, ...published });
  const session = await opened(page.replace(MARKER, () => block), "with.html");
  await chosen(session.page, { "inclusion.json": inclusion });
  const found = await steps(session.page);
  assert.deepEqual(Object.values(found), ["passed", "passed", "not_run", "passed", "passed", "passed", "passed", "passed", "passed", "not_run", "not_run"]);
  sentNothing(session);
  await closed(session);
});

test("a page whose block was changed does not call anything included", async () => {
  const other = writeBlock({ id: `0${id.slice(1)}`, ...published });
  const session = await opened(page.replace(MARKER, () => other), "changed.html");
  await chosen(session.page, { "inclusion.json": inclusion });
  await steps(session.page);
  assert.ok(await session.page.$(".verdict.bad"));
  await closed(session);
  const broken = await opened(page.replace(MARKER, '<script type="application/json" id="attestation">{"id":"x","id":"y"}</script>'), "broken.html");
  assert.match((await broken.page.textContent("#notices")) ?? "", /cannot be read: .*given twice/);
  await closed(broken);
});

test("a check that is saved makes the same check offline, without the reader's own file", async () => {
  const served = await serve(files);
  const online = await watched(browser);
  await online.page.goto(`${served.base}/check`);
  await chosen(online.page, { "inclusion.json": inclusion });
  await steps(online.page);
  const [download] = await Promise.all([online.page.waitForEvent("download"), online.page.click("text=Save this check")]);
  assert.equal(download.suggestedFilename(), `assay-check-${id.slice(0, 12)}.html`);
  const saved = readFileSync(await download.path(), "utf8");
  const own = JSON.parse(new TextDecoder().decode(inclusion)) as { account: string; salt: string };
  assert.ok(!saved.includes(own.account) && !saved.includes(own.salt), "the reader's own file is not in it");
  await closed(online);
  await served.close();
  const session = await opened(saved, "saved.html");
  await chosen(session.page, { "inclusion.json": inclusion });
  await steps(session.page);
  assert.equal(await session.page.textContent("#verdict"), "Every step holds. Is this your account?");
  // and once more from itself: the same bytes
  const [again] = await Promise.all([session.page.waitForEvent("download"), session.page.click("text=Save this check")]);
  const twice = await opened(readFileSync(await again.path(), "utf8"), "twice.html");
  await chosen(twice.page, { "inclusion.json": inclusion });
  assert.equal((await steps(twice.page))["The statement is signed"], "passed");
  sentNothing(twice);
  await closed(twice);
  await closed(session);
});

test("the page's policy lets nothing out and runs nothing else", async () => {
  const session = await watched(browser);
  const path = join(folder, "policy.html");
  writeFileSync(path, page);
  await session.page.goto(pathToFileURL(path).href);
  const outcome = await session.page.evaluate(async () => {
    const fetched = await fetch("https://exchange.example/").then(() => "sent", () => "refused");
    let written = "written";
    try {
      document.body.innerHTML = "<b>x</b>";
    } catch {
      written = "refused";
    }
    const script = document.createElement("script");
    let ran = "refused";
    try {
      script.textContent = "window.ran = true";
      document.head.append(script);
      if ("ran" in window) ran = "ran";
    } catch {
      ran = "refused";
    }
    return { fetched, written, ran };
  });
  assert.deepEqual(outcome, { fetched: "refused", written: "refused", ran: "refused" });
  assert.ok(session.faults.some((fault) => fault.includes("connect-src")), session.faults.join());
  await session.context.close();
});

test("the block ends no element, whatever its values are", () => {
  const jwks = new TextEncoder().encode('{"keys":[{"kid":"</script><!--"}]}');
  const block = writeBlock({ id, ...published, jwks });
  assert.equal(block.indexOf("<", 1), block.lastIndexOf("</script>"));
  const text = block.slice(block.indexOf(">") + 1, block.lastIndexOf("<"));
  const read = readBlock(text);
  assert.deepEqual(read.statement, files.statement);
  assert.deepEqual(read.jwks, jwks);
});
