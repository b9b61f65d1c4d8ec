// What one smallest unit of a column adds to an account's equity and margin excess, derived from the public prices.

import type { Column } from "./columns.ts";
import { parseShortest } from "./decimal.ts";
import { refuse } from "./refusal.ts";
import { LEAST_VALUE_DECIMALS, type Instrument } from "./rules.ts";
import type { Asset, Statement } from "./statement.ts";

const ALL = 10_000n;
/** What rounding may change of a worth: a ten-thousandth part. */
const PRECISION = 10_000n;

/** An exact worth as a fraction of the unit that accounts are valued in. */
class Worth {
  private constructor(private readonly numerator: bigint, private readonly denominator: bigint) {}

  /** Π factors · bps / 10^4 / 10^scale in units of 10^-decimals. */
  static of(factors: readonly string[], bps: bigint, scale: number, decimals: number): Worth {
    let digits = bps * 10n ** BigInt(decimals);
    let behind = 4 + scale;
    for (const factor of factors) {
      const own = parseShortest(factor);
      digits *= own.digits;
      behind += own.decimals;
    }
    return new Worth(digits, 10n ** BigInt(behind));
  }

  down(): bigint {
    return bounded(this.numerator / this.denominator);
  }

  up(): bigint {
    return bounded((this.numerator + this.denominator - 1n) / this.denominator);
  }

  isPrecise(): boolean {
    const off = this.numerator % this.denominator;
    const most = off > this.denominator - off ? off : this.denominator - off;
    return off === 0n || most * PRECISION <= this.numerator;
  }
}

function bounded(value: bigint): bigint {
  return value < 2n ** 127n ? value : refuse("a value is too large to compute with");
}

export class Weigher {
  private readonly assets: Map<string, Asset>;
  private readonly held: Set<string>;
  private readonly instruments: Map<string, Instrument>;
  private readonly decimals: number;

  constructor(statement: Statement) {
    this.assets = new Map(statement.assets.map((asset) => [asset.symbol, asset]));
    this.held = new Set(statement.columns.filter((c) => c.total !== "0").flatMap((c) => c.asset ?? []));
    this.instruments = new Map((statement.rules?.instruments ?? []).map((i) => [i.symbol, i]));
    this.decimals = statement.rules?.valueDecimals ?? LEAST_VALUE_DECIMALS;
  }

  /** The weights for equity and margin excess, rounded towards −∞ and so against the exchange. */
  weights(column: Column): readonly [bigint, bigint] {
    const [worth, counted] = this.worth(column);
    if (worth === undefined) return [0n, 0n];
    // gains and losses are settled in balances, so a position adds nothing to equity
    if (column.instrument !== undefined) return [0n, -worth.up()];
    if (column.kind === "debt") return [-worth.up(), -worth.up()];
    return [worth.down(), counted?.down() ?? 0n];
  }

  /** Whether rounding changes nothing of a column by more than 0.01 %. */
  isPrecise(column: Column): boolean {
    return this.worth(column).every((worth) => worth.isPrecise());
  }

  /** What one smallest unit or contract is worth; of collateral also the part that counts; nothing for what has no worth. */
  private worth(column: Column): Worth[] {
    const { decimals } = this;
    if (column.instrument !== undefined) {
      const i = this.instruments.get(column.instrument) ?? refuse(`instrument ${column.instrument} is not listed`);
      return [Worth.of([i.contractSize, i.markPrice], i.maintenanceMarginBps, 0, decimals)];
    }
    if (column.asset === undefined) return [];
    const asset = this.assets.get(column.asset) ?? refuse(`asset ${column.asset} is not listed`);
    const { price, scale } = asset;
    if (price === undefined) {
      return this.held.has(asset.symbol) ? refuse(`asset ${asset.symbol} is held and has no price`) : [];
    }
    const shares = column.percentBps === undefined ? [ALL] : [ALL, column.percentBps];
    return shares.map((bps) => Worth.of([price], bps, scale, decimals));
  }
}
