// Which lines a seed draws: a rule that anybody can repeat with a SHA-256 of their own (api-spec/reserves.md, "A sample of lines").

import { sha256 } from "@noble/hashes/sha2.js";
import { toHex, utf8 } from "../bytes.ts";

/** The seed as it counts, or nothing: 1 to 128 printable characters of ASCII, without spaces at the ends. */
export function readSeed(typed: string): string | undefined {
  const seed = typed.trim();
  return /^[\x20-\x7e]{1,128}$/.test(seed) ? seed : undefined;
}

export function randomSeed(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(16)));
}

/** Of the lines with these indices, the `count` whose SHA-256 of `SEED:INDEX` is smallest, the smallest first. */
export function drawn(seed: string, indices: readonly bigint[], count: number): bigint[] {
  // digits in lower case are ordered as the bytes are
  const ranked = indices.map((index) => ({ index, rank: toHex(sha256(utf8(`${seed}:${index}`))) }));
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return ranked.slice(0, count).map(({ index }) => index);
}
