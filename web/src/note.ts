// Signed notes of transparency logs (C2SP signed-note) and the keys that verify them: of logs, and of witnesses, whose cosignatures contain
// a time. Other types of keys are refused where a policy lists them, and ignored in a note.

import { sha256 } from "@noble/hashes/sha2.js";
import { concat, fromBase64, sameBytes, toHex, utf8 } from "./bytes.ts";
import { isStrong, verifyStrict } from "./jws.ts";
import { visible } from "./names.ts";
import { refuse } from "./refusal.ts";

export const MAX_NOTE_BYTES = 256 << 10;
const MAX_SIGNATURES = 64;
const DASH = "\u2014 ";
/** What key names have not. */
const NO_NAME = /^$|[\p{White_Space}\p{Cc}+]/u;
/** The largest time that the format allows. */
const MAX_TIME = 2n ** 63n - 1n;

const KINDS = { log: 0x01, witness: 0x04 } as const;
export type KeyKind = keyof typeof KINDS;

export interface VerifierKey {
  name: string;
  id: Uint8Array;
  kind: KeyKind;
  key: Uint8Array;
}

interface SignatureLine {
  name: string;
  id: Uint8Array;
  signature: Uint8Array;
}

export interface Note {
  text: string;
  signatures: SignatureLine[];
}

function keyId(name: string, kind: KeyKind, key: Uint8Array): Uint8Array {
  return sha256(concat([utf8(`${name}\n`), Uint8Array.of(KINDS[kind]), key])).slice(0, 4);
}

/** Reads `NAME+ID+KEY`. */
export function readVerifierKey(text: string): VerifierKey {
  const no = (why: string) => refuse(`the verifier key ${visible(text)} ${why}`);
  const [name = "", id, ...rest] = text.split("+");
  // base64 has plus signs of its own
  if (id === undefined || rest.length === 0) return no("is not NAME+ID+KEY");
  if (!/^[0-9a-f]{8}$/.test(id)) no("has an id that is not 8 lower-case hexadecimal digits");
  const bytes = fromBase64(rest.join("+")) ?? no("has a key that is not base64");
  const kind = (Object.keys(KINDS) as KeyKind[]).find((known) => KINDS[known] === bytes[0]);
  if (!kind) return no("is of another type than 0x01 (Ed25519) and 0x04 (cosignature/v1)");
  const key = bytes.slice(1);
  if (!isStrong(key)) no("does not hold an Ed25519 public key");
  if (NO_NAME.test(name)) no("has no name, or one with a space, a control character or a plus sign");
  const own = keyId(name, kind, key);
  return toHex(own) === id ? { name, id: own, kind, key } : no(`has the id of another name or key: this one's is ${toHex(own)}`);
}

/** Text without control characters but line ends. */
export function plainText(text: string, what: string): string {
  const control = /[\u0000-\u0009\u000b-\u001f]/.exec(text)?.[0];
  return control === undefined ? text : refuse(`${what} contains the control character ${control.charCodeAt(0)}`);
}

/** Reads a note. Its signatures are not verified. */
export function readNote(text: string): Note {
  if (utf8(text).length > MAX_NOTE_BYTES) refuse(`the note is longer than ${MAX_NOTE_BYTES} bytes`);
  const middle = text.lastIndexOf("\n\n");
  const rest = middle < 0 ? "" : text.slice(middle + 2);
  if (rest === "") refuse("the note ends without signature lines");
  if (!rest.endsWith("\n")) refuse("the note does not end with a line end");
  const lines = rest.slice(0, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) refuse(`the note has more than ${MAX_SIGNATURES} signatures`);
  return { text: text.slice(0, middle + 1), signatures: lines.map(readLine) };
}

function readLine(line: string): SignatureLine {
  const no = (why: string) => refuse(`a signature line of the note ${why}`);
  if (!line.startsWith(DASH)) no("does not start with a dash (U+2014) and a space");
  const rest = line.slice(DASH.length);
  const space = rest.indexOf(" ");
  if (space < 0) no("has no key name and signature");
  const name = rest.slice(0, space);
  if (NO_NAME.test(name)) no("has a key name that is none");
  const bytes = fromBase64(rest.slice(space + 1)) ?? no("has a signature that is not base64");
  if (bytes.length < 5) no("has no key id and signature");
  return { name, id: bytes.slice(0, 4), signature: bytes.slice(4) };
}

/** Whether the key signed, and when, if it says so; refuses a false signature in its name. */
export function signedBy(note: Note, key: VerifierKey): { time: bigint | undefined } | undefined {
  let found: { time: bigint | undefined } | undefined;
  for (const line of note.signatures) {
    if (line.name !== key.name || !sameBytes(line.id, key.id)) continue;
    const signed = verified(note.text, line.signature, key) ?? refuse(`the signature by ${visible(key.name)} does not verify`);
    if (!found || (signed.time ?? 0n) > (found.time ?? 0n)) found = signed;
  }
  return found;
}

function verified(text: string, signature: Uint8Array, key: VerifierKey): { time: bigint | undefined } | undefined {
  if (key.kind === "log") return verifyStrict(signature, utf8(text), key.key) ? { time: undefined } : undefined;
  if (signature.length !== 72) return undefined;
  const time = BigInt(`0x${toHex(signature.slice(0, 8))}`);
  if (time > MAX_TIME) return undefined;
  return verifyStrict(signature.slice(8), utf8(`cosignature/v1\ntime ${time}\n${text}`), key.key) ? { time } : undefined;
}
