// The rules of the statement's format: each is broken by itself, and refused with its sentence.

import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../src/bytes.ts";
import type { Json, JsonNumber, JsonObject } from "../src/json.ts";
import { readStatement } from "../src/statement.ts";
import { attested, bytes } from "./files.ts";
import { at, encode, number, object, put } from "./make.ts";

type Change = (statement: JsonObject) => void;
const set = (path: (string | number)[], value: Json): Change => (s) => put(s, path, value);
const remove = (path: (string | number)[], name: string): Change => (s) => void (at(s, ...path) as JsonObject).delete(name);
const list = (s: JsonObject, ...path: (string | number)[]) => at(s, ...path) as Json[];
const entries = (members: Record<string, Json>): JsonObject => new Map(Object.entries(members));

/** Without the evidence, whose rules would speak first. */
const bare = (change: Change): Change => (s) => {
  (at(s, "reserves") as JsonObject).delete("evidence");
  change(s);
};

/** Place of the first column of a kind. */
const FIRST = (s: JsonObject, kind: string) => list(s, "columns").findIndex((c) => at(c, "kind") === kind);

const COMMON: [RegExp, Change][] = [
  [/there is no shape `solvency-9`/, set(["shape"], "solvency-9")],
  [/its protocol is/, set(["protocol"], "assay/solvency/2")],
  [/unknown member "note"/, set(["note"], "x")],
  [/has no member "policy"/, remove([], "policy")],
  [/"price" is not a text/, set(["assets", 0, "price"], null)],
  [/"steps" is not a whole number/, set(["shards", 0, "steps"], "2")],
  [/field element/, set(["parameter_digest"], "F".repeat(64))],
  [/field element/, set(["shards", 0, "root"], "f".repeat(64))],
  [/root of the reserves is not 64/, set(["reserves", "root"], "F".repeat(64))],
  [/integer above 2\^53/, set(["reserves", "lines"], number(2n ** 53n))],
  [/integer above 2\^53/, (s) => put(s, ["snapshot", "block_heights", "bitcoin"], number(2n ** 53n))],
  [/not proven is not this protocol's/, (s) => void list(s, "not_proven").pop()],
  [/the exchange's name is empty/, set(["exchange", "name"], "")],
  [/the snapshot's id is empty, longer/, set(["snapshot", "id"], "x".repeat(257))],
  [/the snapshot's series is empty/, set(["snapshot", "series"], "a\u0000b")],
  [/the snapshot's time/, set(["snapshot", "taken_at"], "2026-02-30T00:00:00Z")],
  [/the exchange's domain/, set(["exchange", "domain"], "Exchange.example")],
  [/legal entity identifier/, set(["exchange", "lei"], "5493001KJTIIGC8Y1R13")],
  [/name of a chain/, (s) => put(s, ["snapshot", "block_heights", "a\u200bb"], number(1))],
  [/chain .* listed twice, or under names that look the same/, (s) => put(s, ["snapshot", "block_heights", "SAMPLE-BITCOIN"], number(1))],
  [/no usable symbols/, set(["assets", 0, "symbol"], "B\u202eTC")],
  [/the price of BTC is not a decimal/, set(["assets", 0, "price"], "1.50")],
  [/policy on coverage exactly if reserves/, remove(["policy"], "coverage_bps")],
  [/reserves have a root exactly if/, set(["reserves", "root"], "0".repeat(64))],
  [/is not a whole number of smallest units/, bare(set(["assets", 0, "reserves"], "01"))],
  [/is not a whole number of smallest units/, set(["columns", 0, "total"], String(2n ** 128n))],
  [/asset BTC has 39 decimals/, set(["assets", 0, "scale"], number(39))],
  [/listed twice, or under names that look the same/, bare(set(["assets", 1, "symbol"], "ВТС"))],
  [/it has 0 assets/, bare(set(["assets"], []))],
  [/not listed by ascending index/, (s) => void list(s, "columns").reverse()],
  [/index of another kind of column/, (s) => put(s, ["columns", list(s, "columns").length - 1, "index"], number(16384))],
  [/column 0 is of an unlisted asset/, set(["columns", 0, "asset"], "NONE")],
  [/two columns of one kind for BTC/, set(["columns", 2, "asset"], "BTC")],
  [/unknown kind `future`/, set(["columns", 0, "kind"], "future")],
  [/basis is neither gross nor net/, set(["policy", "coverage_basis"], "some")],
  [/it has 0 shards/, set(["shards"], [])],
  [/shard 0 has 0 steps/, set(["shards", 0, "steps"], number(0))],
  [/shard 0 has 4097 steps; .* takes 1 to 4096/, set(["shards", 0, "steps"], number(4097))],
  [/judged by other rules/, set(["reserves", "evidence", "rules"], "assay/ownership/2")],
  [/lines by status are not all lines/, set(["reserves", "evidence", "lines", "fresh"], number(1))],
  [/evidence is not of exactly the assets/, (s) => void list(s, "reserves", "evidence", "assets").pop()],
  [/the reserves of BTC by status do not add up/, set(["reserves", "evidence", "assets", 0, "fresh"], "1")],
  [/lines by status are not all lines/, set(["reserves", "evidence", "lines", "third_party"], number(1))],
  [/the reserves of BTC by status do not add up/, set(["reserves", "evidence", "assets", 0, "third_party"], "1")],
  [/is not a whole number of smallest units/, set(["reserves", "evidence", "assets", 0, "third_party"], "00")],
  [/no member "third_party"/, (s) => void (at(s, "reserves", "evidence", "lines") as JsonObject).delete("third_party")],
  [/no member "third_party"/, (s) => void (at(s, "reserves", "evidence", "assets", 0) as JsonObject).delete("third_party")],
  [/texts of its undated lines/, set(["reserves", "evidence", "texts"], ["x"])],
  [/its challenge is not/, set(["reserves", "evidence", "challenge"], "a b")],
  [/its challenge is not/, set(["reserves", "evidence", "challenge"], "a:b")],
  [/its anchor is no block/, set(["reserves", "evidence", "anchor"], entries({ chain: "Bitcoin", height: number(1), hash: "00" }))],
  [/its anchor is no block/, set(["reserves", "evidence", "anchor"], entries({ chain: "bitcoin", height: number(1), hash: "a-b" }))],
  [/its anchor is no block/, set(["reserves", "evidence", "anchor"], entries({ chain: "", height: number(1), hash: "00" }))],
  [/policy on proven ownership, and no evidence/, (s) => {
    put(s, ["policy", "owned_bps"], number(1));
    (at(s, "reserves") as JsonObject).delete("evidence");
  }],
];

const SOLVENCY: [RegExp, Change][] = [
  [/net of debts only where/, set(["policy", "coverage_basis"], "net")],
  [/has rules exactly if/, set(["rules"], entries({ instruments: [], classes: [], results: [] }))],
  [/policy on margin and equity exactly if/, set(["policy", "below_margin_max"], number(0))],
  [/cover columns; with 2 shards there are 6/, (s) => void list(s, "columns").splice(list(s, "columns").findIndex((c) => at(c, "kind") === "cover"), 1)],
  [/cover columns; with 1 shards there are 0/, (s) => void list(s, "shards").pop()],
  [/column .* is not of this family/, (s) => {
    const column = entries({ index: number(8192), kind: "null", class: number(0), total: "0" });
    list(s, "columns").push(column);
  }],
];

const COMPLIANCE: [RegExp, Change][] = [
  [/net of debts only where/, (s) => {
    put(s, ["policy", "coverage_basis"], "net");
    put(s, ["policy", "below_margin_max"], number(1));
  }],
  [/has rules exactly if/, remove([], "rules")],
  [/policy on margin and equity exactly if/, remove(["policy"], "equity_ratio_bps")],
  [/more than one currency/, set(["assets", 0, "quote"], "EUR")],
  [/instrument .* no usable symbol, or is listed twice/, (s) => put(s, ["rules", "instruments", 1, "symbol"], at(s, "rules", "instruments", 0, "symbol"))],
  [/maintenance margin of .* above 100/, set(["rules", "instruments", 0, "maintenance_margin_bps"], number(10_001))],
  [/decimal in its shortest form/, set(["rules", "instruments", 0, "mark_price"], "1.0")],
  [/classes are not listed in ascending order/, (s) => void list(s, "rules", "classes").reverse()],
  [/class with a text/, set(["rules", "classes", 0, "name"], " x")],
  [/results are not those of this protocol's measures/, (s) => void list(s, "rules", "results").reverse()],
  [/results of equity are not the sums/, set(["rules", "results", 0, "positive"], "1")],
  [/is of an unlisted class/, (s) => put(s, ["columns", FIRST(s, "long"), "class"], number(77))],
  [/a capped column has a class and a cap/, (s) => void (at(s, "columns", FIRST(s, "long")) as JsonObject).delete("cap")],
  [/does not fit 64 bits/, (s) => put(s, ["columns", FIRST(s, "long"), "cap"], String(2n ** 64n))],
  [/counts for more than its value/, (s) => put(s, ["columns", FIRST(s, "collateral"), "percent_bps"], number(10_001))],
  [/second one for positions/, (s) => put(s, ["columns", FIRST(s, "short"), "kind"], "long")],
  [/is not the null column of its class/, (s) => put(s, ["columns", FIRST(s, "null"), "class"], number(1))],
  [/is held and has no price/, remove(["assets", 0], "price")],
  [/accounts are valued in 12 decimals/, set(["rules", "value_decimals"], number(12))],
  [/accounts are valued in 25 decimals/, set(["rules", "value_decimals"], number(25))],
  [/worth too little/, set(["assets", 0, "price"], "0.0000000021")],
  [/too large to compute with/, set(["assets", 0, "price"], "9".repeat(64))],
  [/field element/, set(["shards", 0, "rules", "private"], "x")],
];

test("each rule, broken, is refused with its sentence", () => {
  for (const [family, cases] of [["solvency", [...COMMON, ...SOLVENCY]], ["compliance", [...COMMON, ...COMPLIANCE]]] as const) {
    const original = attested(family).statement;
    // some lines of the table need a chain by this name
    assert.ok(new TextDecoder().decode(original).includes('"sample-bitcoin"'));
    for (const [reason, change] of cases) {
      const statement = object(original);
      change(statement);
      assert.throws(() => readStatement(encode(statement)), { name: "Refusal", message: reason }, `${family}: ${reason}`);
    }
  }
});

test("evidence with every status adds up, and a message that is spelled out may be long", () => {
  const evidenceWith = (text: string) => {
    const statement = object(attested("solvency").statement);
    const lines = at(statement, "reserves", "evidence", "lines") as JsonObject;
    const all = (lines.get("unproven") as JsonNumber).whole as bigint;
    for (const [name, count] of [["fresh", 1n], ["undated", 2n], ["third_party", 3n], ["unproven", all - 6n]] as const) lines.set(name, number(count));
    const asset = at(statement, "reserves", "evidence", "assets", 0) as JsonObject;
    const units = BigInt(asset.get("unproven") as string);
    for (const [name, part] of [["fresh", 5n], ["undated", 7n], ["third_party", 11n], ["unproven", units - 23n]] as const) asset.set(name, String(part));
    put(statement, ["reserves", "evidence", "undated_texts"], number(1));
    put(statement, ["reserves", "evidence", "texts"], [text]);
    return readStatement(encode(statement)).reserves.evidence;
  };
  const longest = "U+000A".repeat(1024);
  assert.equal(evidenceWith(longest)?.lines.thirdParty, 3n);
  assert.equal(evidenceWith(longest)?.assets[0]?.thirdParty, 11n);
  assert.throws(() => evidenceWith(`${longest}x`), { name: "Refusal", message: /texts of its undated lines/ });
});

test("another spelling of the same statement is refused", () => {
  const original = new TextDecoder().decode(attested("solvency").statement);
  for (const [reason, text] of [
    [/canonical form/, original.replace(":", ": ")],
    [/canonical form/, `${original}\n`],
    [/canonical form/, original.replace('"BTC"', '"\\u0042TC"')],
    [/given twice/, original.replace("{", '{"shape":"solvency-64",')],
    [/whole number/, original.replace('"scale":8', '"scale":8.0')],
    [/not valid JSON/, original.slice(0, -1)],
    [/more than 8388608 bytes/, original + " ".repeat(8 << 20)],
  ] as const) {
    assert.throws(() => readStatement(utf8(text)), reason, String(reason));
  }
});

test("the fuzzer's hostile statements are refused", () => {
  for (const name of ["hostile-nested", "hostile-second-key", "hostile-space", "hostile-steps"]) {
    assert.throws(() => readStatement(bytes("fuzz", "corpus", "statement", name)), { name: "Refusal" }, name);
  }
});
