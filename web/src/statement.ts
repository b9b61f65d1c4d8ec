// What a statement holds, read from its canonical bytes with every rule of the format.

import { sha256 } from "@noble/hashes/sha2.js";
import { sameBytes, toHex, utf8 } from "./bytes.ts";
import { readColumn, type Column } from "./columns.ts";
import { readEvidence, type Evidence } from "./evidence.ts";
import { canonical, parseJson } from "./json.ts";
import { Members } from "./members.ts";
import { refuse } from "./refusal.ts";
import { readRules, readShardRules, type MeasureResult, type RuleClaims } from "./rules.ts";
import { shapeNamed, type Shape } from "./shape.ts";
import { validate } from "./validate.ts";

export const MAX_STATEMENT_BYTES = 8 << 20;
const U8 = 255n;
const U32 = 2n ** 32n - 1n;

export interface Asset {
  symbol: string;
  scale: number;
  price: string | undefined;
  quote: string;
  reserves: string;
}

export interface Shard {
  root: string;
  steps: bigint;
  rules: { results: MeasureResult[]; private: string } | undefined;
}

export interface Policy {
  coverageBps: bigint | undefined;
  coverageBasis: string | undefined;
  belowMarginMax: bigint | undefined;
  equityRatioBps: bigint | undefined;
  ownedBps: bigint | undefined;
}

export interface Statement {
  /** SHA-256 of the bytes: the attestation's id. */
  digest: string;
  bytes: Uint8Array;
  protocol: string;
  shape: Shape;
  parameterDigest: string;
  exchange: { name: string; domain: string; lei: string | undefined };
  snapshot: { id: string; series: string; takenAt: string; blockHeights: [string, bigint][] };
  assets: Asset[];
  columns: Column[];
  /** The columns by their index. */
  byIndex: Map<number, Column>;
  reserves: { root: string; lines: bigint; evidence: Evidence | undefined };
  policy: Policy;
  rules: RuleClaims | undefined;
  shards: Shard[];
  notProven: string[];
}

/** Reads canonical bytes; refuses anything that is not a complete statement in its one spelling. */
export function readStatement(bytes: Uint8Array): Statement {
  if (bytes.length > MAX_STATEMENT_BYTES) refuse(`the statement has more than ${MAX_STATEMENT_BYTES} bytes`);
  const json = parseJson(bytes, "the statement");
  const statement = read(Members.of(json, "the statement"), bytes);
  validate(statement);
  if (!sameBytes(utf8(canonical(json)), bytes)) refuse("the bytes of the statement are not in canonical form");
  return statement;
}

export function statementDigest(bytes: Uint8Array): string {
  return toHex(sha256(bytes));
}

function read(m: Members, bytes: Uint8Array): Statement {
  const exchange = m.object_("exchange", "the statement's exchange");
  const snapshot = m.object_("snapshot", "the statement's snapshot");
  const heights = snapshot.object_("block_heights", "the statement's block heights");
  const columns = m.objects("columns", "column", readColumn);
  const statement: Statement = {
    digest: statementDigest(bytes),
    bytes,
    protocol: m.text("protocol"),
    shape: shapeNamed(m.text("shape")),
    parameterDigest: m.text("parameter_digest"),
    exchange: { name: exchange.text("name"), domain: exchange.text("domain"), lei: exchange.optional("lei", (n) => exchange.text(n)) },
    snapshot: {
      id: snapshot.text("id"),
      series: snapshot.text("series"),
      takenAt: snapshot.text("taken_at"),
      blockHeights: heights.names().map((chain) => [chain, heights.number(chain)]),
    },
    assets: m.objects("assets", "asset", readAsset),
    columns,
    byIndex: new Map(columns.map((column) => [column.index, column])),
    reserves: readReserves(m.object_("reserves", "the statement's reserves")),
    policy: readPolicy(m.object_("policy", "the statement's policy")),
    rules: m.optional("rules", (n) => readRules(m.object_(n, "the statement's rules"))),
    shards: m.objects("shards", "shard", readShard),
    notProven: m.texts("not_proven"),
  };
  for (const part of [m, exchange, snapshot, heights]) part.end();
  return statement;
}

function readAsset(m: Members): Asset {
  const asset = {
    symbol: m.text("symbol"),
    scale: Number(m.number("scale", U8)),
    price: m.optional("price", (n) => m.text(n)),
    quote: m.text("quote"),
    reserves: m.text("reserves"),
  };
  m.end();
  return asset;
}

function readReserves(m: Members): Statement["reserves"] {
  const reserves = {
    root: m.text("root"),
    lines: m.number("lines"),
    evidence: m.optional("evidence", (n) => readEvidence(m.object_(n, "the evidence of reserves"))),
  };
  m.end();
  return reserves;
}

function readPolicy(m: Members): Policy {
  const basis = m.optional("coverage_basis", (n) => m.text(n));
  if (basis !== undefined && basis !== "gross" && basis !== "net") refuse(`the statement's policy: the coverage basis is neither gross nor net`);
  const policy = {
    coverageBps: m.optional("coverage_bps", (n) => m.number(n, U32)),
    coverageBasis: basis,
    belowMarginMax: m.optional("below_margin_max", (n) => m.number(n)),
    equityRatioBps: m.optional("equity_ratio_bps", (n) => m.number(n, U32)),
    ownedBps: m.optional("owned_bps", (n) => m.number(n, U32)),
  };
  m.end();
  return policy;
}

function readShard(m: Members): Shard {
  const shard = {
    root: m.text("root"),
    steps: m.number("steps"),
    rules: m.optional("rules", (n) => readShardRules(m.object_(n, `the rules of ${m.what}`))),
  };
  m.end();
  return shard;
}
