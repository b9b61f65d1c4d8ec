// A page of an account and its leaf. SPEC.md, section 3.

import { hash, LEAF } from "./poseidon.ts";
import { OPEN_COLUMNS } from "./shape.ts";

export interface Entry {
  column: number;
  quantity: bigint;
}

export interface CappedEntry extends Entry {
  /** What is left up to the column's cap. */
  slack: bigint;
}

export interface Page {
  identity: bigint;
  first: boolean;
  /** Pages of the account that follow. */
  remaining: number;
  class: number;
  entries: Entry[];
  capped: CappedEntry[];
  /** Equity and margin excess on the first page, 0 on others. */
  measures: readonly [bigint, bigint];
}

const ENTRIES_PER_WORD = 3;
const MEASURE_BITS = 96n;

/** The words that enter the leaf's hash. */
export function words(page: Page): bigint[] {
  const packed: bigint[] = [];
  for (let start = 0; start < page.entries.length; start += ENTRIES_PER_WORD) {
    const chunk = page.entries.slice(start, start + ENTRIES_PER_WORD);
    packed.push(chunk.reduceRight((word, e) => (word << 77n) | (e.quantity << 13n) | BigInt(e.column), 0n));
  }
  const header = (page.first ? 1n : 0n) | (BigInt(page.remaining) << 1n) | (BigInt(page.class) << 9n);
  packed[0] = (packed[0] ?? 0n) | (header << 231n);
  if (page.capped.length > 0) {
    for (const e of page.capped) packed.push(e.quantity | (e.slack << 64n) | (BigInt(e.column - OPEN_COLUMNS) << 128n));
    packed.push(page.measures.reduceRight((word, m) => (word << (MEASURE_BITS + 1n)) | signed(m), 0n));
  }
  return packed;
}

function signed(measure: bigint): bigint {
  return measure < 0n ? -measure | (1n << MEASURE_BITS) : measure;
}

export function leaf(page: Page): bigint {
  return hash(LEAF, [page.identity, ...words(page)]);
}
