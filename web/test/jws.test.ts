// Signatures of statements and lists of keys, as strict as the verifier.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, toBase64Url, utf8 } from "../src/bytes.ts";
import { readJwks, readJws, thumbprint, verifyJws, verifyStrict } from "../src/jws.ts";
import { attested, bytes, root } from "./files.ts";

const ONE = new Uint8Array(32).fill(1);
const KID = "UDDReOZl1ipXAfp9wYsm13sDBMK5og--QWdBjzuf6o4";
const STATEMENT = utf8('{"what":"is claimed"}');

/** A JWS and a list of keys, each changed. */
function signed(change: { header?: object | string; member?: object; jwk?: object; key?: Uint8Array } = {}): { jws: Uint8Array; jwks: Uint8Array } {
  const key = change.key ?? ONE;
  const x = ed25519.getPublicKey(key);
  const header = change.header ?? { alg: "EdDSA", kid: thumbprint(x), typ: "assay-attestation+jws" };
  const protected_ = toBase64Url(utf8(typeof header === "string" ? header : JSON.stringify(header)));
  const payload = toBase64Url(STATEMENT);
  const signature = toBase64Url(ed25519.sign(utf8(`${protected_}.${payload}`), key));
  const jws = { payload, signatures: [{ protected: protected_, signature, ...change.member }] };
  const jwk = { kty: "OKP", crv: "Ed25519", x: toBase64Url(x), kid: thumbprint(x), use: "sig", alg: "EdDSA", assay_purpose: "attestation", ...change.jwk };
  return { jws: utf8(JSON.stringify(jws)), jwks: utf8(JSON.stringify({ keys: [jwk] })) };
}

function verify({ jws, jwks }: { jws: Uint8Array; jwks: Uint8Array }, statement = STATEMENT): string {
  const signers = verifyJws(readJws(jws), statement, readJwks(jwks));
  return signers.known.map((key) => key.kid).join();
}

test("the example of api-spec/jws.md verifies", () => {
  const text = new TextDecoder().decode(bytes("api-spec", "jws.md"));
  const block = (member: string) => utf8([...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => json as string).find((json) => json.includes(`"${member}"`)) ?? "");
  assert.equal(verify({ jws: block("payload"), jwks: block("keys") }), KID);
});

test("the program's own files verify, and not for another statement", () => {
  const { jws, jwks, statement } = attested("solvency");
  assert.equal(verify({ jws: jws as Uint8Array, jwks: jwks as Uint8Array }, statement), "RdsIdO3CsMDzCjNZvzh9oqMmTgMASg3jgoAi8dXZLIQ");
  assert.throws(() => verify({ jws: jws as Uint8Array, jwks: jwks as Uint8Array }, STATEMENT), /signatures are for another statement/);
});

test("the fuzzer's files are read or refused as by the program", () => {
  const read = (kind: "jws" | "jwks", of: (bytes: Uint8Array) => unknown) => {
    const names = readdirSync(join(root, "fuzz", "corpus", kind));
    assert.ok(names.length > 3);
    return Object.fromEntries(names.map((name) => {
      try {
        of(bytes("fuzz", "corpus", kind, name));
        return [name, "read"];
      } catch (error) {
        return [name, (error as Error).name];
      }
    }));
  };
  assert.deepEqual(read("jwks", readJwks), { "hostile-private": "Refusal", "hostile-twice": "Refusal", "hostile-weak": "Refusal", mixed: "read", two: "read" });
  const jwks = readJwks(bytes("fuzz", "corpus", "jwks", "two"));
  const holds = (b: Uint8Array) => verifyJws(readJws(b), utf8('{"protocol":"a statement"}'), jwks);
  assert.deepEqual(read("jws", holds), { "a-stranger": "Refusal", "hostile-another-statement": "Refusal", "hostile-jwk": "Refusal", "hostile-none": "Refusal", one: "read", two: "read" });
});

