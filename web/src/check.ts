// The whole check of an inclusion file as a list of named steps. Pure: no page, no network, no clock.

import { attempt } from "./refusal.ts";
import { checkRoot, checkStatement, holdingsOf, ownShard, readInclusion, rebuildPages, type Holding, type Inclusion } from "./inclusion.ts";
import { readJwks, readJws, verifyJws, type Signers } from "./jws.ts";
import { judgeNotices, noticesOf, readSignatures, type Judged, type Withdrawal } from "./notices.ts";
import type { Page } from "./leaf.ts";
import { checkLog } from "./log.ts";
import { readLogPolicy } from "./log_policy.ts";
import { visible } from "./names.ts";
import { hasPolicy, policyDefects } from "./policy.ts";
import { refuse } from "./refusal.ts";
import type { Class } from "./rules.ts";
import { readStatement, type Shard, type Statement } from "./statement.ts";

export const STEPS = ["file", "statement", "account", "pages", "shard", "columns", "root", "policy", "signature", "notices", "log", "proof"] as const;
export type StepId = (typeof STEPS)[number];

/** A step that ran and held, ran and failed, or did not run: because it needs an earlier one, or for the reason in `why`. */
export interface Step {
  id: StepId;
  state: "passed" | "failed" | "not_run";
  /** What was compared with what. */
  facts: Record<string, string>;
  /** Why it failed, in English. */
  reason?: string;
  /** Why the step of the notices failed, where that is a withdrawal. */
  withdrawal?: Withdrawal;
  /** Why it did not run. */
  why?: "needs_earlier" | "nothing_given" | "no_keys" | "no_policy" | "not_here";
}

export interface Input {
  inclusion: Uint8Array;
  statement: Uint8Array;
  /** The attestation that the reader came for. */
  id?: string | undefined;
  /** The account reference as its owner knows it. */
  account?: string | undefined;
  jws?: Uint8Array | undefined;
  jwks?: Uint8Array | undefined;
  /** All signatures; those of the statement are read where `jws` is missing. */
  signatures?: Uint8Array | undefined;
  /** The transparency logs and witnesses that the reader trusts. */
  policy?: Uint8Array | undefined;
  /** Whether shapes that are made for tests pass; only tests say so. */
  testShapes?: "accepted";
}

/** What the steps found on the way. */
export interface Findings {
  inclusion?: Inclusion;
  statement?: Statement;
  holdings?: Holding[];
  measures?: readonly [bigint, bigint];
  class?: Class;
  signers?: Signers;
}

export type Verdict = "withdrawn" | "included" | "unconfirmed" | "unsigned" | "failed";

/** Runs the steps in order, one at each turn, and leaves what they find in `found`. */
export function* check(input: Input, found: Findings): Generator<Step, void> {
  const run = (id: StepId, needs: boolean, work: () => Record<string, string>): Step => {
    if (!needs) return { id, state: "not_run", facts: {}, why: "needs_earlier" };
    const outcome = attempt(work);
    return outcome.ok ? { id, state: "passed", facts: outcome.value } : { id, state: "failed", facts: {}, reason: outcome.reason };
  };
  yield run("file", true, () => {
    const inclusion = (found.inclusion = readInclusion(input.inclusion));
    return { account: visible(inclusion.account), pages: String(inclusion.pages.length) };
  });
  const statementStep = run("statement", true, () => readOwnStatement(input, found));
  const matches = statementStep.state === "passed";
  yield statementStep;
  yield accountStep(input, found.inclusion);
  yield* memberSteps(found, matches, run);
  yield run("policy", found.statement !== undefined, () => {
    const defects = policyDefects(found.statement as Statement);
    if (defects.length > 0) refuse(visible(defects.join("; ")));
    const facts: Record<string, string> = hasPolicy(found.statement as Statement) ? {} : { none: "1" };
    return { ...facts, assets: String(found.statement?.assets.length) };
  });
  yield signatureStep(input, found, run);
  yield noticesStep(input, found, run);
  yield* logStep(input, found, run);
  yield { id: "proof", state: "not_run", facts: {}, why: "not_here" };
}

type Run = (id: StepId, needs: boolean, work: () => Record<string, string>) => Step;

function readOwnStatement(input: Input, found: Findings): Record<string, string> {
  const statement = readStatement(input.statement);
  if (statement.shape.testsOnly && input.testShapes !== "accepted") {
    refuse(`the shape ${statement.shape.name} is made for tests, not for attestations`);
  }
  if (input.id !== undefined && input.id !== statement.digest) {
    refuse(`it is attestation ${statement.digest}, and the link is for ${input.id}`);
  }
  found.statement = statement;
  if (found.inclusion) checkStatement(found.inclusion, statement);
  return { digest: statement.digest, snapshot: visible(statement.snapshot.id), exchange: statement.exchange.domain };
}

