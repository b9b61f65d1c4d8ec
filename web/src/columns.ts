// The columns of a statement: kinds of holdings, with the class and cap of capped ones.

import { parseCount } from "./decimal.ts";
import type { Members } from "./members.ts";
import { refuse } from "./refusal.ts";

export type Kind = "asset" | "debt" | "collateral" | "long" | "short" | "null" | "cover";

export interface Column {
  index: number;
  kind: Kind;
  total: string;
  asset: string | undefined;
  instrument: string | undefined;
  table: string | undefined;
  percentBps: bigint | undefined;
  /** Class and cap of a capped column. */
  cap: { class: number; cap: bigint } | undefined;
}

const KINDS: readonly string[] = ["asset", "debt", "collateral", "long", "short", "null", "cover"];

export function readColumn(m: Members): Column {
  const kind = m.text("kind") as Kind;
  if (!KINDS.includes(kind)) refuse(`${m.what} has the unknown kind \`${String(kind).slice(0, 80)}\``);
  const ofAsset = kind === "asset" || kind === "debt" || kind === "collateral";
  const position = kind === "long" || kind === "short";
  const column: Column = {
    index: Number(m.number("index", 65_535n)),
    kind,
    total: m.text("total"),
    asset: ofAsset ? m.text("asset") : undefined,
    instrument: position ? m.text("instrument") : undefined,
    table: kind === "collateral" ? m.optional("table", (n) => m.text(n)) : undefined,
    percentBps: kind === "collateral" ? m.number("percent_bps", 2n ** 32n - 1n) : undefined,
    cap: kind === "null" ? { class: Number(m.number("class", 255n)), cap: 0n } : kind === "collateral" || position ? readCap(m) : undefined,
  };
  m.end();
  return column;
}

function readCap(m: Members): Column["cap"] {
  const number = m.optional("class", (n) => Number(m.number(n, 255n)));
  const cap = m.optional("cap", (n) => parseCount(m.text(n), 64n));
  if (number === undefined && cap === undefined) return undefined;
  return number !== undefined && cap !== undefined ? { class: number, cap } : refuse("a capped column has a class and a cap");
}

/** Whether the exchange owes it to the customer. */
export function isOwed(kind: Kind): boolean {
  return kind === "asset" || kind === "collateral";
}