test("a signature by another form, algorithm, type or key is refused with its reason", () => {
  assert.equal(verify(signed()), KID);
  const cases: [RegExp, ReturnType<typeof signed>][] = [
    [/another algorithm/, signed({ header: { alg: "none", kid: KID, typ: "assay-attestation+jws" } })],
    [/another type/, signed({ header: { alg: "EdDSA", kid: KID, typ: "at+jwt" } })],
    [/unknown member "jwk"/, signed({ header: { alg: "EdDSA", kid: KID, typ: "assay-attestation+jws", jwk: {} } })],
    [/"alg" is given twice/, signed({ header: `{"alg":"EdDSA","alg":"EdDSA","kid":"${KID}","typ":"assay-attestation+jws"}` })],
    [/no member "kid"/, signed({ header: { alg: "EdDSA", typ: "assay-attestation+jws" } })],
    [/1 to 128 visible ASCII/, signed({ header: { alg: "EdDSA", kid: "a b", typ: "assay-attestation+jws" } })],
    [/unknown member "header"/, signed({ member: { header: {} } })],
    [/does not verify/, signed({ member: { signature: toBase64Url(new Uint8Array(64)) } })],
    [/does not verify/, signed({ member: { signature: "" } })],
    [/no listed key signed/, signed({ jwk: { kid: "another" } })],
    [/no Ed25519 statement key/, signed({ jwk: { assay_purpose: "token" } })],
    [/no Ed25519 statement key/, signed({ jwk: { use: "enc" } })],
    [/no Ed25519 statement key/, signed({ jwk: { key_ops: ["sign"] } })],
    [/private key/, signed({ jwk: { d: "AA" } })],
    [/malformed/, signed({ jwk: { x: "AA" } })],
    [/malformed/, signed({ jwk: { x: toBase64Url(new Uint8Array(32)) } })],
  ];
  for (const [reason, files] of cases) assert.throws(() => verify(files), reason);
});

test("a listed key that is for other things refuses the whole", () => {
  const good = signed();
  const token = JSON.parse(new TextDecoder().decode(signed({ jwk: { assay_purpose: "token" } }).jwks)) as { keys: object[] };
  const other = JSON.parse(new TextDecoder().decode(signed({ key: new Uint8Array(32).fill(2) }).jwks)) as { keys: object[] };
  const jwks = utf8(JSON.stringify({ keys: [...token.keys, ...other.keys] }));
  assert.throws(() => verify({ jws: good.jws, jwks }), /is not a statement key/);
});

test("two signatures by one key, none, or sixty-five are refused", () => {
  const jws = JSON.parse(new TextDecoder().decode(signed().jws)) as { payload: string; signatures: object[] };
  const count = (signatures: object[]) => () => readJws(utf8(JSON.stringify({ ...jws, signatures })));
  assert.throws(count([...jws.signatures, ...jws.signatures]), /signed twice/);
  assert.throws(count([]), /0 signatures/);
  assert.throws(count(Array(65).fill(jws.signatures[0])), /65 signatures/);
});

test("a signature that only a lenient reader accepts is refused", () => {
  const message = utf8("m");
  const key = ed25519.getPublicKey(ONE);
  const signature = ed25519.sign(message, ONE);
  assert.equal(verifyStrict(signature, message, key), true);
  const order = ed25519.Point.Fn.ORDER;
  const s = signature.slice(32).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const littleEndian = (value: bigint) => Uint8Array.from({ length: 32 }, (_, k) => Number((value >> BigInt(8 * k)) & 255n));
  assert.equal(verifyStrict(concat([signature.slice(0, 32), littleEndian(s + order)]), message, key), false, "S above the order");
  // a key with a part of order 8: holds only when multiplied by the cofactor, which noble's own verify does
  const torsion = ed25519.Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", true);
  const mixed = ed25519.Point.BASE.multiply(5n).add(torsion);
  const commitment = ed25519.Point.BASE.multiply(7n).toBytes();
  let lenient = 0;
  for (let n = 0; n < 8; n++) {
    const text = utf8(`message ${n}`);
    const k = sha512(concat([commitment, mixed.toBytes(), text])).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) % order;
    const forged = concat([commitment, littleEndian((7n + k * 5n) % order)]);
    if (!ed25519.verify(forged, text, mixed.toBytes())) continue;
    if (k % 8n !== 0n) assert.equal(verifyStrict(forged, text, mixed.toBytes()), false, `n = ${n}`);
    lenient++;
  }
  assert.ok(lenient > 0, "noble's own verify accepts it, so the test can tell");
});
