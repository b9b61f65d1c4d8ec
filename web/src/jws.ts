// Who signed a statement: a JWS in general JSON form by Ed25519, checked with a list of keys. api-spec/jws.md.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { concat, fromBase64Url, sameBytes, toBase64Url, utf8 } from "./bytes.ts";
import { parseJson, type Json } from "./json.ts";
import { Members } from "./members.ts";
import { refuse } from "./refusal.ts";
import { MAX_STATEMENT_BYTES } from "./statement.ts";

export const MAX_JWS_BYTES = Math.floor(MAX_STATEMENT_BYTES / 3) * 4 + (64 << 10);
export const MAX_JWKS_BYTES = 256 << 10;
/** Most signatures of one file, keys of one list, and documents of one kind. */
export const MAX_ENTRIES = 64;
/** What a signature over a statement says it is. */
export const TYPE = "assay-attestation+jws";

export interface Signature {
  kid: string;
  protected: string;
  signature: string;
}

export interface Jws {
  payload: string;
  signatures: Signature[];
}

/** A key that may sign statements, or nothing where the listed key is for something else. */
export type Jwks = Map<string, Uint8Array | undefined>;

export interface Signers {
  /** Listed keys whose signatures hold. */
  known: { kid: string; thumbprint: string }[];
  /** Keys that are not listed: nothing is known about their signatures. */
  unknown: string[];
}

/** Reads a file of signatures; nothing is verified yet. */
export function readJws(bytes: Uint8Array): Jws {
  if (bytes.length > MAX_JWS_BYTES) refuse(`the signature file is longer than ${MAX_JWS_BYTES} bytes`);
  return jwsOf(Members.of(parseJson(bytes, "the signature file"), "the signature file"), TYPE);
}

/** The JWS of these members, whose signatures are all of one type. */
export function jwsOf(m: Members, type: string): Jws {
  const signatures = m.objects("signatures", "signature", (s) => {
    const read = { protected: s.text("protected"), signature: s.text("signature") };
    s.end();
    return { ...read, kid: kidOf(read.protected, type) };
  });
  const jws = { payload: m.text("payload"), signatures };
  m.end();
  if (signatures.length < 1 || signatures.length > MAX_ENTRIES) {
    refuse(`${signatures.length} signatures; there must be 1 to ${MAX_ENTRIES}`);
  }
  for (const [k, { kid }] of signatures.entries()) {
    if (signatures.findIndex((s) => s.kid === kid) !== k) refuse(`key ${kid} signed twice`);
  }
  return jws;
}

function kidOf(text: string, type: string): string {
  const bytes = fromBase64Url(text) ?? refuse("a protected header is not canonical base64url");
  const header = Members.of(parseJson(bytes, "a protected header"), "a protected header");
  const [alg, kid, typ] = [header.text("alg"), header.text("kid"), header.text("typ")];
  header.end();
  if (alg !== "EdDSA") refuse("a signature uses another algorithm than EdDSA");
  if (typ !== type) refuse(`a signature has another type than ${type}`);
  return checkedKid(kid);
}

function checkedKid(kid: string): string {
  return /^[\x21-\x7e]{1,128}$/.test(kid) ? kid : refuse("a key id (kid) is not 1 to 128 visible ASCII characters");
}

/** Reads a list of keys (JWKS). Those that cannot sign statements stay listed as such. */
export function readJwks(bytes: Uint8Array): Jwks {
  if (bytes.length > MAX_JWKS_BYTES) refuse(`the list of keys is longer than ${MAX_JWKS_BYTES} bytes`);
  const list = Members.of(parseJson(bytes, "the list of keys"), "the list of keys").list("keys");
  if (list.length > MAX_ENTRIES) refuse(`${list.length} keys, at most ${MAX_ENTRIES} are read`);
  const keys: Jwks = new Map();
  for (const [k, entry] of list.entries()) {
    if (!(entry instanceof Map)) return refuse(`key ${k + 1} of the list is not a JSON object`);
    if ((entry.get("d") ?? null) !== null) refuse("the list contains a private key: anyone who has the list can sign with it");
    const key = statementKey(entry);
    const kid = optionalText(entry, "kid") ?? (key && thumbprint(key));
    if (kid === undefined) continue;
    if (keys.has(checkedKid(kid))) refuse(`two keys in the list have the key id ${kid}`);
    keys.set(kid, key);
  }
  if (![...keys.values()].some((key) => key)) refuse("the list contains no Ed25519 statement key");
  return keys;
}

