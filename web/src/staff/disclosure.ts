// Disclosed reserve lines (api-spec/reserves.md), read to be shown. `assay verify-reserves` is what checks them.

import { parseJson } from "../json.ts";
import { Members } from "../members.ts";
import { refuse } from "../refusal.ts";

export const MAX_DISCLOSURE_BYTES = 64 << 20;
/** The members of a line that every one has, then those that may be left out. */
export const FIELDS = ["asset", "chain", "address", "amount", "height", "message", "signature", "token", "kind", "key"] as const;
const REQUIRED = 7;
export type Field = (typeof FIELDS)[number];

export interface Line {
  index: bigint;
  fields: Record<Field, string>;
}

export interface Disclosure {
  attestation: string;
  lineCount: bigint;
  lines: Line[];
  complete: boolean;
}

/** The lines of the attestation `id`; refuses those of another. */
export function readDisclosure(bytes: Uint8Array, id: string): Disclosure {
  const m = Members.of(parseJson(bytes, "the file of lines"), "the file of lines");
  const protocol = m.text("protocol");
  if (protocol !== "assay/reserves/2") refuse(`the file of lines has the protocol ${JSON.stringify(protocol.slice(0, 80))}, which this page does not read`);
  if (m.text("attestation_id") !== id) refuse("the lines that the service gave are of another attestation");
  return {
    attestation: id,
    lineCount: m.number("line_count"),
    lines: m.objects("lines", "line", readLine),
    complete: m.optional("complete", (n) => m.json(n) === true) ?? false,
  };
}

function readLine(m: Members): Line {
  const given = m.object_("fields", `the fields of ${m.what}`);
  const field = (name: Field, k: number) => (k < REQUIRED ? given.text(name) : (given.optional(name, (n) => given.text(n)) ?? ""));
  return { index: m.number("index"), fields: Object.fromEntries(FIELDS.map((name, k) => [name, field(name, k)])) as Record<Field, string> };
}
