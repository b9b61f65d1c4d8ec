// Withdrawals: which notices are read, whose they are, and what the check makes of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { toBase64Url, utf8 } from "../src/bytes.ts";
import { check, verdictOf, type Findings, type Input, type Step } from "../src/check.ts";
import { readJwks } from "../src/jws.ts";
import { judgeNotices, noticesOf, readSignatures } from "../src/notices.ts";
import { attempt } from "../src/refusal.ts";
import { readStatement, statementDigest } from "../src/statement.ts";
import { attested } from "./files.ts";
import { allSignatures, EXCHANGE_KEY, notice, noticeBytes, signedAs, STRANGER_KEY, SUPERSEDED } from "./signed.ts";

const files = attested("solvency", "short");
const other = attested("compliance", "short");
const TOLD = { issuedAt: "2026-12-01T12:00:00Z", reason: "A file of balances was left out." };
const account = "u000000000-d3301861";

/** The step of the notices, the verdict, and how many other steps failed. */
function judged(input: Partial<Input>): { step: Step; verdict: string; others: number } {
  const steps = [...check({ ...files, account, ...input }, {} as Findings)];
  const step = steps.find(({ id }) => id === "notices") as Step;
  const others = steps.filter(({ id, state }) => id !== "notices" && state === "failed").length;
  return { step, verdict: verdictOf(steps, false), others };
}

const withNotices = (...notices: object[]) => judged({ signatures: allSignatures(files, notices) });

test("a file without a withdrawal holds, and without the file nothing is said", () => {
  const clean = withNotices();
  assert.deepEqual([clean.step.state, clean.step.facts, clean.verdict], ["passed", {}, "included"]);
  const absent = judged({});
  assert.deepEqual([absent.step.state, absent.step.why, absent.verdict], ["not_run", "nothing_given", "included"]);
  assert.equal(absent.step.facts["path"], `/v1/attestations/${statementDigest(files.statement)}/signatures`);
  // the signatures of the statement are in the file too
  const alone = judged({ jws: undefined, signatures: allSignatures(files) });
  assert.equal(alone.verdict, "included");
});

test("a withdrawal by a listed key, by one that is not listed and without a list counts", () => {
  for (const [found, by] of [
    [withNotices(notice(files)), "listed"],
    [withNotices(notice(files, {}, STRANGER_KEY)), "unlisted"],
    [judged({ jwks: undefined, signatures: allSignatures(files, [notice(files)]) }), "unchecked"],
  ] as const) {
    assert.deepEqual(found.step.withdrawal, { ...TOLD, by });
    assert.deepEqual([found.step.state, found.verdict, found.others], ["failed", "withdrawn", 0], by);
  }
  // a list that cannot be read hides no withdrawal
  const broken = judged({ jwks: utf8("{"), signatures: allSignatures(files, [notice(files)]) });
  assert.deepEqual([broken.step.withdrawal?.by, broken.verdict], ["unchecked", "failed"]);
});

test("one that takes its place leaves the check as it is, and a withdrawal beside it counts", () => {
  const found = withNotices(notice(files, SUPERSEDED));
  assert.deepEqual([found.step.state, found.verdict], ["passed", "included"]);
  assert.deepEqual(found.step.facts, { id: SUPERSEDED.by, reason: SUPERSEDED.reason, by: "listed" });
  assert.equal(withNotices(notice(files, SUPERSEDED), notice(files)).verdict, "withdrawn");
  assert.equal(withNotices(notice(files, SUPERSEDED, STRANGER_KEY)).step.facts["by"], "unlisted");
});

test("a notice that a listed key did not sign is a failed step, and hides no withdrawal", () => {
  const forged = { ...notice(files), signatures: notice(files, { reason: "Another." }).signatures };
  const found = withNotices(forged);
  assert.equal(found.step.withdrawal, undefined);
  assert.deepEqual([found.step.state, found.verdict], ["failed", "failed"]);
  assert.match(found.step.reason ?? "", /a notice is false: the signature by .* does not verify/);
  const superseded = { ...notice(files, SUPERSEDED), signatures: forged.signatures };
  assert.equal(withNotices(superseded, notice(files)).verdict, "withdrawn");
});

test("no bit of a notice can be changed without being seen", () => {
  const honest = notice(files);
  const [signed] = honest.signatures as [(typeof honest.signatures)[0]];
  const statement = readStatement(files.statement);
  const jwks = readJwks(files.jwks as Uint8Array);
  const judge = (jws: object) => attempt(() => judgeNotices(noticesOf(readSignatures(allSignatures(files, [jws])), statement), jwks));
  assert.deepEqual(judge(honest), { ok: true, value: { withdrawal: { ...TOLD, by: "listed" } } });
  let flipped = 0;
  for (const part of ["payload", "protected", "signature"] as const) {
    const bytes = Buffer.from(part === "payload" ? honest.payload : signed[part], "base64url");
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const text = toBase64Url(changed);
      const found = judge(part === "payload" ? { ...honest, payload: text } : { ...honest, signatures: [{ ...signed, [part]: text }] });
      // another name of a key is one that is not on the list: its withdrawal counts, with words of its own
      if (found.ok) assert.deepEqual([part, found.value], ["protected", { withdrawal: { ...TOLD, by: "unlisted" } }], `bit ${bit}`);
      flipped++;
    }
  }
  assert.ok(flipped > 2500, `${flipped} bits`);
});

