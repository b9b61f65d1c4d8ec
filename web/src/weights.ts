// What one smallest unit of a column adds to an account's equity and margin excess, derived from the public prices.

import type { Column } from "./columns.ts";
import { parseShortest } from "./decimal.ts";
import { refuse } from "./refusal.ts";
import type { Instrument } from "./rules.ts";
import type { Asset, Statement } from "./statement.ts";

/** Measures are counted in units of 10^-12 of the quote currency. */
export const MEASURE_DECIMALS = 12;
const ALL = 10_000n;

/** Π factors · bps / 10^4 / 10^scale in units of 10^-12, as a whole number. */
function value(factors: readonly string[], bps: bigint, scale: number, round: "down" | "up"): bigint {
  let digits = bps * 10n ** BigInt(MEASURE_DECIMALS);
  let decimals = 4 + scale;
  for (const factor of factors) {
    const own = parseShortest(factor);
    digits *= own.digits;
    decimals += own.decimals;
  }
  const unit = 10n ** BigInt(decimals);
  const quotient = (digits + (round === "up" ? unit - 1n : 0n)) / unit;
  return quotient < 2n ** 127n ? quotient : refuse(`the value of ${factors.join(" · ")} is too large to compute with`);
}

export class Weigher {
  private readonly assets: Map<string, Asset>;
  private readonly held: Set<string>;
  private readonly instruments: Map<string, Instrument>;

  constructor(statement: Statement) {
    this.assets = new Map(statement.assets.map((asset) => [asset.symbol, asset]));
    this.held = new Set(statement.columns.filter((c) => c.total !== "0").flatMap((c) => c.asset ?? []));
    this.instruments = new Map((statement.rules?.instruments ?? []).map((i) => [i.symbol, i]));
  }

  /** The weights for equity and margin excess, rounded towards −∞ and so against the exchange. */
  weights(column: Column): readonly [bigint, bigint] {
    if (column.instrument !== undefined) {
      const i = this.instruments.get(column.instrument) ?? refuse(`instrument ${column.instrument} is not listed`);
      // gains and losses are settled in balances, so a position adds nothing to equity
      return [0n, -value([i.contractSize, i.markPrice], i.maintenanceMarginBps, 0, "up")];
    }
    if (column.asset === undefined) return [0n, 0n];
    const asset = this.assets.get(column.asset) ?? refuse(`asset ${column.asset} is not listed`);
    const { price, scale } = asset;
    if (price === undefined) {
      return this.held.has(asset.symbol) ? refuse(`asset ${asset.symbol} is held and has no price`) : [0n, 0n];
    }
    if (column.kind === "debt") {
      const owed = -value([price], ALL, scale, "up");
      return [owed, owed];
    }
    const worth = value([price], ALL, scale, "down");
    return [worth, column.percentBps === undefined ? 0n : value([price], column.percentBps, scale, "down")];
  }
}
