// The catalogue of shapes: the fixed dimensions of each circuit that a statement can name.

import { refuse } from "./refusal.ts";

export interface Shape {
  name: string;
  compliance: boolean;
  /** Made for tests; no attestation for people has it. */
  testsOnly: boolean;
  /** Levels of every path. */
  depth: number;
  maxSteps: number;
  /** Open entries of a page. */
  entries: number;
  /** Capped entries of a page. */
  capped: number;
}

export const OPEN_COLUMNS = 2 ** 13;
export const ALL_COLUMNS = 2 ** 14;
export const MAX_ASSETS = 4096;
export const MAX_INSTRUMENTS = 2048;
export const MAX_PAGES = 256;
export const TREE_ARITY = 8;

function shape(name: string, batch: number, upper: number): Shape {
  const compliance = name.startsWith("compliance");
  return {
    name,
    compliance,
    testsOnly: name.endsWith("-8"),
    depth: batch + upper,
    maxSteps: TREE_ARITY ** upper,
    entries: compliance ? 3 : 6,
    capped: compliance ? 2 : 0,
  };
}

const CATALOGUE = ["solvency", "compliance"].flatMap((family) => [
  shape(`${family}-8`, 1, 2),
  shape(`${family}-64`, 2, 4),
  shape(`${family}-512`, 3, 5),
]);

export function shapeNamed(name: string): Shape {
  const known = CATALOGUE.map((s) => s.name).join(", ");
  return CATALOGUE.find((s) => s.name === name) ?? refuse(`there is no shape \`${name.slice(0, 80)}\`; known shapes: ${known}`);
}
