// The rules of the statement's format, each a sentence of its own.

import { parseCount, isShortest, parseShortest } from "./decimal.ts";
import { isOwed } from "./columns.ts";
import { validateEvidence } from "./evidence.ts";
import { elementFromHex } from "./field.ts";
import { byteLength, hasControl, isDomain, isInstant, isLei, isName, symbolKey } from "./names.ts";
import { refuseStatement as no } from "./refusal.ts";
import { validateCapped, validateResults } from "./validate_rules.ts";
import { ALL_COLUMNS, MAX_ASSETS, MAX_INSTRUMENTS, OPEN_COLUMNS } from "./shape.ts";
import type { Statement } from "./statement.ts";
import { Weigher } from "./weights.ts";

const MAX_SAFE = 2n ** 53n - 1n;
const MAX_SHARDS = 4096;
const COVER_COLUMNS = 6;

const NOT_PROVEN = [
  "that the stated reserves exist, are the sum of the committed reserves file, are unencumbered, or are the exchange's own",
  "that no account was left out whose owner never checks their inclusion",
  "that two accounts are not one person, or that every account belongs to a customer",
  "that a customer's debts are real or will be repaid: debts are listed beside assets and lower no requirement",
  "anything about the time between snapshots",
];
const COMPLIANCE_NOT_PROVEN = [
  ...NOT_PROVEN.slice(0, 3),
  "that a customer's debts are real or will be repaid: they lower a customer's own equity and margin, and lower what must be covered only where the policy says net",
  "that prices, limits, classes and collateral tables are the right ones: they are public, and each is part of the statement",
  "that a customer is in the right class",
  "anything about the time between snapshots",
];

export function validate(s: Statement): void {
  const protocol = s.shape.compliance ? "assay/compliance/1" : "assay/solvency/1";
  if (s.protocol !== protocol) no(`its protocol is \`${s.protocol}\`, that of ${s.shape.name} is \`${protocol}\``);
  if ((s.rules !== undefined) !== s.shape.compliance) {
    no(`a statement of ${s.shape.name} has rules exactly if the shape is for compliance`);
  }
  elementFromHex(s.parameterDigest);
  if (!/^[0-9a-f]{64}$/.test(s.reserves.root)) no("the root of the reserves is not 64 lower-case hexadecimal digits");
  if (s.reserves.lines > MAX_SAFE || s.snapshot.blockHeights.some(([, height]) => height > MAX_SAFE)) {
    no("an integer above 2^53 − 1");
  }
  const expected = s.shape.compliance ? COMPLIANCE_NOT_PROVEN : NOT_PROVEN;
  if (s.notProven.length !== expected.length || s.notProven.some((text, k) => text !== expected[k])) {
    no("its list of what is not proven is not this protocol's");
  }
  validateTexts(s);
  validateReserves(s);
  validateColumns(s);
  validateRules(s);
  validateShards(s);
}

function validateTexts(s: Statement): void {
  const free = { "the exchange's name": s.exchange.name, "the snapshot's id": s.snapshot.id, "the snapshot's series": s.snapshot.series };
  for (const [what, text] of Object.entries(free)) {
    if (text === "" || byteLength(text) > 256 || hasControl(text)) {
      no(`${what} is empty, longer than 256 bytes, or holds control characters`);
    }
  }
  if (!isInstant(s.snapshot.takenAt)) no("the snapshot's time is not an RFC 3339 time in UTC in its one spelling");
  if (!isDomain(s.exchange.domain)) no("the exchange's domain is not one in lower-case letters, digits and hyphens");
  if (s.exchange.lei !== undefined && !isLei(s.exchange.lei)) no("the legal entity identifier is not one");
  const chains = new Set<string>();
  for (const [chain] of s.snapshot.blockHeights) {
    if (!isName(chain)) no("the name of a chain is not 1 to 64 visible bytes");
    if (chains.has(symbolKey(chain))) no(`the chain \`${chain}\` is listed twice, or under names that look the same`);
    chains.add(symbolKey(chain));
  }
  for (const asset of s.assets) {
    if (!isName(asset.symbol) || !isName(asset.quote)) no("an asset has no usable symbols");
    if (asset.price !== undefined && !isShortest(asset.price)) {
      no(`the price of ${asset.symbol} is not a decimal in its shortest form`);
    }
  }
}

function validateReserves({ reserves, policy, assets }: Statement): void {
  const stated = reserves.lines > 0n;
  if (/^0*$/.test(reserves.root) === stated) no("reserves have a root exactly if they have lines");
  if ((policy.coverageBps !== undefined) !== stated) no("there is a policy on coverage exactly if reserves are stated");
  if (!stated && assets.some((a) => a.reserves !== "0")) no("reserves of an asset are stated without any line");
  if (policy.ownedBps !== undefined && !reserves.evidence) no("it has a policy on proven ownership, and no evidence");
  if (reserves.evidence && !stated) no("it has evidence of reserves, and no reserves");
  if (reserves.evidence) validateEvidence(reserves.evidence, reserves.lines, assets);
}

