// Which logs and witnesses a reader trusts (C2SP tlog-policy), and whether a checkpoint meets that.

import { utf8Text } from "./bytes.ts";
import { visible } from "./names.ts";
import { readVerifierKey, signedBy, type KeyKind, type Note, type VerifierKey } from "./note.ts";
import { refuse } from "./refusal.ts";

export const MAX_POLICY_BYTES = 256 << 10;
const MAX_LISTED = 256;

interface Member {
  name: string;
  /** A witness has a key, a group has members that are listed before it. */
  key?: VerifierKey;
  needed: number;
  members: number[];
  grouped: boolean;
}

export interface LogPolicy {
  logs: VerifierKey[];
  members: Member[];
  /** The member that must have witnessed a checkpoint; none asks for no witness. */
  quorum: number | undefined;
}

/** Reads a policy. Names are any bytes: they stand here as one character a byte. */
export function readLogPolicy(bytes: Uint8Array): LogPolicy {
  if (bytes.length > MAX_POLICY_BYTES) refuse(`the policy is longer than ${MAX_POLICY_BYTES} bytes`);
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const lines = text.split("\n");
  if (lines.pop() !== "") refuse("the last line of the policy does not end with a line end; the file may have been cut off");
  const policy: LogPolicy = { logs: [], members: [], quorum: undefined };
  let quorums = 0;
  for (const [k, line] of lines.entries()) {
    const no = (why: string) => refuse(`line ${k + 1} of the policy: ${why}`);
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) no("it contains a control character");
    const [first, ...words] = line.split(/[ \t]+/).filter((word) => word !== "");
    if (first === undefined || first.startsWith("#")) continue;
    if (first === "log") readLog(policy, words, no);
    else if (first === "witness") readWitness(policy, words, no);
    else if (first === "group") readGroup(policy, words, no);
    else if (first === "quorum") {
      if (words.length !== 1) no("`quorum` is followed by one name");
      if (quorums++ > 0) no("a second line `quorum`");
      if (words[0] !== "none") policy.quorum = find(policy, words[0] as string, no);
    } else no(`${shown(first)} is none of log, witness, group and quorum`);
  }
  return quorums === 1 ? policy : refuse("the policy has no line `quorum`; `quorum none` asks for no witnesses");
}

type No = (why: string) => never;

function readLog(policy: LogPolicy, words: string[], no: No): void {
  if (words.length < 1 || words.length > 2) no("`log` is followed by a verifier key and perhaps a URL");
  const key = readKey(words[0] as string, "log", no);
  if (policy.logs.some((log) => sameKey(log, key))) no("another line lists the same log key");
  policy.logs.push(key);
  if (policy.logs.length > MAX_LISTED) no(`more than ${MAX_LISTED} logs`);
}

function readWitness(policy: LogPolicy, words: string[], no: No): void {
  if (words.length < 2 || words.length > 3) no("`witness` is followed by a name, a verifier key and perhaps a URL");
  const key = readKey(words[1] as string, "witness", no);
  if (policy.members.some((member) => member.key && sameKey(member.key, key))) no("another line lists the same witness key");
  define(policy, { name: words[0] as string, key, needed: 0, members: [], grouped: false }, no);
}

function readGroup(policy: LogPolicy, [name, count, ...names]: string[], no: No): void {
  if (name === undefined || count === undefined) return no("`group` is followed by a name, how many are needed, and its members");
  if (names.length === 0) no(`the group ${shown(name)} has no members`);
  const members = names.map((member) => find(policy, member, no));
  const plain = /^[1-9][0-9]{0,3}$/.test(count) ? Number(count) : 0;
  const needed = count === "any" ? 1 : count === "all" ? members.length : plain;
  if (needed < 1 || needed > members.length) no(`${shown(count)} is neither any, all nor a number from 1 to ${members.length}`);
  for (const [k, member] of members.entries()) {
    const own = policy.members[member] as Member;
    if (own.grouped) no(`${shown(names[k] as string)} is already a member of a group, and may count only once`);
    own.grouped = true;
  }
  define(policy, { name, needed, members, grouped: false }, no);
}

function define(policy: LogPolicy, member: Member, no: No): void {
  if (member.name === "none" || policy.members.some((own) => own.name === member.name)) no(`the name ${shown(member.name)} is already defined`);
  policy.members.push(member);
  if (policy.members.length > MAX_LISTED) no(`more than ${MAX_LISTED} witnesses and groups`);
}

function find(policy: LogPolicy, name: string, no: No): number {
  const found = policy.members.findIndex((member) => member.name === name);
  return found >= 0 ? found : no(`${shown(name)} is not defined on a line before`);
}

function readKey(word: string, kind: KeyKind, no: No): VerifierKey {
  const key = readVerifierKey(utf8Text(bytesOf(word), "a verifier key of the policy"));
  return key.kind === kind ? key : no(`${shown(word)} is the key of a ${key.kind}, not of a ${kind}`);
}

function sameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.key.every((byte, k) => byte === b.key[k]);
}

function bytesOf(word: string): Uint8Array {
  return Uint8Array.from(word, (c) => c.charCodeAt(0));
}

function shown(word: string): string {
  return visible(new TextDecoder().decode(bytesOf(word)));
}

/** The witnesses that cosigned; refuses unless a listed log signed, no listed key's signature is false, and the quorum is met. */
export function meets(policy: LogPolicy, origin: string, note: Note): string[] {
  if (policy.logs.length === 0) refuse("the policy lists no log");
  const own = policy.logs.filter((log) => log.name === origin);
  if (own.length === 0) refuse(`the checkpoint is of the log ${visible(origin)}, which the policy does not list`);
  const signed = own.map((log) => signedBy(note, log) !== undefined);
  if (!signed.includes(true)) refuse(`the log ${visible(origin)} did not sign the checkpoint with a key that the policy lists`);
  const cosigned: string[] = [];
  const witnessed: boolean[] = [];
  for (const member of policy.members) {
    const time = member.key && signedBy(note, member.key)?.time;
    if (time !== undefined) cosigned.push(`${shown(member.name)} (${instantOf(time)})`);
    witnessed.push(member.key ? time !== undefined : member.members.filter((m) => witnessed[m]).length >= member.needed);
  }
  if (policy.quorum !== undefined && !witnessed[policy.quorum]) {
    const name = shown((policy.members[policy.quorum] as Member).name);
    refuse(`too few witnesses cosigned the checkpoint for the policy's quorum ${name}; it is cosigned by ${cosigned.join(", ") || "none of them"}`);
  }
  return cosigned;
}

/** Seconds since 1970 as an instant, where a calendar has it. */
function instantOf(time: bigint): string {
  const date = new Date(Number(time) * 1000);
  return time < 253_402_300_800n ? date.toISOString().replace(".000Z", "Z") : `second ${time}`;
}
