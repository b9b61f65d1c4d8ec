// Whole numbers and decimals that have one spelling each.

import { refuse } from "./refusal.ts";

const COUNT = /^(0|[1-9][0-9]*)$/;
const SHORTEST = /^(0|[1-9][0-9]*)(?:\.([0-9]*[1-9]))?$/;

/** A whole number of at most `bits` bits without sign or leading zero. */
export function parseCount(text: string, bits = 128n): bigint {
  // 2^128 has 39 digits; the bound keeps a hostile number from costing time
  const value = COUNT.test(text) && text.length <= 39 ? BigInt(text) : undefined;
  if (value === undefined || value >= 2n ** 128n) {
    return refuse(`\`${text.slice(0, 80)}\` is not a whole number of smallest units`);
  }
  return value < 2n ** bits ? value : refuse(`quantity ${text} does not fit ${bits} bits`);
}

/** Whether the text is a decimal in its shortest form, of at most 64 characters. */
export function isShortest(text: string): boolean {
  return text.length <= 64 && SHORTEST.test(text);
}

/** A decimal in its shortest form: its digits, and how many of them stand behind the point. */
export function parseShortest(text: string): { digits: bigint; decimals: number } {
  const [, whole, fraction = ""] = (text.length <= 64 ? SHORTEST.exec(text) : null) ?? [];
  if (whole === undefined) return refuse(`\`${text.slice(0, 80)}\` is not a decimal in its shortest form`);
  return { digits: BigInt(whole + fraction), decimals: fraction.length };
}