function accountStep(input: Input, inclusion: Inclusion | undefined): Step {
  const id = "account";
  if (!inclusion) return { id, state: "not_run", facts: {}, why: "needs_earlier" };
  const own = input.account;
  const facts = { account: visible(inclusion.account), own: visible(own ?? "") };
  if (own === undefined) return { id, state: "not_run", facts, why: "nothing_given" };
  if (own === inclusion.account) return { id, state: "passed", facts };
  return { id, state: "failed", facts, reason: `it is the file of account ${facts.account}, not of ${facts.own}` };
}

/** Pages, shard, columns and root. */
function* memberSteps(found: Findings, matches: boolean, run: Run): Generator<Step, void> {
  const inclusion = found.inclusion as Inclusion;
  const statement = found.statement as Statement;
  let pages: Page[] | undefined;
  let shard: Shard | undefined;
  yield run("pages", found.inclusion !== undefined && matches, () => {
    pages = rebuildPages(inclusion, statement);
    return { pages: String(pages.length), identity: (pages[0] as Page).identity.toString(16).padStart(62, "0") };
  });
  yield run("shard", pages !== undefined, () => {
    shard = ownShard(inclusion, statement, pages as Page[]);
    return { shard: String(inclusion.shard), shards: String(statement.shards.length) };
  });
  let holdings: Holding[] | undefined;
  yield run("columns", shard !== undefined, () => {
    holdings = holdingsOf(statement, pages as Page[]);
    return { holdings: String(holdings.length) };
  });
  const root = run("root", shard !== undefined, () => {
    checkRoot(inclusion, statement, shard as Shard, pages as Page[]);
    return { pages: String(inclusion.pages.length), root: (shard as Shard).root };
  });
  // balances are shown only if they are those of the tree
  if (holdings && root.state === "passed") {
    found.holdings = holdings;
    if (statement.rules) {
      found.measures = (pages as Page[])[0]?.measures ?? [0n, 0n];
      const own = statement.rules.classes.find((c) => c.class === inclusion.class);
      found.class = own ?? { class: inclusion.class, name: "", kycLevel: "", jurisdiction: "" };
    }
  }
  yield root;
}

function signatureStep(input: Input, found: Findings, run: Run): Step {
  const id = "signature";
  if (!found.statement) return run(id, false, () => ({}));
  const { jws: own, signatures } = input;
  if (!own && !signatures) return { id, state: "not_run", facts: {}, why: "nothing_given" };
  if (!input.jwks) return { id, state: "not_run", facts: {}, why: "no_keys" };
  return run(id, true, () => {
    const jws = own ? readJws(own) : readSignatures(signatures as Uint8Array).statement;
    found.signers = verifyJws(jws, (found.statement as Statement).bytes, readJwks(input.jwks as Uint8Array));
    return { keys: found.signers.known.map((key) => key.thumbprint).join(", ") };
  });
}

/** Holds where all signatures were read and none withdraws the attestation. Without a list of keys, a withdrawal counts all the same. */
function noticesStep({ signatures, jwks }: Input, found: Findings, run: Run): Step {
  const [id, statement] = ["notices" as const, found.statement];
  if (!statement) return run(id, false, () => ({}));
  if (!signatures) return { id, state: "not_run", facts: { path: `/v1/attestations/${statement.digest}/signatures` }, why: "nothing_given" };
  const judged: Judged = {};
  const step = run(id, true, () => {
    const keys = jwks && attempt(() => readJwks(jwks));
    const notices = noticesOf(readSignatures(signatures), statement);
    Object.assign(judged, judgeNotices(notices, keys?.ok ? keys.value : undefined));
    if (judged.withdrawal) refuse(`withdrawn at ${judged.withdrawal.issuedAt}: ${visible(judged.withdrawal.reason)}`);
    const { superseded } = judged;
    return superseded ? { ...superseded, reason: visible(superseded.reason) } : {};
  });
  return judged.withdrawal ? { ...step, withdrawal: judged.withdrawal } : step;
}

/** A file without a proof says nothing of logs, unless the reader's policy asks. */
function* logStep(input: Input, found: Findings, run: Run): Generator<Step, void> {
  const [id, { policy }, { statement, inclusion }] = ["log" as const, input, found];
  if (policy) {
    const needs = statement !== undefined && inclusion !== undefined;
    yield run(id, needs, () => checkLog(statement as Statement, (inclusion as Inclusion).log, readLogPolicy(policy)));
  } else if (inclusion?.log !== undefined) yield { id, state: "not_run", facts: {}, why: "no_policy" };
}

const MUST_PASS: readonly StepId[] = ["file", "statement", "pages", "shard", "columns", "root", "policy"];

/** What all steps together are worth. `confirmed`: the reader said that the account and the balances are theirs. */
export function verdictOf(steps: readonly Step[], confirmed: boolean): Verdict {
  const state = (id: StepId) => steps.find((step) => step.id === id)?.state;
  if (steps.some((step) => step.state === "failed" && !step.withdrawal) || MUST_PASS.some((id) => state(id) !== "passed")) return "failed";
  if (steps.some((step) => step.withdrawal)) return "withdrawn";
  if (state("signature") !== "passed") return "unsigned";
  return state("account") === "passed" || confirmed ? "included" : "unconfirmed";
}
