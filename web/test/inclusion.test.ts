// The whole check: honest files hold, and a change of any field fails the step that guards it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatUnits } from "../src/amounts.ts";
import { check, verdictOf, type Findings, type Input, type Step, type StepId } from "../src/check.ts";
import type { Column } from "../src/columns.ts";
import { JsonNumber, type Json } from "../src/json.ts";
import { readStatement } from "../src/statement.ts";
import { Weigher } from "../src/weights.ts";
import { attested, bytes, fixture } from "./files.ts";
import { at, encode, manyPages, number, object, put, restated } from "./make.ts";

function run(input: Input): { steps: Step[]; found: Findings; failed: StepId[]; verdict: string } {
  const found: Findings = {};
  const steps = [...check(input, found)];
  return { steps, found, failed: steps.filter((s) => s.state === "failed").map((s) => s.id), verdict: verdictOf(steps, false) };
}

const CASES = (["solvency", "compliance"] as const).flatMap((family) => (["inclusion", "short"] as const).map((file) => [family, file] as const));

test("files of the program hold in every step that needs no proof", () => {
  for (const [family, file] of CASES) {
    const files = attested(family, file);
    const { steps, found, failed, verdict } = run(files);
    assert.deepEqual(failed, [], JSON.stringify(steps));
    assert.deepEqual(steps.filter((s) => s.state === "not_run").map((s) => s.id), ["account", "notices", "proof"]);
    assert.equal(verdict, "unconfirmed");
    const account = found.inclusion?.account as string;
    assert.equal(run({ ...files, account }).verdict, "included");
    assert.ok((found.holdings?.length ?? 0) > 0);
    assert.equal(found.measures !== undefined, family === "compliance");
  }
});

test("balances, class and measures are those that the program prints", () => {
  const { found } = run(attested("compliance", "short"));
  const lines = found.holdings?.map((h) => [h.symbol, h.kind, formatUnits(h.units, h.scale, "en").replaceAll(",", ""), h.limit]);
  assert.deepEqual(lines, [
    ["RENDER", "asset", "9632.35549132", undefined],
    ["USDT", "asset", "529.89", undefined],
    ["BNB", "asset", "0.607875", undefined],
    ["BTC-PERP", "long", "6", 2000n],
    ["ETH-PERP", "long", "3", 5000n],
  ]);
  assert.deepEqual(found.measures, [67_574_829_999_934_400_000_000n, 890_812_965_000_000_000_000n]);
  assert.deepEqual(found.class, { class: 1, name: "retail", kycLevel: "standard", jurisdiction: "EU" });
});

test("the fuzzer's files hold, and its hostile ones do not", () => {
  for (const [statement, file] of [["solvency", "solvency"], ["solvency", "several-pages"], ["compliance", "compliance"]] as const) {
    const input: Input = { inclusion: bytes("fuzz", "corpus", "inclusion", file), statement: bytes("fuzz", "corpus", "statement", statement) };
    assert.deepEqual(run(input).failed, ["statement"], "shapes for tests are refused");
    const accepted = run({ ...input, testShapes: "accepted" });
    assert.deepEqual(accepted.failed.filter((id) => id !== "policy"), [], JSON.stringify(accepted.steps));
    assert.ok(accepted.found.holdings);
  }
  for (const [file, step] of [["hostile-account", "root"], ["hostile-index", "root"], ["hostile-path", "root"]] as const) {
    for (const statement of ["solvency", "compliance"]) {
      const input: Input = { inclusion: bytes("fuzz", "corpus", "inclusion", file), statement: bytes("fuzz", "corpus", "statement", statement), testShapes: "accepted" };
      const { failed, verdict, found } = run(input);
      assert.equal(verdict, "failed", file);
      assert.equal(found.holdings, undefined);
      // a file fails for its own reason only with its own statement
      if (!failed.includes("statement")) assert.ok(failed.includes(step), `${file}: ${failed.join()}`);
    }
  }
});

/** Every text and number of the file, with its place. */
function leaves(json: Json, path: (string | number)[] = []): [(string | number)[], string | JsonNumber][] {
  if (json instanceof Map) return [...json].flatMap(([name, value]) => leaves(value, [...path, name]));
  if (Array.isArray(json)) return json.flatMap((value, k) => leaves(value, [...path, k]));
  return typeof json === "string" || json instanceof JsonNumber ? [[path, json]] : [];
}

/** Which steps may be the first to fail if the field is changed. */
function guards(path: (string | number)[]): StepId[] {
  const [field, , member] = path;
  if (field === "protocol") return ["file"];
  if (field === "statement_digest" || field === "snapshot") return ["statement"];
  if (field === "account" || field === "salt") return ["shard", "root"];
  if (field === "class") return ["pages", "root"];
  if (field === "shard") return ["shard"];
  if (member === "path") return ["root"];
  // a column that is none, or above the class's cap; else another leaf
  return member === "index" ? ["pages", "root"] : ["pages", "columns", "root"];
}

