// Names, instants, amounts, and what a dropped file is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatInstant, formatUnits } from "../src/amounts.ts";
import { utf8 } from "../src/bytes.ts";
import { isShortest, parseCount } from "../src/decimal.ts";
import { kindOf } from "../src/kinds.ts";
import { isDomain, isInstant, isLei, isName, isReadable, symbolKey, visible } from "../src/names.ts";
import { attested, bytes } from "./files.ts";
import { allSignatures } from "./signed.ts";

test("an instant has one spelling", () => {
  for (const text of ["2026-01-01T00:00:00Z", "2026-01-01T23:59:59.5Z", "2024-02-29T00:00:00.000001Z"]) assert.ok(isInstant(text), text);
  for (const text of [
    "2026-99-01T00:00:00Z", "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00.0Z",
    "2026-01-01T00:00:00.50Z", "2026-01-01T00:00:00.0000001Z", "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00+00:00", "2026-01-01t00:00:00z",
    "2026-01-01 00:00:00Z", "2026-06-30T23:59:60Z", "2026-01-01", "", "2026-01-00T00:00:00Z", "2026-01-01T00:00:00Z\n",
  ]) assert.ok(!isInstant(text), text);
});

test("a domain and an identifier have one spelling", () => {
  for (const text of ["exchange.example", "a.b-c.example", "xn--brse-5qa.example", "localhost", "1.example"]) assert.ok(isDomain(text), text);
  for (const text of ["", "Exchange.example", "exchange.example.", "https://exchange.example", "exchange.example:443", "börse.example", "-a.example", "a-.example", "a..example", "under_score.example", "a".repeat(64), "a.".repeat(127), "a\n"]) assert.ok(!isDomain(text), text);
  for (const text of ["5493001KJTIIGC8Y1R12", "506700GE1G29325QX363"]) assert.ok(isLei(text), text);
  for (const text of ["5493001KJTIIGC8Y1R13", "5493001KJTIIGC8Y1R21", "5493001kjtiigc8y1r12", "5493001KJTIIGC8Y1R1", ""]) assert.ok(!isLei(text), text);
});

test("names that hide something are refused, and symbols that look alike have one key", () => {
  for (const text of ["", " a", "a\t", "a\u00a0", "a\u200bb", "a\u202eb", "a\u0000", "a\u3164", "a\ufe0f", "a\u{e0100}", "x".repeat(65), "é".repeat(33)]) assert.ok(!isName(text), text);
  for (const text of ["BTC", "two words, one ref", "é".repeat(32), "नी"]) assert.ok(isName(text), text);
  for (const text of ["BTC", "btc", "ＢＴＣ", "ВТС", "втс", "ΒΤC"]) assert.equal(symbolKey(text), "btc", text);
  assert.equal(symbolKey("straße"), symbolKey("STRASSE"));
  assert.equal(symbolKey("ς"), symbolKey("σ"));
  assert.equal(symbolKey("caf\u00e9"), symbolKey("cafe\u0301"));
  assert.equal(symbolKey("𝚨DA"), "ada");
  for (const [a, b] of [["Α", "α"], ["Жц", "жЦ"]] as const) assert.equal(symbolKey(a), symbolKey(b));
  assert.notEqual(symbolKey("ЖЦ"), symbolKey("ЦЖ"));
});

test("what is shown hides nothing", () => {
  assert.equal(visible("a\u202eb\u001b[2J"), "aU+202EbU+001B[2J");
  assert.equal(visible("a\u200b\ufeff\u00adb"), "aU+200BU+FEFFU+00ADb");
  assert.equal([...visible("x".repeat(500))].length, 401);
  assert.equal(visible("A" + "\u0338".repeat(4)), "A\u0338\u0338U+0338U+0338");
  for (const text of ["Jose\u0301", "z\u0301\u0302", 'straße "q" \\ é']) assert.ok(isReadable(text), text);
  for (const text of ["\u0301x", "z\u0301\u0302\u0303", "a\u00a0b", "a\nb", "a\u202eb"]) assert.ok(!isReadable(text), text);
});

