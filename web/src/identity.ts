// Who a page belongs to without saying so: identity and shard of an account. SPEC.md, section 3.

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, toHex, utf8 } from "./bytes.ts";

/** Under which names an account's identity is made. */
export interface Scope {
  domain: string;
  series: string;
}

/** Each part after its length, so that no two lists of parts give the same bytes. */
export function framed(purpose: string, parts: readonly string[]): Uint8Array {
  const framedParts = [purpose, ...parts].flatMap((part) => {
    const bytes = utf8(part);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length, true);
    return [length, bytes];
  });
  return concat(framedParts);
}

/** The first 31 bytes of HMAC-SHA-256, keyed by the salt, as a number. */
export function identityOf(salt: Uint8Array, scope: Scope, account: string): bigint {
  const digest = hmac(sha256, salt, framed("assay/identity/v1", [scope.domain, scope.series, account]));
  return BigInt(`0x${toHex(digest.subarray(0, 31))}`);
}

export function shardOf(identity: bigint, shards: number): number {
  return Number((identity * BigInt(shards)) >> 248n);
}