test("one changed digit or letter in any field fails the step that guards it, and shows no balances", () => {
  let changes = 0;
  for (const family of ["solvency", "compliance"] as const) {
    const files = attested(family, "short");
    for (const [path, value] of leaves(object(files.inclusion))) {
      const inclusion = object(files.inclusion);
      const text = typeof value === "string" ? value : value.text;
      const last = text.at(-1) as string;
      const other = text.slice(0, -1) + (last === "1" ? "2" : "1");
      put(inclusion, path, typeof value === "string" ? other : new JsonNumber(other));
      const { steps, failed, verdict, found } = run({ ...files, inclusion: encode(inclusion) });
      const place = `${family} ${path.join(".")}: ${text.slice(0, 20)} → ${other.slice(-20)}`;
      assert.ok(guards(path).includes(failed[0] as StepId), `${place}: ${failed.join() || "nothing failed"}`);
      assert.equal(verdict, "failed", place);
      assert.equal(found.holdings, undefined, place);
      assert.equal(steps.find((s) => s.id === "signature")?.state, "passed", place);
      changes++;
    }
  }
  assert.ok(changes > 150, `${changes} changes`);
});

test("one changed bit anywhere in the file fails, however it is read", () => {
  const files = attested("compliance", "short");
  for (let k = 0; k < files.inclusion.length; k += 31) {
    const inclusion = files.inclusion.slice();
    inclusion[k] = (inclusion[k] as number) ^ 1;
    assert.equal(run({ ...files, inclusion }).verdict, "failed", `byte ${k}`);
  }
});

test("a file with a proof of a public log says that it was not checked", () => {
  const files = attested("compliance", "short");
  const inclusion = object(files.inclusion);
  inclusion.set("log", "a proof");
  const { steps, failed, verdict } = run({ ...files, inclusion: encode(inclusion) });
  assert.deepEqual(failed, []);
  assert.equal(verdict, "unconfirmed");
  assert.deepEqual(steps.slice(-2).map((s) => [s.id, s.state]), [["log", "not_run"], ["proof", "not_run"]]);
  inclusion.set("log", number(1));
  assert.deepEqual(run({ ...files, inclusion: encode(inclusion) }).failed, ["file"]);
});

test("members that are missing, twice or unknown, and pages left out, are refused", () => {
  const files = attested("solvency", "inclusion");
  const text = new TextDecoder().decode(files.inclusion);
  const withText = (changed: string) => run({ ...files, inclusion: new TextEncoder().encode(changed) }).failed[0];
  assert.equal(withText(text.replace("{", '{"note":"x",')), "file");
  assert.equal(withText(text.replace("{", '{"shard":0,')), "file");
  assert.equal(withText(text.replace('"shard"', '"shards"')), "file");
  assert.equal(withText(text.replace('"class":0', '"class":0.0')), "file");
  assert.equal(withText(text.replace('"class":0', '"class":256')), "file");
  assert.equal(withText(text.replace('"class":0', '"class":-0')), "file");
  const pages = (change: (pages: Json[]) => void) => {
    const inclusion = object(files.inclusion);
    change(at(inclusion, "pages") as Json[]);
    return run({ ...files, inclusion: encode(inclusion) }).failed[0];
  };
  assert.equal(pages((p) => p.splice(0, p.length)), "pages");
  assert.equal(pages((p) => p.pop()), "root");
  assert.equal(pages((p) => p.shift()), "root");
  assert.equal(pages((p) => p.splice(3, 1)), "pages");
  assert.equal(pages((p) => p.reverse()), "pages");
  assert.equal(pages((p) => p.push(...Array(256).fill(p[0]))), "pages");
  assert.equal(pages((p) => (at(p[0] as Json, "path") as Json[]).pop()), "root");
  assert.equal(pages((p) => (at(p[0] as Json, "path", 0) as Json[]).pop()), "root");
  assert.equal(pages((p) => (at(p[0] as Json, "entries") as Json[]).pop()), "pages");
  // the field's order is a second spelling of zero
  assert.equal(pages((p) => put(p[0] as Json, ["path", 0, 0], "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001")), "root");
});

