// What the service tells an auditor of one attestation, and what its statement says of reserves.

import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../bytes.ts";
import { parseCount } from "../decimal.ts";
import { readEvidence, type Evidence } from "../evidence.ts";
import { parseJson } from "../json.ts";
import { Members } from "../members.ts";
import { refuse } from "../refusal.ts";

export interface Summary {
  id: string;
  name: string;
  domain: string;
  snapshot: string;
  takenAt: string;
  publishedAt: string;
  shape: string;
  valid: boolean;
}

export interface Measure {
  measure: string;
  quote: string;
  positive: string;
  negative: string;
  below: bigint;
}

export interface Limit {
  class: bigint;
  instrument: string;
  side: string;
  limit: string;
}

export interface Check {
  title: string;
  passed: boolean;
  detail: string;
}

export interface Compliance {
  attestation: Summary;
  protocol: string;
  policy: {
    coverageBps: bigint | undefined;
    coverageBasis: string | undefined;
    belowMarginMax: bigint | undefined;
    equityRatioBps: bigint | undefined;
  };
  measures: Measure[];
  classes: { class: bigint; texts: string[] }[];
  limits: Limit[];
  limitsDigest: string;
  withoutLimit: string[];
  sentences: string[];
  checks: Check[];
  included: bigint;
  notIncluded: bigint;
  notProven: string[];
}

export interface AssetClaim {
  asset: string;
  customerAssets: string;
  debts: string;
  reserves: string;
  coverageBps: bigint | undefined;
}

/** The reserves of a statement. */
export interface Reserves {
  lines: bigint;
  assets: { symbol: string; scale: number; reserves: bigint }[];
  evidence: Evidence | undefined;
  /** Least share that must be proven owned or stated by third parties, in hundredths of a percent. */
  ownedBps: bigint | undefined;
}

export function readSummary(m: Members): Summary {
  const exchange = m.object_("exchange", "the exchange");
  return {
    id: m.text("id"),
    name: exchange.text("name"),
    domain: exchange.text("domain"),
    snapshot: m.text("snapshot"),
    takenAt: m.text("taken_at"),
    publishedAt: m.text("published_at"),
    shape: m.text("shape"),
    valid: truth(m, "valid"),
  };
}

/** What the service tells of the attestation `id`; refuses what it tells of another. */
export function readCompliance(m: Members, id: string): Compliance {
  const policy = m.object_("policy", "the policy");
  const bound = (name: string) => policy.optional(name, (n) => policy.number(n));
  const given = m.json("report");
  const report = given === null ? undefined : Members.of(given, "the report");
  const verifications = m.object_("verifications", "the verifications");
  const attestation = readSummary(m.object_("attestation", "the attestation"));
  if (attestation.id !== id) no();
  return {
    attestation,
    protocol: m.text("protocol"),
    policy: {
      coverageBps: bound("coverage_bps"),
      coverageBasis: policy.optional("coverage_basis", (n) => policy.text(n)),
      belowMarginMax: bound("below_margin_max"),
      equityRatioBps: bound("equity_ratio_bps"),
    },
    measures: m.objects("measures", "measure", (o) => ({
      measure: o.text("measure"), quote: o.text("quote"), positive: o.text("positive"), negative: o.text("negative"), below: o.number("below"),
    })),
    classes: m.objects("classes", "class", (o) => ({ class: o.number("class"), texts: [o.text("name"), o.text("kyc_level"), o.text("jurisdiction")] })),
    limits: m.objects("limits", "limit", (o) => ({ class: o.number("class"), instrument: o.text("instrument"), side: o.text("side"), limit: o.text("limit") })),
    limitsDigest: m.text("limits_sha256"),
    withoutLimit: m.texts("without_limit"),
    sentences: m.texts("sentences"),
    checks: report?.optional("checks", (n) => report.objects(n, "check", (o) => ({ title: o.text("title"), passed: truth(o, "passed"), detail: o.text("detail") }))) ?? [],
    included: verifications.number("included"),
    notIncluded: verifications.number("not_included"),
    notProven: m.texts("not_proven"),
  };
}

/** The assets of the attestation `id`; refuses those of another. */
export function readAssets(m: Members, id: string): AssetClaim[] {
  if (m.text("id") !== id) no();
  return m.objects("assets", "asset", (o) => ({
    asset: o.text("asset"),
    customerAssets: o.text("customer_assets"),
    debts: o.text("debts"),
    reserves: o.text("reserves"),
    coverageBps: o.optional("coverage_bps", (n) => o.number(n)),
  }));
}

/** The reserves of the statement `id`; refuses bytes that have another digest. */
export function readReserves(bytes: Uint8Array, id: string): Reserves {
  if (toHex(sha256(bytes)) !== id) refuse("the statement that the service gave is not the one of this attestation");
  const statement = Members.of(parseJson(bytes, "the statement"), "the statement");
  const reserves = statement.object_("reserves", "the statement's reserves");
  const policy = statement.object_("policy", "the statement's policy");
  return {
    lines: reserves.number("lines"),
    assets: statement.objects("assets", "asset", (o) => ({ symbol: o.text("symbol"), scale: Number(o.number("scale", 255n)), reserves: parseCount(o.text("reserves")) })),
    evidence: reserves.optional("evidence", (n) => readEvidence(reserves.object_(n, "the evidence of reserves"))),
    ownedBps: policy.optional("owned_bps", (n) => policy.number(n)),
  };
}

function no(): never {
  return refuse("what the service gave is of another attestation");
}

function truth(m: Members, name: string): boolean {
  const value = m.json(name);
  return typeof value === "boolean" ? value : refuse(`${m.what}: "${name}" is neither true nor false`);
}
