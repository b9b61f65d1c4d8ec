// What a file is that somebody drops: one of ours, or something else, which is named for what it is.

import { utf8Text } from "./bytes.ts";
import { parseJson, type Json } from "./json.ts";
import { MAX_SIGNATURES_BYTES } from "./notices.ts";
import { attempt } from "./refusal.ts";

export type OwnKind = "inclusion" | "statement" | "jws" | "jwks" | "policy" | "signatures";
export type ForeignKind =
  | "empty" | "too_large" | "zip" | "gzip" | "pdf" | "image" | "html" | "ledger" | "table" | "disclosure" | "reserves"
  | "private_key" | "problem" | "binance" | "merkle" | "address_list" | "json" | "broken_json" | "text" | "binary";

export type Kind = { own: OwnKind } | { foreign: ForeignKind };

/** Largest file that is looked at as a whole. */
export const MAX_FILE_BYTES = MAX_SIGNATURES_BYTES;

const MAGIC: [ForeignKind, number[]][] = [
  ["zip", [0x50, 0x4b]],
  ["gzip", [0x1f, 0x8b]],
  ["pdf", [0x25, 0x50, 0x44, 0x46]],
  ["image", [0x89, 0x50, 0x4e, 0x47]],
  ["image", [0xff, 0xd8, 0xff]],
  ["image", [0x47, 0x49, 0x46, 0x38]],
];
const OWN_PROTOCOL = /"protocol"\s*:\s*"assay\/(inclusion|solvency|compliance)\//;

export function kindOf(bytes: Uint8Array): Kind {
  if (bytes.length === 0) return { foreign: "empty" };
  const magic = MAGIC.find(([, start]) => start.every((byte, k) => bytes[k] === byte));
  if (magic) return { foreign: magic[0] };
  const text = attempt(() => utf8Text(bytes, "the file"));
  if (!text.ok) return { foreign: "binary" };
  const json = attempt(() => parseJson(bytes, "the file"));
  if (json.ok) return kindOfJson(json.value);
  // broken, but ours: the step that reads it says what is wrong with it
  const own = OWN_PROTOCOL.exec(text.value)?.[1];
  if (own !== undefined) return { own: own === "inclusion" ? "inclusion" : "statement" };
  // transparency logs that a reader trusts
  if (/^[ \t]*log[ \t]+[^ \t\n+]+\+[0-9a-f]{8}\+/m.test(text.value)) return { own: "policy" };
  return { foreign: kindOfText(text.value) };
}

function kindOfJson(json: Json): Kind {
  if (!(json instanceof Map)) return { foreign: Array.isArray(json) && json.some(isAddress) ? "address_list" : "json" };
  const protocol = json.get("protocol");
  const is = (start: string) => typeof protocol === "string" && protocol.startsWith(start);
  const has = (...names: string[]) => names.every((name) => json.has(name));
  if (is("assay/inclusion/") || has("account", "salt", "pages")) return { own: "inclusion" };
  if (is("assay/solvency/") || is("assay/compliance/")) return { own: "statement" };
  if (has("payload", "signatures")) return { own: "jws" };
  if (has("notices", "opinions", "statement")) return { own: "signatures" };
  if (has("keys")) return { own: "jwks" };
  if (is("assay/disclosure/") || json.get("claim") instanceof Map) return { foreign: "disclosure" };
  if (is("assay/reserves/")) return { foreign: "reserves" };
  if (has("kty", "d")) return { foreign: "private_key" };
  if (has("title", "status") || has("type", "title")) return { foreign: "problem" };
  if (has("AccountIndex") || has("TotalEquity") || has("AccountIdHash")) return { foreign: "binance" };
  if (has("path") || has("self") || has("merkleProof") || has("merkelLeaf") || has("proof", "leaf")) return { foreign: "merkle" };
  return { foreign: "json" };
}

function isAddress(item: Json): boolean {
  return item instanceof Map && item.has("address");
}

function kindOfText(text: string): ForeignKind {
  const start = text.trimStart();
  if (/^<(!doctype|html)/i.test(start)) return "html";
  if (/^[{[]/.test(start)) return "broken_json";
  const header = start.split("\n", 1)[0] ?? "";
  if (/^(account,|asset,chain,|symbol,scale|instrument,)/.test(header)) return "ledger";
  return header.split(/[,;\t]/).length >= 3 ? "table" : "text";
}