test("a refusal says what is wrong, so that no check can be missing unseen", () => {
  const reasonOf = (family: "solvency" | "compliance", step: StepId, change: (inclusion: Map<string, Json>) => void) => {
    const files = attested(family, "short");
    const inclusion = object(files.inclusion);
    change(inclusion);
    return run({ ...files, inclusion: encode(inclusion) }).steps.find((s) => s.id === step)?.reason ?? "";
  };
  const cover = [...readStatement(attested("solvency").statement).byIndex.values()].find((c) => c.kind === "cover")?.index as number;
  const cases: [RegExp, "solvency" | "compliance", StepId, (inclusion: Map<string, Json>) => void][] = [
    [/path has 5 levels, this tree has 6/, "solvency", "root", (i) => void (at(i, "pages", 0, "path") as Json[]).pop()],
    [/level 0 of the path has 6 siblings, not 7/, "solvency", "root", (i) => void (at(i, "pages", 0, "path", 0) as Json[]).pop()],
    [/level 1 of the path has 8 siblings, not 7/, "solvency", "root", (i) => void (at(i, "pages", 0, "path", 1) as Json[]).push("0".repeat(64))],
    [/not a field element/, "solvency", "root", (i) => put(i, ["pages", 0, "path", 0, 0], (at(i, "pages", 0, "path", 0, 0) as string).toUpperCase())],
    [/beyond the tree's capacity/, "solvency", "root", (i) => put(i, ["pages", 0, "index"], number(8n ** 6n))],
    [/is not one of class 2/, "compliance", "pages", (i) => put(i, ["class"], number(2))],
    [/is above the limit 2000 of column/, "compliance", "pages", (i) => {
      const capped = at(i, "pages", 1, "capped") as Json[];
      capped.filter((e) => at(e, "quantity") === "6").forEach((e) => put(e, ["quantity"], "2001"));
    }],
    [/something is held of a cover column/, "solvency", "columns", (i) => put(i, ["pages", 0, "entries", 0, "column"], number(cover))],
    [/column 8191 is not in the statement/, "solvency", "columns", (i) => put(i, ["pages", 0, "entries", 0, "column"], number(8191))],
    [/8192 is not an open column/, "solvency", "pages", (i) => put(i, ["pages", 0, "entries", 0, "column"], number(8192))],
    [/does not fit 64 bits/, "solvency", "pages", (i) => put(i, ["pages", 0, "entries", 0, "quantity"], String(2n ** 64n))],
    [/salt is not 64 hexadecimal digits/, "solvency", "pages", (i) => put(i, ["salt"], "00")],
    [/file is of shard 1; the account belongs in shard 0 of 2/, "solvency", "shard", (i) => put(i, ["shard"], number(1))],
  ];
  for (const [reason, family, step, change] of cases) assert.match(reasonOf(family, step, change), reason);
});

test("weights are rounded against the exchange", () => {
  const files = attested("compliance", "short");
  const statement = object(files.statement);
  const scale = at(statement, "assets", 0, "scale") as JsonNumber;
  assert.equal(scale.text, "8");
  put(statement, ["assets", 0, "price"], "0.1234567891234567");
  put(statement, ["rules", "instruments", 0, "contract_size"], "0.001");
  put(statement, ["rules", "instruments", 0, "mark_price"], "0.1234567891234567");
  put(statement, ["rules", "instruments", 0, "maintenance_margin_bps"], number(333));
  const read = readStatement(encode(statement));
  const weigher = new Weigher(read);
  const of = (kind: string, name: string) => {
    const column = read.columns.find((c) => c.kind === kind && (c.asset ?? c.instrument) === name);
    assert.ok(column, `${kind} of ${name}`);
    return weigher.weights(column);
  };
  const instrument = read.rules?.instruments[0]?.symbol as string;
  assert.equal(read.rules?.valueDecimals, 18);
  // 0.1234567891234567 / 10^8 in units of 10^-18 is 1234567891.234567
  assert.equal(of("collateral", "BTC")[0], 1_234_567_891n);
  // this book has no debts in it
  const debt: Column = { index: 1, kind: "debt", total: "0", asset: "BTC", instrument: undefined, table: undefined, percentBps: undefined, cap: undefined };
  assert.deepEqual(weigher.weights(debt), [-1_234_567_892n, -1_234_567_892n]);
  assert.deepEqual(weigher.weights({ ...debt, kind: "asset" }), [1_234_567_891n, 0n]);
  // 0.001 · 0.1234567891234567 · 3.33 % is 4111111077811.1… · 10^-18
  assert.deepEqual(of("long", instrument), [0n, -4_111_111_077_812n]);
  assert.deepEqual(of("short", instrument), [0n, -4_111_111_077_812n]);
  const collateral = read.columns.find((c) => c.kind === "collateral" && c.asset === "BTC" && c.percentBps === 9500n);
  // 95 % of it is 1172839496.6…
  assert.deepEqual(collateral && weigher.weights(collateral), [1_234_567_891n, 1_172_839_496n]);
});

test("another statement, another attestation, another account are named", () => {
  const files = attested("solvency", "short");
  assert.deepEqual(run({ ...files, statement: fixture("compliance", "statement.json") }).failed, ["statement", "signature"]);
  assert.deepEqual(run({ ...files, id: "0".repeat(64) }).failed, ["statement"]);
  const { steps, failed, verdict } = run({ ...files, account: "u000000000-d3301862" });
  assert.deepEqual(failed, ["account"]);
  assert.equal(verdict, "failed");
  assert.match(steps.find((s) => s.id === "account")?.reason ?? "", /is the file of account u000000000-d3301861, not of u000000000-d3301862/);
  assert.equal(verdictOf(steps, true), "failed", "no answer heals a failed step");
});

test("what was not checked is never called included", () => {
  const files = attested("solvency", "short");
  const account = "u000000000-d3301861";
  const { jws, jwks, ...bare } = files;
  assert.equal(run({ ...bare, account }).verdict, "unsigned");
  assert.equal(run({ ...bare, jws, account }).verdict, "unsigned");
  assert.equal(run({ ...bare, jwks, account }).verdict, "unsigned");
  assert.equal(verdictOf(run({ ...bare, jws }).steps, true), "unsigned");
  assert.equal(verdictOf(run({ ...files, inclusion: new Uint8Array() }).steps, true), "failed");
});

test("a statement that breaks the exchange's own policy fails there and nowhere else", () => {
  type Change = (s: Map<string, Json>) => void;
  const results = (m: number, member: string, value: Json): Change => (s) => {
    put(s, ["rules", "results", m, member], value);
    put(s, ["shards", 0, "rules", "results", m, member], value);
  };
  const changes: [RegExp, "solvency" | "compliance", Change][] = [
    [/reserves are below what the policy asks for: BTC$/, "solvency", (s) => put(s, ["assets", 0, "reserves"], "1")],
    [/customers owe more than they hold: BTC$/, "solvency", (s) => put(s, ["columns", 1, "total"], "9".repeat(30))],
    [/reserves are below what the policy asks for/, "solvency", (s) => put(s, ["policy", "coverage_bps"], number(20_000))],
    // debts lower nothing where the policy does not say net
    [/^the stated reserves are below what the policy asks for: BTC$/, "solvency", (s) => {
      put(s, ["columns", 1, "total"], at(s, "columns", 0, "total"));
      put(s, ["assets", 0, "reserves"], "0");
    }],
    [/reserves are below what the policy asks for/, "solvency", (s) => put(s, ["assets", 0, "reserves"], "9".repeat(38))],
    [/^(?!.*below).*less of the reserves is proven owned or stated by listed third parties/, "solvency", (s) => put(s, ["policy", "owned_bps"], number(1))],
    [/accounts are below their maintenance margin, the policy allows 0/, "compliance", (s) => {
      put(s, ["policy", "below_margin_max"], number(0));
      results(1, "below", number(3))(s);
    }],
    [/all positive equity together is below/, "compliance", results(0, "negative", "9".repeat(30))],
  ];
  for (const [reason, family, change] of changes) {
    const changed = restated(attested(family, "short"), (s) => {
      // the sums by status would have to follow every change of the reserves
      if (!reason.source.includes("owned")) (at(s, "reserves") as Map<string, Json>).delete("evidence");
      change(s);
    });
    const { failed, steps } = run(changed);
    assert.deepEqual(failed, ["policy"], JSON.stringify(steps));
    assert.match(steps.find((s) => s.id === "policy")?.reason ?? "", reason);
  }
});

test("what custodians and banks state counts for the policy on reserves, and what is undated does not", () => {
  const judged = (status: string) => {
    const changed = restated(attested("solvency", "short"), (s) => {
      put(s, ["policy", "owned_bps"], number(10_000));
      const evidence = at(s, "reserves", "evidence") as Map<string, Json>;
      for (const asset of evidence.get("assets") as Map<string, Json>[]) {
        const all = asset.get("unproven") as Json;
        asset.set("unproven", "0");
        asset.set(status, all);
      }
      if (status !== "undated") return;
      // the sums of lines without texts would not fit
      const lines = evidence.get("lines") as Map<string, Json>;
      lines.set("undated", lines.get("unproven") as Json);
      lines.set("unproven", number(0));
      evidence.set("undated_texts", number(1));
      evidence.set("texts", ["x"]);
    });
    return run(changed).failed;
  };
  assert.deepEqual(judged("fresh"), []);
  assert.deepEqual(judged("third_party"), []);
  assert.deepEqual(judged("undated"), ["policy"]);
  assert.deepEqual(judged("unproven"), ["policy"]);
});

test("an account of twenty pages is checked in under 300 ms", () => {
  const files = manyPages(20);
  const began = performance.now();
  const { failed, steps } = run({ ...files });
  const took = performance.now() - began;
  assert.deepEqual(failed.filter((id) => id !== "policy"), [], JSON.stringify(steps));
  assert.ok(steps.find((s) => s.id === "root")?.state === "passed");
  console.log(`20 pages of solvency-512 in node: ${took.toFixed(0)} ms`);
  assert.ok(took < 300, `${took} ms`);
});
