// What a statement of the compliance family claims beside totals: instruments, classes, and the results of the measures.

import type { Members } from "./members.ts";
import { refuse } from "./refusal.ts";

export interface MeasureResult {
  measure: string;
  positive: string;
  negative: string;
  below: bigint;
}

export interface Instrument {
  symbol: string;
  contractSize: string;
  markPrice: string;
  maintenanceMarginBps: bigint;
}

export interface Class {
  class: number;
  name: string;
  kycLevel: string;
  jurisdiction: string;
}

export interface RuleClaims {
  instruments: Instrument[];
  classes: Class[];
  results: MeasureResult[];
  /** Accounts are valued in units of 10^-this of the quote currency. */
  valueDecimals: number;
}

/** Without a member `value_decimals`. */
export const LEAST_VALUE_DECIMALS = 12;
const MOST_VALUE_DECIMALS = 24;

function readValueDecimals(m: Members): number {
  const decimals = m.optional("value_decimals", (name) => Number(m.number(name, 255n)));
  if (decimals === undefined) return LEAST_VALUE_DECIMALS;
  return decimals > LEAST_VALUE_DECIMALS && decimals <= MOST_VALUE_DECIMALS
    ? decimals
    : refuse(`${m.what}: accounts are valued in ${decimals} decimals`);
}

export function readRules(m: Members): RuleClaims {
  const rules = {
    valueDecimals: readValueDecimals(m),
    instruments: m.objects("instruments", "instrument", readInstrument),
    classes: m.objects("classes", "class", readClass),
    results: m.objects("results", "result", readResult),
  };
  m.end();
  return rules;
}

export function readShardRules(m: Members): { results: MeasureResult[]; private: string } {
  const rules = { results: m.objects("results", "result", readResult), private: m.text("private") };
  m.end();
  return rules;
}

function readInstrument(m: Members): Instrument {
  const instrument = {
    symbol: m.text("symbol"),
    contractSize: m.text("contract_size"),
    markPrice: m.text("mark_price"),
    maintenanceMarginBps: m.number("maintenance_margin_bps", 2n ** 32n - 1n),
  };
  m.end();
  return instrument;
}

function readClass(m: Members): Class {
  const read = {
    class: Number(m.number("class", 255n)),
    name: m.text("name"),
    kycLevel: m.text("kyc_level"),
    jurisdiction: m.text("jurisdiction"),
  };
  m.end();
  return read;
}

function readResult(m: Members): MeasureResult {
  const result = {
    measure: m.text("measure"),
    positive: m.text("positive"),
    negative: m.text("negative"),
    below: m.number("below"),
  };
  m.end();
  return result;
}