/** The text of a member, or nothing where it is absent or null. */
function optionalText(entry: Map<string, Json>, name: string): string | undefined {
  const value = entry.get(name) ?? undefined;
  return value === undefined || typeof value === "string" ? value : refuse(`in the list of keys "${name}" is not a text`);
}

function statementKey(entry: Map<string, Json>): Uint8Array | undefined {
  const is = (name: string, expected: string) => (optionalText(entry, name) ?? expected) === expected;
  const kty = optionalText(entry, "kty") ?? refuse('a key in the list has no "kty"');
  const operations = entry.get("key_ops") ?? null;
  if (operations !== null && (!Array.isArray(operations) || operations.some((o) => typeof o !== "string"))) {
    refuse('in the list of keys "key_ops" is not a list of texts');
  }
  const verifies = !Array.isArray(operations) || operations.includes("verify");
  // every member is read, so that a wrong type is refused whatever the others say
  const matches = [is("alg", "EdDSA"), is("use", "sig"), is("assay_purpose", "attestation"), optionalText(entry, "crv") === "Ed25519"];
  const x = optionalText(entry, "x");
  if (kty !== "OKP" || !verifies || matches.includes(false)) return undefined;
  const key = x === undefined ? undefined : fromBase64Url(x);
  return key && isStrong(key) ? key : refuse("an Ed25519 key in the list is malformed");
}

/** Whether the bytes are a public key that no signature verifies under by accident. */
export function isStrong(key: Uint8Array): boolean {
  try {
    return key.length === 32 && !ed25519.Point.fromBytes(key).isSmallOrder();
  } catch {
    return false;
  }
}

/** The name of a key (RFC 7638). */
export function thumbprint(key: Uint8Array): string {
  return toBase64Url(sha256(utf8(`{"crv":"Ed25519","kty":"OKP","x":"${toBase64Url(key)}"}`)));
}

/** Refuses signatures of anything but `statement`. */
export function checkPayload(jws: Jws, statement: Uint8Array): void {
  if (jws.payload !== toBase64Url(statement)) refuse("the signatures are for another statement");
}

/** The listed key that signed the payload; refuses if it is for something else, or the signature does not verify. */
export function verifySigned(signed: Signature, payload: string, jwks: Jwks): Uint8Array {
  const key = jwks.get(signed.kid) ?? refuse(`the listed key ${signed.kid} is not a statement key`);
  const signature = fromBase64Url(signed.signature);
  if (!signature || !verifyStrict(signature, utf8(`${signed.protected}.${payload}`), key)) {
    refuse(`the signature by ${signed.kid} does not verify`);
  }
  return key;
}

/** Whose signatures stand under the statement; refuses if one by a listed key does not verify, or none is by a listed key. */
export function verifyJws(jws: Jws, statement: Uint8Array, jwks: Jwks): Signers {
  checkPayload(jws, statement);
  const signers: Signers = { known: [], unknown: [] };
  for (const signed of jws.signatures) {
    if (!jwks.has(signed.kid)) {
      signers.unknown.push(signed.kid);
      continue;
    }
    signers.known.push({ kid: signed.kid, thumbprint: thumbprint(verifySigned(signed, jws.payload, jwks)) });
  }
  return signers.known.length > 0
    ? signers
    : refuse(`no listed key signed the statement; it is signed by ${signers.unknown.join(", ")}`);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/**
 * Ed25519 as strict as the verifier: canonical S, no point of small order, no cofactor. noble's own `verify` multiplies by the
 * cofactor, and so accepts signatures that others refuse.
 */
export function verifyStrict(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  const { Point } = ed25519;
  const order = Point.Fn.ORDER;
  if (signature.length !== 64) return false;
  const [r, s] = [signature.slice(0, 32), littleEndian(signature.slice(32))];
  if (s >= order) return false;
  try {
    const [publicKey, commitment] = [Point.fromBytes(key), Point.fromBytes(r)];
    if (publicKey.isSmallOrder() || commitment.isSmallOrder()) return false;
    const k = littleEndian(sha512(concat([r, key, message]))) % order;
    const product = Point.BASE.multiplyUnsafe(s).subtract(publicKey.multiplyUnsafe(k));
    return sameBytes(product.toBytes(), r);
  } catch {
    // noble throws for bytes that are no point
    return false;
  }
}
