// Whether a statement is in a transparency log (C2SP tlog-proof): the entry is made from the statement, the path leads to the root of a
// checkpoint, and the checkpoint is one that the reader's policy trusts. api-spec/log.md.

import { sha256 } from "@noble/hashes/sha2.js";
import { concat, fromBase64, sameBytes, utf8 } from "./bytes.ts";
import { canonical, type Json } from "./json.ts";
import { meets, type LogPolicy } from "./log_policy.ts";
import { visible } from "./names.ts";
import { MAX_NOTE_BYTES, plainText, readNote, type Note } from "./note.ts";
import { refuse } from "./refusal.ts";
import type { Statement } from "./statement.ts";

const HEADER = "c2sp.org/tlog-proof@v1";
const EXTRA = "extra ";
const MAX_PROOF_BYTES = MAX_NOTE_BYTES + (64 << 10);
const MAX_PATH = 64;
const MAX_U64 = 2n ** 64n - 1n;

export interface LogProof {
  index: bigint;
  path: Uint8Array[];
  origin: string;
  size: bigint;
  root: Uint8Array;
  note: Note;
}

/** A whole number in its one spelling. */
function whole(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^(0|[1-9][0-9]{0,19})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value <= MAX_U64 ? value : undefined;
}

function hash(text: string | undefined): Uint8Array | undefined {
  const bytes = text === undefined ? undefined : fromBase64(text);
  return bytes?.length === 32 ? bytes : undefined;
}

/** Reads a proof. Nothing in it is verified. */
export function readLogProof(text: string): LogProof {
  if (utf8(text).length > MAX_PROOF_BYTES) refuse(`the proof of logging is longer than ${MAX_PROOF_BYTES} bytes`);
  const cut = plainText(text, "the proof of logging").indexOf("\n\n");
  if (cut < 0) refuse("the proof of logging has no checkpoint");
  const [header, ...lines] = text.slice(0, cut).split("\n");
  if (header !== HEADER) refuse(`the proof of logging does not begin with ${HEADER}`);
  if (lines[0]?.startsWith(EXTRA)) {
    const data = (lines.shift() as string).slice(EXTRA.length);
    if (!fromBase64(data)) refuse("the extra data of the proof of logging is not base64");
  }
  const first = lines.shift();
  const index = (first?.startsWith("index ") ? whole(first.slice("index ".length)) : undefined) ?? refuse("the proof of logging has no line `index`");
  if (lines.length > MAX_PATH) refuse(`the path of the proof of logging has more than ${MAX_PATH} hashes`);
  const path = lines.map((line) => hash(line) ?? refuse("the path of the proof of logging has a line that is no hash"));
  return { index, path, ...readCheckpoint(text.slice(cut + 2)) };
}

function readCheckpoint(text: string): Omit<LogProof, "index" | "path"> {
  const note = readNote(text);
  const lines = note.text.replace(/\n$/, "").split("\n");
  const [origin, size, root] = [lines[0], whole(lines[1]), hash(lines[2])];
  if (lines.includes("") || origin === undefined || size === undefined || !root) {
    return refuse("the checkpoint of the proof of logging is not a name, a size and a root");
  }
  return { origin, size, root, note };
}

/** What the log says about the statement. */
export function entryOf(statement: Statement): Uint8Array {
  const members: [string, Json][] = [
    ["exchange", statement.exchange.domain],
    ["kind", "attestation"],
    ["protocol", "assay/log/1"],
    ["snapshot", statement.snapshot.id],
    ["statement", statement.digest],
    ["taken_at", statement.snapshot.takenAt],
  ];
  return utf8(canonical(new Map(members)));
}

const node = (left: Uint8Array, right: Uint8Array) => sha256(concat([Uint8Array.of(1), left, right]));

/** The root to which a path leads from a leaf (RFC 6962), or nothing if the path has another length than the tree asks for. */
function climb(leaf: Uint8Array, { index, size, path }: LogProof): Uint8Array | undefined {
  let [left, last, own] = [index, size - 1n, leaf];
  const up = () => {
    left >>= 1n;
    last >>= 1n;
  };
  for (const sibling of path) {
    if (last === 0n) return undefined;
    if (left % 2n === 1n || left === last) {
      // the last node has no sibling until its position is odd
      while (left % 2n === 0n && left !== 0n) up();
      own = node(sibling, own);
    } else own = node(own, sibling);
    up();
  }
  return last === 0n ? own : undefined;
}

/** The entry is at its place in the tree of the checkpoint. */
export function checkPath(proof: LogProof, entry: Uint8Array): void {
  if (proof.index >= proof.size) refuse(`the log has ${proof.size} entries, and the proof is of entry ${proof.index}`);
  const root = climb(sha256(concat([Uint8Array.of(0), entry])), proof);
  if (!root) refuse("the path of the proof of logging has another length than its place in the log asks for");
  else if (!sameBytes(root, proof.root)) refuse("this statement is not the entry: its path does not lead to the root of the checkpoint");
}

/** Where the statement is in a log of the policy, and who cosigned; refuses with the first thing that is missing or does not hold. */
export function checkLog(statement: Statement, text: string | undefined, policy: LogPolicy): Record<string, string> {
  if (text === undefined) return refuse("the file has no proof of logging");
  const proof = readLogProof(text);
  const cosigned = meets(policy, proof.origin, proof.note);
  checkPath(proof, entryOf(statement));
  const facts = { index: String(proof.index), size: String(proof.size), origin: visible(proof.origin) };
  return cosigned.length > 0 ? { ...facts, witnesses: cosigned.join(", ") } : facts;
}