function validateColumns(s: Statement): void {
  if (s.assets.length < 1 || s.assets.length > MAX_ASSETS) no(`it has ${s.assets.length} assets, not 1 to ${MAX_ASSETS}`);
  const [symbols, keys] = [new Set<string>(), new Set<string>()];
  for (const asset of s.assets) {
    parseCount(asset.reserves);
    if (asset.scale > 38) no(`asset ${asset.symbol} has ${asset.scale} decimals`);
    symbols.add(asset.symbol);
    const key = symbolKey(asset.symbol);
    if (keys.has(key)) no(`asset ${asset.symbol} is listed twice, or under names that look the same`);
    keys.add(key);
  }
  const [seen, owed] = [new Set<string>(), new Set<string>()];
  for (const [k, column] of s.columns.entries()) {
    const before = s.columns[k - 1];
    if (before && before.index >= column.index) no("its columns are not listed by ascending index, each once");
    parseCount(column.total);
    if (column.index >= ALL_COLUMNS || column.index >= OPEN_COLUMNS !== (column.cap !== undefined)) {
      no(`column ${column.index} has the index of another kind of column`);
    }
    if (column.asset !== undefined && !symbols.has(column.asset)) no(`column ${column.index} is of an unlisted asset`);
    const common = column.kind === "asset" || column.kind === "debt" || column.kind === "cover";
    if (!s.rules && !common) no(`column ${column.index} is not of this family`);
    if (column.kind === "asset" || column.kind === "debt") {
      const key = `${column.kind} ${column.asset}`;
      if (seen.has(key)) no(`two columns of one kind for ${column.asset}`);
      seen.add(key);
    }
    if (isOwed(column.kind) && column.asset !== undefined) owed.add(column.asset);
  }
  if (owed.size < s.assets.length) no("an asset without a column");
}

function validateRules(s: Statement): void {
  const { policy, rules } = s;
  const ruled = rules !== undefined;
  if ((policy.belowMarginMax !== undefined) !== ruled || (policy.equityRatioBps !== undefined) !== ruled) {
    no("it has a policy on margin and equity exactly if it has rules");
  }
  if (policy.coverageBasis === "net" && policy.belowMarginMax !== 0n) {
    no("coverage is net of debts only where no account may be below its margin");
  }
  if (policy.coverageBasis !== undefined && policy.coverageBps === undefined) {
    no("it says what coverage is compared with, and has no policy on coverage");
  }
  if (!rules) return;
  if ((policy.belowMarginMax as bigint) > MAX_SAFE) no("an integer above 2^53 − 1");
  if (s.assets.some((a) => a.quote !== s.assets[0]?.quote)) no("its prices are in more than one currency");
  if (rules.instruments.length > MAX_INSTRUMENTS) no(`it has ${rules.instruments.length} instruments, more than ${MAX_INSTRUMENTS}`);
  const symbols = new Set<string>();
  for (const instrument of rules.instruments) {
    const key = symbolKey(instrument.symbol);
    if (!isName(instrument.symbol) || symbols.has(key)) {
      no(`instrument ${instrument.symbol} has no usable symbol, or is listed twice, or under names that look the same`);
    }
    symbols.add(key);
    parseShortest(instrument.contractSize);
    parseShortest(instrument.markPrice);
    if (instrument.maintenanceMarginBps > 10_000n) no(`the maintenance margin of ${instrument.symbol} is above 100 %`);
  }
  for (const [k, one] of rules.classes.entries()) {
    const before = rules.classes[k - 1];
    if (before && before.class >= one.class) no("its classes are not listed in ascending order, each once");
    if ([one.name, one.kycLevel, one.jurisdiction].some((text) => text !== "" && !isName(text))) {
      no("a class with a text that is not 1 to 64 visible bytes");
    }
  }
  validateResults(rules.results);
  validateCapped(s, rules);
  const weigher = new Weigher(s);
  for (const column of s.columns) {
    weigher.weights(column);
    if (column.total !== "0" && !weigher.isPrecise(column)) {
      no(`a smallest unit of column ${column.index} is worth too little: rounding changes it by more than 0.01 %`);
    }
  }
}

function validateShards(s: Statement): void {
  const count = s.shards.length;
  if (count < 1 || count > MAX_SHARDS) no(`it has ${count} shards, not 1 to ${MAX_SHARDS}`);
  const covers = s.columns.filter((c) => c.kind === "cover").length;
  const needed = count > 1 ? COVER_COLUMNS : 0;
  if (covers !== needed) no(`${covers} cover columns; with ${count} shards there are ${needed}`);
  for (const [k, shard] of s.shards.entries()) {
    elementFromHex(shard.root);
    if (shard.steps === 0n || shard.steps > BigInt(s.shape.maxSteps)) {
      no(`shard ${k} has ${shard.steps} steps; ${s.shape.name} takes 1 to ${s.shape.maxSteps}`);
    }
    if ((shard.rules !== undefined) !== (s.rules !== undefined)) no(`shard ${k} has results exactly if the statement has rules`);
    if (shard.rules) {
      validateResults(shard.rules.results);
      elementFromHex(shard.rules.private);
    }
  }
  for (const [m, stated] of (s.rules?.results ?? []).entries()) {
    const own = s.shards.flatMap((shard) => shard.rules?.results[m] ?? []);
    const sum = (of: (result: (typeof own)[number]) => bigint) => own.reduce((total, result) => total + of(result), 0n);
    if (
      sum((r) => parseCount(r.positive)) !== parseCount(stated.positive) ||
      sum((r) => parseCount(r.negative)) !== parseCount(stated.negative) ||
      sum((r) => r.below) !== stated.below
    ) {
      no(`the results of ${stated.measure} are not the sums over its shards`);
    }
  }
}
