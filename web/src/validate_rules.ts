// The rules of the statement's format that only the compliance family has: results, classes and capped columns.

import { parseCount } from "./decimal.ts";
import { isName } from "./names.ts";
import { refuseStatement as no } from "./refusal.ts";
import type { MeasureResult, RuleClaims } from "./rules.ts";
import { OPEN_COLUMNS } from "./shape.ts";
import type { Statement } from "./statement.ts";

const MEASURES = "equity,margin_excess";

/** One result for each measure, in order, in numbers that JSON holds exactly. */
export function validateResults(results: readonly MeasureResult[]): void {
  if (results.map((r) => r.measure).join() !== MEASURES) no("its results are not those of this protocol's measures");
  for (const result of results) {
    parseCount(result.positive);
    parseCount(result.negative);
    if (result.below > 2n ** 53n - 1n) no("an integer above 2^53 − 1");
  }
}

/** Every class has one null column, that of class 0 is the first capped one, and no account has two columns for one position. */
export function validateCapped(s: Statement, rules: RuleClaims): void {
  const classes = new Set(rules.classes.map((c) => c.class));
  const [nulls, positions, unlimited, tiers] = [new Set<number>(), new Set<string>(), new Set<string>(), new Set<string>()];
  for (const { index, kind, cap, asset, table, percentBps, instrument } of s.columns) {
    if (cap && !classes.has(cap.class)) no(`column ${index} is of an unlisted class`);
    if (kind === "null" && cap) {
      if ((index === OPEN_COLUMNS) !== (cap.class === 0) || !added(nulls, cap.class)) {
        no(`column ${index} is not the null column of its class`);
      }
    } else if (kind === "collateral") {
      if ((percentBps as bigint) > 10_000n || (table !== undefined && !isName(table))) {
        no(`column ${index} counts for more than its value`);
      }
      // an account could fill both, and so hold twice the width at one percentage
      const tier = JSON.stringify([asset, table ?? null, String(percentBps), cap?.class ?? null]);
      if (!added(tiers, tier)) no(`column ${index} is a collateral tier listed twice`);
    } else if (kind === "long" || kind === "short") {
      const side = JSON.stringify([instrument, kind, cap?.class ?? null]);
      if (!added(cap ? positions : unlimited, side)) no(`column ${index} is a second one for positions in ${instrument}`);
    }
  }
  // where a book limits positions, it limits every one: an open column would be a limit that nobody has
  if (positions.size > 0 && unlimited.size > 0) no("it limits positions, and has a column of positions without a limit");
  if (nulls.size !== rules.classes.length || !nulls.has(0)) no("every class, and class 0 in any case, has a null column");
}

function added<T>(set: Set<T>, value: T): boolean {
  const fresh = !set.has(value);
  set.add(value);
  return fresh;
}
