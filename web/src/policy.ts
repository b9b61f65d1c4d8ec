// The exchange's own policy: a statement that breaks it is a true statement of a failure, and not valid.

import { isOwed } from "./columns.ts";
import { parseCount } from "./decimal.ts";
import { sumOf } from "./evidence.ts";
import type { Statement } from "./statement.ts";

/** Numbers are computed in 128 bits, as the verifier does: a product beyond that counts as broken. */
function atLeast(have: bigint, need: bigint, bps: bigint): boolean {
  const limit = 2n ** 128n;
  return have * 10_000n < limit && need * bps < limit && have * 10_000n >= need * bps;
}

/** What the stated numbers break, a sentence each; nothing if they keep every rule. */
export function policyDefects(s: Statement): string[] {
  const sums = new Map(s.assets.map((asset) => [asset.symbol, { owed: 0n, debts: 0n }]));
  for (const column of s.columns) {
    const sum = column.asset === undefined ? undefined : sums.get(column.asset);
    if (!sum) continue;
    if (isOwed(column.kind)) sum.owed += parseCount(column.total);
    else sum.debts += parseCount(column.total);
  }
  const defects: string[] = [];
  const broken = (rule: string, assets: string[]) => {
    if (assets.length > 0) defects.push(`${rule}: ${assets.join(", ")}`);
  };
  const entries = [...sums.entries()];
  broken("customers owe more than they hold", entries.filter(([, a]) => a.debts > a.owed).map(([symbol]) => symbol));
  const { coverageBps, coverageBasis, ownedBps, belowMarginMax, equityRatioBps } = s.policy;
  if (coverageBps !== undefined) {
    const covered = ({ symbol, reserves }: (typeof s.assets)[number]) => {
      const { owed, debts } = sums.get(symbol) as { owed: bigint; debts: bigint };
      const net = owed > debts ? owed - debts : 0n;
      return atLeast(parseCount(reserves), coverageBasis === "net" ? net : owed, coverageBps);
    };
    broken("the stated reserves are below what the policy asks for", s.assets.filter((a) => !covered(a)).map((a) => a.symbol));
  }
  if (ownedBps !== undefined && s.reserves.evidence) {
    const short = s.reserves.evidence.assets.filter((a) => !atLeast(a.fresh + a.thirdParty, sumOf(a), ownedBps));
    broken("less of the reserves is proven owned or stated by listed third parties than the policy asks for", short.map((a) => a.symbol));
  }
  const [equity, margin] = s.rules?.results ?? [];
  if (margin && belowMarginMax !== undefined && margin.below > belowMarginMax) {
    defects.push(`${margin.below} accounts are below their maintenance margin, the policy allows ${belowMarginMax}`);
  }
  if (equity && equityRatioBps !== undefined && !atLeast(parseCount(equity.positive), parseCount(equity.negative), equityRatioBps)) {
    defects.push("all positive equity together is below what the policy asks for");
  }
  return defects;
}

/** Whether the exchange sets itself a rule at all. Whoever states reserves has one on coverage. */
export function hasPolicy({ policy }: Statement): boolean {
  const rules = [policy.coverageBps, policy.ownedBps, policy.belowMarginMax, policy.equityRatioBps];
  return rules.some((rule) => rule !== undefined);
}
