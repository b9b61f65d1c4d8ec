// The field that everything is hashed in, and the one spelling of its elements.

import { Field } from "@noble/curves/abstract/modular.js";
import { refuse } from "./refusal.ts";

/** The BN254 scalar field. */
export const Fr = Field(21888242871839275222246405745257275088548364400416034343698204186575808495617n);

export function elementHex(value: bigint): string {
  return value.toString(16).padStart(64, "0");
}

/** An element of 64 lower-case hexadecimal digits below p. */
export function elementFromHex(text: string): bigint {
  const value = /^[0-9a-f]{64}$/.test(text) ? BigInt(`0x${text}`) : Fr.ORDER;
  return value < Fr.ORDER
    ? value
    : refuse(`\`${text.slice(0, 80)}\` is not a field element of 64 lower-case hexadecimal digits`);
}
