// The checks of an inclusion file against a statement, one function each. They mirror `verify-inclusion`.

import { fromHex } from "./bytes.ts";
import { parseCount } from "./decimal.ts";
import { elementFromHex } from "./field.ts";
import { identityOf, shardOf } from "./identity.ts";
import { parseJson } from "./json.ts";
import { leaf, type CappedEntry, type Entry, type Page } from "./leaf.ts";
import { Members } from "./members.ts";
import { hasControl, visible } from "./names.ts";
import { PathHasher } from "./path.ts";
import { refuse } from "./refusal.ts";
import { MAX_PAGES, OPEN_COLUMNS } from "./shape.ts";
import type { Shard, Statement } from "./statement.ts";
import { Weigher } from "./weights.ts";

export const INCLUSION_PROTOCOL = "assay/inclusion/1";
export const MAX_INCLUSION_BYTES = 4 << 20;

interface IncludedEntry {
  column: number;
  quantity: string;
}

export interface Inclusion {
  statementDigest: string;
  snapshot: string;
  account: string;
  salt: string;
  class: number;
  shard: number;
  /** The proof that the statement is in a public log, where the service has one. */
  log: string | undefined;
  pages: { index: bigint; entries: IncludedEntry[]; capped: IncludedEntry[]; path: string[][] }[];
}

/** What the account holds of one asset or instrument. */
export interface Holding {
  symbol: string;
  kind: "asset" | "debt" | "long" | "short";
  units: bigint;
  scale: number;
  /** The position limit of the account's class. */
  limit: bigint | undefined;
}

/** Reads the file; refuses anything but a complete inclusion file. */
export function readInclusion(bytes: Uint8Array): Inclusion {
  if (bytes.length > MAX_INCLUSION_BYTES) refuse(`the file has more than ${MAX_INCLUSION_BYTES} bytes`);
  const m = Members.of(parseJson(bytes, "the file"), "the file");
  const protocol = m.text("protocol");
  if (protocol !== INCLUSION_PROTOCOL) refuse(`its format is \`${visible(protocol)}\`, not \`${INCLUSION_PROTOCOL}\``);
  const inclusion: Inclusion = {
    statementDigest: m.text("statement_digest"),
    snapshot: m.text("snapshot"),
    account: m.text("account"),
    salt: m.text("salt"),
    class: Number(m.number("class", 255n)),
    shard: Number(m.number("shard", 2n ** 32n - 1n)),
    log: m.optional("log", (n) => m.text(n)),
    pages: m.objects("pages", "page", readPage),
  };
  m.end();
  if (inclusion.account === "" || hasControl(inclusion.account)) {
    refuse("the account reference is empty or holds control characters");
  }
  return inclusion;
}

function readPage(m: Members): Inclusion["pages"][number] {
  const page = {
    index: m.number("index"),
    entries: m.objects("entries", `${m.what}, entry`, readEntry),
    capped: m.optional("capped", (n) => m.objects(n, `${m.what}, capped entry`, readEntry)) ?? [],
    path: m.list("path").map((level) =>
      Array.isArray(level) && level.every((text) => typeof text === "string")
        ? (level as string[])
        : refuse(`${m.what}: a level of the path is not a list of texts`),
    ),
  };
  m.end();
  return page;
}

function readEntry(m: Members): IncludedEntry {
  const entry = { column: Number(m.number("column", 65_535n)), quantity: m.text("quantity") };
  m.end();
  return entry;
}

/** The file was made for this statement. */
export function checkStatement(inclusion: Inclusion, statement: Statement): void {
  if (inclusion.statementDigest !== statement.digest) refuse("it was made for another statement");
  if (inclusion.snapshot !== statement.snapshot.id) refuse(`it is of snapshot ${visible(inclusion.snapshot)}`);
}

/** The pages as the tree must hold them: the identity from account and salt, `first` and `remaining` from the order. */
export function rebuildPages(inclusion: Inclusion, statement: Statement): Page[] {
  const { shape } = statement;
  const count = inclusion.pages.length;
  if (count === 0 || count > MAX_PAGES) refuse(`an account has 1 to ${MAX_PAGES} pages, the file lists ${count}`);
  const salt = fromHex(inclusion.salt);
  if (salt?.length !== 32) return refuse("the salt is not 64 hexadecimal digits");
  const scope = { domain: statement.exchange.domain, series: statement.snapshot.series };
  const identity = identityOf(salt, scope, inclusion.account);
  if (identity === 0n) refuse("the identity is that of padding");
  const pages = inclusion.pages.map((included, k): Page => {
    const before = inclusion.pages[k - 1];
    if (before && included.index !== before.index + 1n) refuse(`page ${k + 1} does not follow page ${k} in the tree`);
    if (included.entries.length !== shape.entries) {
      refuse(`page ${k + 1} has ${included.entries.length} entries, a page of ${shape.name} has ${shape.entries}`);
    }
    if (included.capped.length !== shape.capped) refuse(`page ${k + 1} has ${included.capped.length} capped entries`);
    return {
      identity,
      first: k === 0,
      remaining: count - 1 - k,
      class: inclusion.class,
      entries: included.entries.map(openEntry),
      capped: included.capped.map((entry) => cappedEntry(statement, inclusion.class, entry)),
      measures: [0n, 0n],
    };
  });
  const [first] = pages;
  if (first && shape.compliance) first.measures = measuresOf(statement, pages);
  return pages;
}