test("a file in any other form is refused with its reason", () => {
  const type = "assay-notice+jws";
  const raw = (text: string) => signedAs(type, utf8(text), EXCHANGE_KEY);
  const text = new TextDecoder().decode(noticeBytes(files));
  const twice = { ...notice(files), signatures: [...notice(files).signatures, ...notice(files, {}, STRANGER_KEY).signatures] };
  const headed = (header: object | string) => signedAs(type, noticeBytes(files), EXCHANGE_KEY, header);
  const cases: [RegExp, object][] = [
    [/2 signatures; there must be one/, twice],
    [/0 signatures/, { ...notice(files), signatures: [] }],
    [/another type than assay-notice/, headed({ typ: "assay-attestation+jws" })],
    [/another type than assay-notice/, headed({ typ: "assay-opinion+jws" })],
    [/another algorithm/, headed({ alg: "none" })],
    [/unknown member "jwk"/, headed({ jwk: {} })],
    [/no member "kid"/, headed('{"alg":"EdDSA","typ":"assay-notice+jws"}')],
    [/longer than 512 characters/, headed(`${" ".repeat(400)}{"alg":"EdDSA","kid":"k","typ":"${type}"}`)],
    [/unknown member "header"/, { ...notice(files), header: {} }],
    [/not in canonical form/, raw(text.replace(",", ", "))],
    [/given twice/, raw(text.replace("{", '{"kind":"withdrawn",'))],
    [/unknown member "note"/, notice(files, { note: "x" })],
    [/no member "reason"/, notice(files, { reason: undefined })],
    [/not of the protocol/, notice(files, { protocol: "assay/notice/2" })],
    [/neither withdrawn nor superseded/, notice(files, { kind: "valid" })],
    [/must name another statement/, notice(files, { by: "0b".repeat(32) })],
    [/must name another statement/, notice(files, { ...SUPERSEDED, by: undefined })],
    [/must name another statement/, notice(files, { ...SUPERSEDED, by: statementDigest(files.statement) })],
    [/must name another statement/, notice(files, { ...SUPERSEDED, by: "0B".repeat(32) })],
    [/"by" is not a text/, notice(files, { by: null })],
    [/a reason that is not/, notice(files, { reason: "" })],
    [/a reason that is not/, notice(files, { reason: "x".repeat(401) })],
    [/a reason that is not/, notice(files, { reason: "a\u202eb" })],
    [/a reason that is not/, notice(files, { reason: "two\nlines" })],
    [/time of the notice/, notice(files, { issued_at: "2026-12-01T12:00:00+00:00" })],
    [/about another statement/, notice(files, { statement: "0c".repeat(32) })],
    [/of another exchange/, notice(files, { exchange: "another.example" })],
    [/more than 8192 bytes/, raw(`${text}${" ".repeat(8192)}`)],
    [/not canonical base64url/, { ...notice(files), payload: `${notice(files).payload}=` }],
  ];
  for (const [reason, changed] of cases) {
    const { step, verdict } = withNotices(changed);
    assert.deepEqual([step.state, step.withdrawal, verdict], ["failed", undefined, "failed"], String(reason));
    assert.match(step.reason ?? "", reason);
  }
  assert.match(withNotices(notice(files), notice(files, { reason: "Again." })).step.reason ?? "", /says twice that the attestation is withdrawn/);
});

test("a file with anything more, less or of another attestation does not hold", () => {
  const json = JSON.parse(new TextDecoder().decode(allSignatures(files))) as Record<string, unknown>;
  const read = (changed: object) => () => readSignatures(utf8(JSON.stringify({ ...json, ...changed })));
  assert.doesNotThrow(read({}));
  assert.throws(read({ countersignatures: [] }), /unknown member/);
  for (const member of ["notices", "opinions", "statement"]) assert.throws(read({ [member]: undefined }), /has no member/);
  // a notice cannot hide among the opinions
  assert.throws(read({ opinions: [notice(files)] }), /another type than assay-opinion/);
  const opinion = signedAs("assay-opinion+jws", utf8("{}"), STRANGER_KEY);
  assert.doesNotThrow(read({ opinions: [opinion] }));
  assert.throws(read({ opinions: Array(65).fill(opinion) }), /more than 64 opinions/);
  // the file of an attestation that was not withdrawn says nothing of this one
  const found = judged({ signatures: allSignatures(other) });
  assert.deepEqual([found.step.state, found.verdict], ["failed", "failed"]);
  assert.match(found.step.reason ?? "", /signatures are for another statement/);
});