test("counts and decimals have one spelling", () => {
  assert.equal(parseCount("340282366920938463463374607431768211455"), 2n ** 128n - 1n);
  for (const text of ["", "00", "01", "+1", "-1", " 1", "1.0", "1e3", "1\n", "340282366920938463463374607431768211456", "9".repeat(1_000_000)]) {
    assert.throws(() => parseCount(text), /not a whole number of smallest units/);
  }
  assert.throws(() => parseCount("18446744073709551616", 64n), /does not fit 64 bits/);
  for (const text of ["0", "12.05", "0.000001"]) assert.ok(isShortest(text), text);
  for (const text of ["", "01", "1.", ".5", "1.50", "1e3", "-1", "1.0", "1\n", "1".repeat(65)]) assert.ok(!isShortest(text), text);
});

test("amounts are exact, with separators of the reader's language", () => {
  assert.equal(formatUnits(123_456_789_012n, 8, "en"), "1,234.56789012");
  assert.equal(formatUnits(123_456_789_012n, 8, "de"), "1.234,56789012");
  assert.equal(formatUnits(1n, 18, "en"), "0.000000000000000001");
  assert.equal(formatUnits(100n, 2, "en"), "1");
  assert.equal(formatUnits(2n ** 64n - 1n, 0, "en"), "18,446,744,073,709,551,615");
  assert.equal(formatUnits(-1_500_000_000_000n, 12, "en"), "−1.5");
  assert.equal(formatUnits(0n, 8, "en"), "0");
});

test("an instant names its zone, and the reader's own where it is another", () => {
  const both = formatInstant("2026-11-30T00:00:00Z", "en-GB", "Europe/Berlin");
  assert.equal(both.utc, "30 November 2026 at 00:00 UTC");
  assert.equal(both.local, "30 November 2026 at 01:00 CET");
  assert.equal(formatInstant("2026-11-30T00:00:00Z", "en-GB", "UTC").local, undefined);
});

test("a file is known for what it is", () => {
  const { inclusion, statement, jws, jwks } = attested("solvency");
  for (const [own, file] of [["inclusion", inclusion], ["statement", statement], ["jws", jws], ["jwks", jwks], ["signatures", allSignatures({ inclusion, statement, jws: jws as Uint8Array })]] as const) {
    assert.deepEqual(kindOf(file as Uint8Array), { own });
  }
  // cut off, and still ours: the step that reads it says what is wrong
  assert.deepEqual(kindOf(inclusion.slice(0, 500)), { own: "inclusion" });
  assert.deepEqual(kindOf(statement.slice(0, -1)), { own: "statement" });
  assert.deepEqual(kindOf(bytes("circuits", "vectors", "disclosures", "disclosure-4-v1", "disclosure.json")), { foreign: "disclosure" });
  assert.deepEqual(kindOf(bytes("circuits", "vectors", "attestations", "solvency-8-v1", "proof.bin")), { foreign: "binary" });
  for (const [foreign, text] of [
    ["empty", ""], ["zip", "PK\u0003\u0004"], ["pdf", "%PDF-1.7"], ["html", " <!DOCTYPE html><p>"], ["ledger", "symbol,scale,price,quote\nBTC,8,1,USDT"],
    ["table", "rn,id,e_btc,d_btc\n"], ["text", "hello"], ["broken_json", '{"a":'], ["broken_json", '{"a":1,"a":2}'], ["json", "[1]"], ["json", '{"a":1}'],
    ["address_list", '[{"address":"bc1q"}]'], ["private_key", '{"kty":"OKP","d":"AA"}'], ["problem", '{"type":"/problems/not-found","title":"x","status":404}'],
    ["binance", '{"AccountIndex":0,"TotalEquity":"0"}'], ["merkle", '{"auditId":"x","self":{},"path":[]}'], ["reserves", '{"protocol":"assay/reserves/2"}'],
  ] as const) {
    assert.deepEqual(kindOf(utf8(text)), { foreign }, text);
  }
});
