// Notices and files of all signatures, made for a test and signed with the key of the fixtures.

import { ed25519 } from "@noble/curves/ed25519.js";
import { toBase64Url, utf8 } from "../src/bytes.ts";
import { canonical, parseJson } from "../src/json.ts";
import { thumbprint } from "../src/jws.ts";
import { readStatement } from "../src/statement.ts";
import type { Attested } from "./files.ts";

/** The key that signed the statements of `fixtures`, which is in their list of keys. */
export const EXCHANGE_KEY = new Uint8Array(32).fill(0x2a);
export const STRANGER_KEY = new Uint8Array(32).fill(9);

export interface JwsJson {
  payload: string;
  signatures: { protected: string; signature: string }[];
}

/** The bytes signed as a document of the type `typ`, with more in the header or another one. */
export function signedAs(typ: string, payload: Uint8Array, key: Uint8Array, header: object | string = {}): JwsJson {
  const kid = thumbprint(ed25519.getPublicKey(key));
  const json = typeof header === "string" ? header : JSON.stringify({ alg: "EdDSA", kid, typ, ...header });
  const [protected_, encoded] = [toBase64Url(utf8(json)), toBase64Url(payload)];
  return { payload: encoded, signatures: [{ protected: protected_, signature: toBase64Url(ed25519.sign(utf8(`${protected_}.${encoded}`), key)) }] };
}

/** A withdrawal of the attestation with members changed, as its canonical bytes; a member that is undefined is left out. */
export function noticeBytes({ statement }: Attested, change: Record<string, unknown> = {}): Uint8Array {
  const { digest, exchange } = readStatement(statement);
  const document = {
    exchange: exchange.domain, issued_at: "2026-12-01T12:00:00Z", kind: "withdrawn", protocol: "assay/notice/1",
    reason: "A file of balances was left out.", statement: digest, ...change,
  };
  return utf8(canonical(parseJson(utf8(JSON.stringify(document)), "the notice")));
}

export function notice(files: Attested, change: Record<string, unknown> = {}, key = EXCHANGE_KEY): JwsJson {
  return signedAs("assay-notice+jws", noticeBytes(files, change), key);
}

export const SUPERSEDED = { kind: "superseded", by: "0b".repeat(32), reason: "Prices were wrong." };

/** signatures.json with the signatures of the statement and these notices. */
export function allSignatures({ jws }: Attested, notices: readonly object[] = [], opinions: readonly object[] = []): Uint8Array {
  const statement = JSON.parse(new TextDecoder().decode(jws)) as JwsJson;
  return utf8(JSON.stringify({ notices, opinions, statement }));
}
