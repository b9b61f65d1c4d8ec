// The hash of leaves and nodes: Poseidon as nova-snark uses it, from noble's permutation. SPEC.md, section 3.

import { grainGenConstants, poseidon, type PoseidonFn } from "@noble/curves/abstract/poseidon.js";
import { Fr } from "./field.ts";

/** What a hash is for. */
export const LEAF = 1;
export const NODE = 2;

const FULL_ROUNDS = 8;
const permutations = new Map<number, PoseidonFn>();

function partialRounds(width: number): number {
  return width === 3 ? 55 : width <= 7 ? 56 : 57;
}

function permutation(width: number): PoseidonFn {
  const made = permutations.get(width);
  if (made) return made;
  const options = { Fp: Fr, t: width, roundsFull: FULL_ROUNDS, roundsPartial: partialRounds(width) };
  // the flag only sets the S-box field of the Grain generator's seed to 1, which is what nova-snark writes for x^5
  const { roundConstants } = grainGenConstants({ ...options, isSboxInverse: true });
  const row = (i: number) => Array.from({ length: width }, (_, j) => Fr.inv(BigInt(i + width + j)));
  const mds = Array.from({ length: width }, (_, i) => row(i));
  const fresh = poseidon({ ...options, roundConstants, mds, sboxPower: 5 });
  permutations.set(width, fresh);
  return fresh;
}

/** The capacity element: the sponge's input-output pattern and the domain, hashed to 128 bits. */
function tag(arity: number, domain: number): bigint {
  const [base, modulus] = [2n ** 128n - 159n, 2n ** 128n];
  let [power, sum] = [1n, 0n];
  for (const word of [BigInt(arity) + 2n ** 31n, 1n, BigInt(domain)]) {
    power = (power * base) % modulus;
    sum = (sum + power * word) % modulus;
  }
  return sum;
}

export function hash(domain: number, inputs: readonly bigint[]): bigint {
  return permutation(inputs.length + 1)([tag(inputs.length, domain), ...inputs])[1] as bigint;
}
