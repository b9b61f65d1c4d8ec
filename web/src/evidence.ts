// What a statement says of the signatures over its reserve lines, and whether it adds up.

import { parseCount } from "./decimal.ts";
import type { Members } from "./members.ts";
import { byteLength, isReadable } from "./names.ts";
import { utf8 } from "./bytes.ts";
import { refuseStatement as no } from "./refusal.ts";
import type { Asset } from "./statement.ts";

/** Proven owned, signed over another text, stated by custodians and banks of the exchange's list, and the rest. */
export interface ByStatus {
  fresh: bigint;
  undated: bigint;
  thirdParty: bigint;
  unproven: bigint;
}

export interface OwnedAsset extends ByStatus {
  symbol: string;
}

export interface Evidence {
  rules: string;
  challenge: string | undefined;
  anchor: { chain: string; height: bigint; hash: string } | undefined;
  assets: OwnedAsset[];
  lines: ByStatus;
  undatedTexts: bigint;
  texts: string[];
}

const OWNERSHIP_RULES = "assay/ownership/1";
const MAX_TEXTS = 16;
/** A message has at most 1,024 bytes, and one that is spelled out six for each. */
const MAX_TEXT_BYTES = 6 * 1024;

function readByStatus(read: (name: string) => bigint): ByStatus {
  return { fresh: read("fresh"), undated: read("undated"), thirdParty: read("third_party"), unproven: read("unproven") };
}

/** All of it. */
export function sumOf({ fresh, undated, thirdParty, unproven }: ByStatus): bigint {
  return fresh + undated + thirdParty + unproven;
}

export function readEvidence(m: Members): Evidence {
  const lines = m.object_("lines", "the lines of the evidence");
  const evidence: Evidence = {
    rules: m.text("rules"),
    challenge: m.optional("challenge", (n) => m.text(n)),
    anchor: m.optional("anchor", (n) => {
      const anchor = m.object_(n, "the anchor of the evidence");
      const read = { chain: anchor.text("chain"), height: anchor.number("height"), hash: anchor.text("hash") };
      anchor.end();
      return read;
    }),
    assets: m.objects("assets", "the evidence of asset", (a) => {
      const read = { symbol: a.text("symbol"), ...readByStatus((name) => parseCount(a.text(name))) };
      a.end();
      return read;
    }),
    lines: readByStatus((name) => lines.number(name)),
    undatedTexts: m.number("undated_texts"),
    texts: m.texts("texts"),
  };
  lines.end();
  m.end();
  return evidence;
}

/** Refuses evidence that cannot be that of a statement with so many reserve lines and these assets. */
export function validateEvidence(evidence: Evidence, lines: bigint, assets: readonly Asset[]): void {
  if (evidence.rules !== OWNERSHIP_RULES) no(`its reserves are judged by other rules than ${OWNERSHIP_RULES}`);
  const { challenge, anchor } = evidence;
  if (challenge !== undefined && !/^[A-Za-z0-9._-]{1,64}$/.test(challenge)) {
    no("its challenge is not 1 to 64 letters, digits, dots, underscores or hyphens");
  }
  if (anchor && !isBlock(anchor)) {
    no("its anchor is no block of a chain");
  }
  validateTexts(evidence);
  if (sumOf(evidence.lines) !== lines) no("its lines by status are not all lines");
  const held = assets.filter((asset) => asset.reserves !== "0");
  if (evidence.assets.length !== held.length || evidence.assets.some((a, k) => a.symbol !== held[k]?.symbol)) {
    no("its evidence is not of exactly the assets with reserves, in their order");
  }
  for (const [k, asset] of evidence.assets.entries()) {
    if (sumOf(asset) !== parseCount(held[k]?.reserves ?? "0")) {
      no(`the reserves of ${asset.symbol} by status do not add up to those stated`);
    }
  }
}

function validateTexts({ texts, undatedTexts, lines }: Evidence): void {
  const ascending = texts.every((text, k) => k === 0 || isBefore(texts[k - 1] as string, text));
  const readable = texts.every((text) => text !== "" && byteLength(text) <= MAX_TEXT_BYTES && isReadable(text));
  const listed = undatedTexts < BigInt(MAX_TEXTS) ? undatedTexts : BigInt(MAX_TEXTS);
  if (!ascending || !readable || BigInt(texts.length) !== listed) {
    no("the texts of its undated lines are not all of the first 16, in order and readable");
  }
  if ((lines.undated === 0n) !== (undatedTexts === 0n) || undatedTexts > lines.undated) {
    no("its undated lines and their texts do not fit");
  }
}

/** The order of UTF-8 bytes, which is not that of JavaScript's texts. */
function isBefore(a: string, b: string): boolean {
  const [x, y] = [utf8(a), utf8(b)];
  const at = x.findIndex((byte, k) => byte !== y[k]);
  return at < 0 ? x.length < y.length : at < y.length && (x[at] as number) < (y[at] as number);
}

function isBlock({ chain, height, hash }: { chain: string; height: bigint; hash: string }): boolean {
  return /^[a-z0-9.:-]{1,64}$/.test(chain) && /^[A-Za-z0-9]{1,128}$/.test(hash) && height >> 53n === 0n;
}
