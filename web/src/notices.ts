// All signatures of an attestation, and what the exchange says in them: that it withdraws the attestation, or that a later one takes its
// place. api-spec/jws.md, "Notices and opinions".

import { fromBase64Url, sameBytes, utf8 } from "./bytes.ts";
import { canonical, parseJson } from "./json.ts";
import { checkPayload, jwsOf, MAX_ENTRIES, MAX_JWS_BYTES, TYPE, verifySigned, type Jwks, type Jws, type Signature } from "./jws.ts";
import { Members } from "./members.ts";
import { isInstant, isName } from "./names.ts";
import { attempt, refuse } from "./refusal.ts";
import type { Statement } from "./statement.ts";

/** The signatures of the statement, and as many opinions as there may be. */
export const MAX_SIGNATURES_BYTES = MAX_JWS_BYTES + (8 << 20);
const NOTICE_TYPE = "assay-notice+jws";
const OPINION_TYPE = "assay-opinion+jws";
const PROTOCOL = "assay/notice/1";
const MAX_NOTICE_BYTES = 8 << 10;
const MAX_REASON_BYTES = 400;
/** Characters of the protected header of a signature over a notice. */
const MAX_PROTECTED = 512;

/** What the exchange says of an attestation. */
export interface Notice {
  kind: "withdrawn" | "superseded";
  /** The attestation that takes its place; of a superseded one. */
  by: string | undefined;
  exchange: string;
  issuedAt: string;
  reason: string;
  statement: string;
}

/** A notice in its form; nothing of the signature is verified yet. */
export interface SignedNotice {
  notice: Notice;
  signed: Signature;
  payload: string;
}

export interface Signatures {
  statement: Jws;
  notices: SignedNotice[];
}

/** Reads signatures.json. Opinions have their form and are not judged: they are for whoever lists auditors. */
export function readSignatures(bytes: Uint8Array): Signatures {
  const what = "the file of all signatures";
  if (bytes.length > MAX_SIGNATURES_BYTES) refuse(`${what} is longer than ${MAX_SIGNATURES_BYTES} bytes`);
  const m = Members.of(parseJson(bytes, what), what);
  const statement = jwsOf(m.object_("statement", "the signatures of the statement"), TYPE);
  const opinions = m.objects("opinions", "opinion", (o) => only(jwsOf(o, OPINION_TYPE)));
  const notices = m.objects("notices", "notice", (n) => readNotice(jwsOf(n, NOTICE_TYPE)));
  m.end();
  if (opinions.length > MAX_ENTRIES) refuse(`${what} has more than ${MAX_ENTRIES} opinions`);
  for (const [k, { notice }] of notices.entries()) {
    if (notices.findIndex((n) => n.notice.kind === notice.kind) !== k) refuse(`${what} says twice that the attestation is ${notice.kind}`);
  }
  return { statement, notices };
}

function only(jws: Jws): Signature {
  const [signed, ...more] = jws.signatures as [Signature, ...Signature[]];
  if (more.length > 0) refuse(`${jws.signatures.length} signatures; there must be one`);
  if (signed.protected.length > MAX_PROTECTED) refuse(`a protected header is longer than ${MAX_PROTECTED} characters`);
  return signed;
}

function readNotice(jws: Jws): SignedNotice {
  const signed = only(jws);
  const bytes = fromBase64Url(jws.payload) ?? refuse("the notice is not canonical base64url");
  if (bytes.length > MAX_NOTICE_BYTES) refuse(`the notice has more than ${MAX_NOTICE_BYTES} bytes`);
  const json = parseJson(bytes, "the notice");
  const m = Members.of(json, "the notice");
  if (m.text("protocol") !== PROTOCOL) refuse(`the notice is not of the protocol ${PROTOCOL}`);
  const kind = m.text("kind");
  if (kind !== "withdrawn" && kind !== "superseded") return refuse("the notice says neither withdrawn nor superseded");
  const notice: Notice = {
    kind,
    by: m.optional("by", (n) => m.text(n)),
    exchange: m.text("exchange"),
    issuedAt: m.text("issued_at"),
    reason: m.text("reason"),
    statement: m.text("statement"),
  };
  m.end();
  const { by, statement } = notice;
  const names = by !== undefined && /^[0-9a-f]{64}$/.test(by) && by !== statement;
  if (kind === "superseded" ? !names : by !== undefined) {
    refuse("the notice must name another statement in `by` if it is superseded, and none if withdrawn");
  }
  if (!isName(notice.reason, MAX_REASON_BYTES)) refuse(`the notice has a reason that is not 1 to ${MAX_REASON_BYTES} visible bytes`);
  if (!isInstant(notice.issuedAt)) refuse("the time of the notice is not an RFC 3339 time in UTC in its one spelling");
  if (!sameBytes(utf8(canonical(json)), bytes)) refuse("the bytes of the notice are not in canonical form");
  return { notice, signed, payload: jws.payload };
}

/** The notices, all about this statement and by its exchange; refuses the signatures of another statement. */
export function noticesOf(signatures: Signatures, { digest, bytes, exchange }: Statement): SignedNotice[] {
  checkPayload(signatures.statement, bytes);
  for (const { notice } of signatures.notices) {
    if (notice.statement !== digest) refuse("a notice is about another statement");
    if (notice.exchange !== exchange.domain) refuse("a notice is of another exchange");
  }
  return signatures.notices;
}

/** Whether a listed key signed, one that is not on the list, or there is no list that could say so. */
export type By = "listed" | "unlisted" | "unchecked";

export interface Withdrawal {
  issuedAt: string;
  reason: string;
  by: By;
}

export interface Judged {
  withdrawal?: Withdrawal;
  /** The id of the attestation that takes this one's place, why, and who says so. */
  superseded?: { id: string; reason: string; by: By };
}

/**
 * What the notices come to for a reader with these keys. A withdrawal counts unless a listed key shows that it is false: whoever relies
 * on an attestation must not miss it because the list of keys is an old one. Refuses if a notice is false and none withdraws.
 */
export function judgeNotices(notices: readonly SignedNotice[], jwks: Jwks | undefined): Judged {
  const judged: Judged = {};
  let defect: string | undefined;
  for (const { notice, signed, payload } of notices) {
    const by: By = !jwks ? "unchecked" : jwks.has(signed.kid) ? "listed" : "unlisted";
    const verified = attempt(() => (jwks && by === "listed" ? verifySigned(signed, payload, jwks) : undefined));
    const { issuedAt, reason } = notice;
    if (!verified.ok) defect = verified.reason;
    else if (notice.kind === "withdrawn") judged.withdrawal = { issuedAt, reason, by };
    else judged.superseded = { id: notice.by as string, reason, by };
  }
  if (defect !== undefined && !judged.withdrawal) refuse(`a notice is false: ${defect}`);
  return judged;
}