function openEntry(entry: IncludedEntry): Entry {
  const quantity = parseCount(entry.quantity, 64n);
  return entry.column < OPEN_COLUMNS ? { column: entry.column, quantity } : refuse(`${entry.column} is not an open column`);
}

function cappedEntry(statement: Statement, ofClass: number, entry: IncludedEntry): CappedEntry {
  const quantity = parseCount(entry.quantity, 64n);
  const listed = statement.byIndex.get(entry.column) ?? refuse(`column ${entry.column} is not in the statement`);
  if (listed.cap?.class !== ofClass) return refuse(`column ${entry.column} is not one of class ${ofClass}`);
  const slack = listed.cap.cap - quantity;
  return slack >= 0n
    ? { column: entry.column, quantity, slack }
    : refuse(`quantity ${quantity} is above the limit ${listed.cap.cap} of column ${entry.column}`);
}

/** What the public weights make of the pages: equity and margin excess in the statement's unit of the quote currency. */
function measuresOf(statement: Statement, pages: readonly Page[]): [bigint, bigint] {
  const weigher = new Weigher(statement);
  const sums: [bigint, bigint] = [0n, 0n];
  for (const { column, quantity } of held(pages)) {
    const listed = statement.byIndex.get(column) ?? refuse(`column ${column} is not in the statement`);
    const [equity, margin] = weigher.weights(listed);
    sums[0] += equity * quantity;
    sums[1] += margin * quantity;
  }
  for (const sum of sums) {
    if ((sum < 0n ? -sum : sum) >> 96n !== 0n) refuse(`an account's value of ${sum} units does not fit 96 bits`);
  }
  return sums;
}

function held(pages: readonly Page[]): Entry[] {
  return pages.flatMap((page) => [...page.entries, ...page.capped]).filter((entry) => entry.quantity > 0n);
}

/** The shard that the file names, which must be the one that the identity belongs to. */
export function ownShard(inclusion: Inclusion, statement: Statement, pages: readonly Page[]): Shard {
  const count = statement.shards.length;
  const own = shardOf((pages[0] as Page).identity, count);
  if (own !== inclusion.shard) refuse(`the file is of shard ${inclusion.shard}; the account belongs in shard ${own} of ${count}`);
  return statement.shards[own] ?? refuse(`the statement has no shard ${own}`);
}

/** Everything held, summed over the pages by asset or instrument and side. */
export function holdingsOf(statement: Statement, pages: readonly Page[]): Holding[] {
  const holdings = new Map<string, Holding>();
  for (const { column, quantity } of held(pages).sort((a, b) => a.column - b.column)) {
    const listed = statement.byIndex.get(column) ?? refuse(`column ${column} is not in the statement`);
    if (listed.kind === "null" || listed.kind === "cover") return refuse(`something is held of a ${listed.kind} column`);
    const kind = listed.kind === "collateral" ? "asset" : listed.kind;
    const symbol = (listed.asset ?? listed.instrument) as string;
    const key = `${kind} ${symbol}`;
    const known = holdings.get(key);
    if (known) {
      known.units += quantity;
      continue;
    }
    const scale = statement.assets.find((a) => a.symbol === listed.asset)?.scale ?? 0;
    holdings.set(key, { symbol, kind, units: quantity, scale, limit: listed.instrument === undefined ? undefined : listed.cap?.cap });
  }
  return [...holdings.values()];
}

/** Every page is a leaf under the shard's root, at its position. */
export function checkRoot(inclusion: Inclusion, statement: Statement, shard: Shard, pages: readonly Page[]): void {
  const root = elementFromHex(shard.root);
  const hasher = new PathHasher();
  for (const [k, page] of pages.entries()) {
    const { index, path } = inclusion.pages[k] as Inclusion["pages"][number];
    if (hasher.root(leaf(page), index, path, statement.shape.depth) !== root) refuse(`page ${k + 1} is not under the shard's root`);
  }
}
