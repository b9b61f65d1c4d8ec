// Transparency logs made for a test: keys, checkpoints with cosignatures, and proofs.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, toBase64, toHex, utf8 } from "../src/bytes.ts";

export const LOG = "log.example/log";
export const LOG_KEY = new Uint8Array(32).fill(1);
export const WITNESS_KEY = new Uint8Array(32).fill(2);
export const OTHER_KEY = new Uint8Array(32).fill(3);

const leafOf = (entry: Uint8Array) => sha256(concat([Uint8Array.of(0), entry]));
const nodeOf = (left: Uint8Array, right: Uint8Array) => sha256(concat([Uint8Array.of(1), left, right]));

export function verifierKey(name: string, type: number, secret: Uint8Array): { text: string; id: Uint8Array } {
  const key = concat([Uint8Array.of(type), ed25519.getPublicKey(secret)]);
  const id = sha256(concat([utf8(`${name}\n`), key])).slice(0, 4);
  return { text: `${name}+${toHex(id)}+${toBase64(key)}`, id };
}

export function signed(text: string, name: string, secret: Uint8Array): string {
  const signature = concat([verifierKey(name, 1, secret).id, ed25519.sign(utf8(text), secret)]);
  return `\u2014 ${name} ${toBase64(signature)}\n`;
}

export function cosigned(text: string, name: string, secret: Uint8Array, time = 1_700_000_000n): string {
  const stamp = Uint8Array.from({ length: 8 }, (_, k) => Number((time >> BigInt(8 * (7 - k))) & 255n));
  const signature = ed25519.sign(utf8(`cosignature/v1\ntime ${time}\n${text}`), secret);
  return `\u2014 ${name} ${toBase64(concat([verifierKey(name, 4, secret).id, stamp, signature]))}\n`;
}

/** Root of the leaves from `from` to before `to`, and the path of leaf `index`. */
function tree(leaves: readonly Uint8Array[], index: number): { root: Uint8Array; path: Uint8Array[] } {
  if (leaves.length === 1) return { root: leaves[0] as Uint8Array, path: [] };
  let half = 1;
  while (2 * half < leaves.length) half *= 2;
  const [left, right] = [tree(leaves.slice(0, half), index), tree(leaves.slice(half), index - half)];
  const path = index < half ? [...left.path, right.root] : [...right.path, left.root];
  return { root: nodeOf(left.root, right.root), path };
}

export const filler = (k: number) => utf8(`entry ${k}`);

/** A proof that `entry` is number `index` of a log with `size` entries. */
export function proved(entry: Uint8Array, index: number, size: number, lines: (text: string) => string[]): string {
  const leaves = Array.from({ length: size }, (_, k) => leafOf(k === index ? entry : filler(k)));
  const { root, path } = tree(leaves, index);
  const text = `${LOG}\n${size}\n${toBase64(root)}\n`;
  return `c2sp.org/tlog-proof@v1\nindex ${index}\n${path.map((hash) => `${toBase64(hash)}\n`).join("")}\n${text}\n${lines(text).join("")}`;
}

export const honest = (text: string) => [signed(text, LOG, LOG_KEY), cosigned(text, "witness.example/w", WITNESS_KEY)];
export const POLICY = [
  `log ${verifierKey(LOG, 1, LOG_KEY).text} https://log.example/log`,
  `witness w ${verifierKey("witness.example/w", 4, WITNESS_KEY).text}`,
];
