// The strict reader of JSON, and the canonical form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64Url, fromHex, toBase64Url, utf8 } from "../src/bytes.ts";
import { canonical, JsonNumber, parseJson, type Json } from "../src/json.ts";

function parse(text: string): Json {
  return parseJson(utf8(text), "the text");
}

test("what RFC 8259 allows is read", () => {
  assert.deepEqual(parse(' {"a" : [1, -2.5e+3, true, false, null, "x\\n\\u00e9\\ud83d\\ude00/\\/"] }\r\n\t'), new Map([
    ["a", [new JsonNumber("1"), new JsonNumber("-2.5e+3"), true, false, null, "x\né😀//"]],
  ]));
  for (const text of ["{}", "[]", '""', "0", "-0", "1e5", '{"__proto__":1}', '[[],{}]']) parse(text);
});

test("what it does not allow is refused, with the place", () => {
  for (const text of [
    "", " ", "{", "[", '"', "{]", "[}", "[1,]", '{"a":1,}', "{a:1}", "{'a':1}", '{"a" 1}', '{"a":}', "[1 2]", "01", "1.", ".5", "+1", "-", "1e", "0x1", "NaN",
    "Infinity", "nul", "truex", '"\n"', '"\t"', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\ud800"', '"\\udc00"', '"\\ud800\\u0041"', "[] []", "// a\n1", "\ufeff{}", "\u00a01",
    "[".repeat(101) + "]".repeat(101), '{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '[{"b":{"c":1,"c":1}}]',
  ]) {
    assert.throws(() => parse(text), { name: "Refusal", message: /^the text is not valid JSON: .+, at character \d+$/ }, text);
  }
  assert.throws(() => parseJson(new Uint8Array([0x22, 0xff, 0x22]), "the text"), /is not text in UTF-8/);
  assert.throws(() => parseJson(new Uint8Array([0xed, 0xa0, 0x80]), "the text"), /is not text in UTF-8/);
});

test("a name given twice is named", () => {
  assert.throws(() => parse('{"shard":0,"shard":1}'), /the name "shard" is given twice/);
});

test("whole numbers stay exact, and other spellings are no whole numbers", () => {
  const whole = (text: string) => (parse(text) as JsonNumber).whole;
  assert.equal(whole("18446744073709551615"), 18446744073709551615n);
  assert.equal(whole("9007199254740993"), 9007199254740993n);
  for (const text of ["1.0", "1e0", "-0", "-1", "1E2"]) assert.equal(whole(text), undefined, text);
});

test("deep and long values end in a refusal, not in a crash", () => {
  assert.throws(() => parse("[".repeat(1_000_000)), /nested more than 100 deep/);
  assert.throws(() => parse("9".repeat(1_000_000)), /a JSON value was expected/);
});

test("the canonical form sorts by UTF-16 code units and writes the shortest escapes", () => {
  assert.equal(canonical(parse('{"b":[1,{"z":"\\u00fc\\n","a":true}],"a":null,"B":"\\""}')), '{"B":"\\"","a":null,"b":[1,{"a":true,"z":"ü\\n"}]}');
  assert.equal(canonical(parse('{"\ufb33":1,"\u{1f600}":2,"ö":3,"o b":4,"o":5}')), '{"o":5,"o b":4,"ö":3,"\u{1f600}":2,"\ufb33":1}');
  assert.equal(canonical("\u0001\u007f\u2028"), '"\\u0001\u007f\u2028"');
});

test("base64url and hexadecimal digits have one spelling of each length", () => {
  for (let length = 0; length < 20; length++) {
    const bytes = Uint8Array.from({ length }, (_, k) => (k * 83 + 250) % 256);
    assert.deepEqual(fromBase64Url(toBase64Url(bytes)), bytes);
  }
  for (const text of ["A", "AB", "AA=", "AA==", "A+A", "A/A", "AA A", "AAA\n"]) assert.equal(fromBase64Url(text), undefined, text);
  assert.deepEqual(fromHex("00fF"), new Uint8Array([0, 255]));
  for (const text of ["0", "0g", "0x", " 0"]) assert.equal(fromHex(text), undefined, text);
});
