// Every page is valid HTML: the files of dist as they are sent, what the script makes of them, and the service's own pages.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { HtmlValidate, StaticConfigLoader, type RuleConfig } from "html-validate";
import { statementDigest } from "../src/statement.ts";
import { MARKER, writeBlock } from "../src/source.ts";
import { chosen, closed, launch, steps, watched } from "./browser.ts";
import { attested, bytes, examples, web } from "./files.ts";
import { serve } from "./server.ts";

const RULES: RuleConfig = {
  // every file comes from the page's own origin, which its policy demands; a digest would guard against nobody
  "require-sri": ["error", { target: "crossorigin" }],
};
const validator = new HtmlValidate(new StaticConfigLoader({ root: true, extends: ["html-validate:recommended", "html-validate:document"], rules: RULES }));
/** What a browser writes in its own way when it is asked for the page as it is now. */
const WRITTEN_BY_BROWSER: RuleConfig = {
  // `multiple` is written as `multiple=""`
  "attribute-boolean-style": "off",
};

/** What is wrong, a line each. */
async function faults(html: string, rules: RuleConfig = {}): Promise<string[]> {
  const report = await validator.validateString(html, "page.html", { rules });
  return report.results.flatMap(({ messages }) => messages.map((m) => `${m.line}:${m.column} ${m.ruleId}: ${m.message}`));
}

async function valid(html: string, where: string, rules: RuleConfig = {}): Promise<void> {
  assert.deepEqual(await faults(html, rules), [], where);
}

test("a fault is found", async () => {
  const page = new Map(examples()).get("attestation.en.html") ?? "";
  for (const [fault, rule] of [
    ["<p><span><div>x</div></span></p>", /element-permitted-content|close-order/], ['<a href="/" href="/">x</a>', /no-dup-attr/],
    ['<h4>x</h4>', /heading-level/], ['<p id="x"></p><p id="x"></p>', /no-dup-id/], ['<img src="/x.png">', /wcag\/h37/], ["<p>a & b <c</p>", /parser-error|no-raw-characters/],
  ] as const) {
    assert.ok(page.includes("</main>"));
    assert.match((await faults(page.replace("</main>", `${fault}</main>`))).join("\n"), rule, fault);
  }
});

test("the files of dist are valid as they are sent, with an attestation too", async () => {
  const text = (name: string) => new TextDecoder().decode(bytes("web", "dist", name));
  await valid(text("check.html"), "check.html");
  const page = text("verify.html");
  await valid(page, "verify.html");
  const { inclusion: _, ...published } = attested("solvency");
  const block = writeBlock({ id: statementDigest(published.statement), ...published });
  await valid(page.replace(MARKER, () => block), "verify.html with an attestation");
});

test("what the script makes is valid in every state of the check, in both languages", async () => {
  const files = attested("compliance", "short");
  const changed = Buffer.from(Buffer.from(files.inclusion).toString().replace('"quantity":"529', '"quantity":"629'));
  const served = await serve(files);
  const browser = await launch();
  try {
    for (const locale of ["en-GB", "de-DE"]) {
      const session = await watched(browser, { locale });
      const { page } = session;
      const now = async (state: string) => await valid(await page.content(), `${locale}, ${state}`, WRITTEN_BY_BROWSER);
      await page.goto(`${served.base}/check`);
      await page.waitForSelector("#file", { state: "attached" });
      await now("before");
      await chosen(page, { "inclusion.json": files.inclusion });
      await steps(page);
      await now("asked");
      await page.fill("#key", "x");
      await page.press("#key", "Enter");
      await page.waitForSelector("#key-outcome .bad");
      await now("another key");
      await chosen(page, { "inclusion.json": changed, "x.zip": Buffer.from("PK") });
      await page.waitForSelector(".step.failed");
      await steps(page);
      await now("failed");
      await page.goto(pathToFileURL(join(web, "dist", "verify.html")).href);
      await page.waitForSelector("#file", { state: "attached" });
      await now("offline");
      await closed(session);
    }
  } finally {
    await browser.close();
    await served.close();
  }
});

test("the service's own pages are valid in both languages", async () => {
  const pages = examples();
  for (const language of ["en", "de"]) {
    for (const kind of ["home", "history", "attestation", "failure"]) {
      const found = pages.filter(([name, html]) => name.startsWith(kind) && html.includes(`<html lang="${language}">`));
      assert.ok(found.length > 0, `an example of ${kind} in ${language}`);
    }
  }
  for (const [name, html] of pages) await valid(html, name);
});
