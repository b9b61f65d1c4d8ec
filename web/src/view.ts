// What the page shows of a check: steps, balances, signer, verdict.

import { formatInstant, formatUnits } from "./amounts.ts";
import { STEPS, type Findings, type Step, type StepId, type Verdict } from "./check.ts";
import { button, code, h } from "./dom.ts";
import type { Holding } from "./inclusion.ts";
import { visible } from "./names.ts";
import type { By, Withdrawal } from "./notices.ts";
import { locale, nodes, t, type TextId } from "./text.ts";

const MARKS = { passed: "✓", failed: "✕", not_run: "–" };
const BADGES = { passed: "good", failed: "bad", not_run: "plain" };

/** One line of the list of steps. */
export function stepItem(step: Step): HTMLLIElement {
  // counts are part of the sentence, everything else is set apart
  const fact = (value: string) => (/^\d{1,6}$/.test(value) ? value : code(value));
  const facts = Object.fromEntries(Object.entries(step.facts).map(([name, value]) => [name, fact(value)]));
  const badge = h("span", { class: `badge ${BADGES[step.state]}` }, t(`state.${step.state}`));
  const title = h("p", { class: "step-title" }, h("span", {}, t(`step.${step.id}.title`)), badge);
  const lines: HTMLElement[] = [];
  if (step.facts["id"] !== undefined) lines.push(h("p", {}, ...supersededText(step.facts)));
  else if (step.state === "passed" && step.id !== "proof") lines.push(h("p", {}, ...nodes(whatHolds(step, step.id), facts)));
  if (step.state === "not_run") lines.push(h("p", {}, ...nodes(whyNot(step), facts)));
  if (step.withdrawal) lines.push(h("p", {}, ...withdrawalText(step.withdrawal)));
  else if (step.state === "failed") {
    lines.push(h("p", { lang: "en" }, code(visible(step.reason ?? ""))), h("p", {}, todo(step.id)));
  }
  const mark = h("span", { class: "mark", "aria-hidden": "true" }, MARKS[step.state]);
  return h("li", { class: `step ${step.state}` }, mark, h("div", {}, title, ...lines));
}

/** A statement without rules of its own keeps none, and a log without witnesses may show others something else. */
function whatHolds(step: Step, id: Exclude<StepId, "proof">): TextId {
  if (id === "log" && step.facts["witnesses"] === undefined) return "step.log.alone";
  return id === "policy" && step.facts["none"] !== undefined ? "step.policy.none" : `step.${id}.passed`;
}

/** That the exchange withdrew the attestation, when, why, and whose word that is. */
function withdrawalText({ issuedAt, reason, by }: Withdrawal): (string | Node)[] {
  return [...nodes("notice.withdrawn", { instant: instantText(issuedAt), reason: code(visible(reason)) }), signedBy(by)];
}

/** Which attestation takes its place; a page from a file can lead nowhere. */
function supersededText({ id = "", reason = "", by }: Record<string, string>): (string | Node)[] {
  const offline = document.documentElement.dataset["mode"] === "offline";
  const place = offline ? code(id) : h("a", { href: `/a/${id}` }, code(id));
  return [...nodes("notice.superseded", { id: place, reason: code(reason) }), signedBy(by as By)];
}

function signedBy(by: By): string {
  return by === "listed" ? "" : ` ${t(`notice.${by}`)}`;
}

/** What to do when the step failed; the proof is never checked here. */
function todo(id: StepId): string {
  return id === "proof" ? "" : t(`step.${id}.todo`);
}

function whyNot(step: Step): TextId {
  if (step.why === "nothing_given") return `step.${step.id as "account" | "signature" | "notices"}.not_given`;
  return `why.${step.why ?? "needs_earlier"}`;
}

/** The instant of the statement, with its time zone. */
export function instantText(takenAt: string): string {
  const { utc, local } = formatInstant(takenAt, locale());
  return local === undefined ? utc : `${utc} (${t("instant.local", { local })})`;
}

export interface Answers {
  yes(): void;
  no(): void;
}

export function balances(found: Findings, answers: Answers | undefined): HTMLElement {
  const { statement, inclusion, holdings = [] } = found;
  if (!statement || !inclusion) return h("div");
  const question = t("balances.question", { instant: instantText(statement.snapshot.takenAt) });
  const card = h("section", { class: "card", "aria-labelledby": "balances" }, h("h2", { id: "balances" }, question));
  const whose = { account: code(visible(inclusion.account)), exchange: code(visible(statement.exchange.name)) };
  card.append(h("p", {}, ...nodes("balances.account", whose)));
  if (holdings.length === 0) card.append(h("p", {}, t("balances.none")));
  else card.append(holdingTable(holdings));
  if (found.class) {
    const texts = [found.class.name, found.class.kycLevel, found.class.jurisdiction].filter((text) => text !== "");
    const own = h("span", {}, ...texts.flatMap((text) => [" ", code(visible(text))]));
    card.append(h("p", {}, ...nodes("balances.class", { number: String(found.class.class), texts: own })));
  }
  if (found.measures) {
    const decimals = statement.rules?.valueDecimals ?? 0;
    const [equity, margin] = found.measures.map((m) => formatUnits(m, decimals, locale()));
    const quote = () => code(visible(statement.assets[0]?.quote ?? ""));
    const values = { equity: equity ?? "", margin: margin ?? "", quote: quote(), quoteagain: quote() };
    card.append(h("p", { class: "muted" }, ...nodes("balances.measures", values)));
  }
  if (answers) {
    card.append(h("div", { class: "actions" }, button(t("answer.yes"), "primary", answers.yes), button(t("answer.no"), "quiet", answers.no)));
  }
  return card;
}

function holdingTable(holdings: readonly Holding[]): HTMLElement {
  const head = h("tr", {}, h("th", { scope: "col" }, t("balances.asset")), h("th", { scope: "col", class: "number" }, t("balances.amount")));
  const row = ({ symbol, kind, units, scale, limit }: Holding) => {
    const text = t(`kind.${kind}`) + (limit === undefined ? "" : t("kind.limit", { limit: formatUnits(limit, 0, locale()) }));
    const name = h("th", { scope: "row" }, h("bdi", {}, visible(symbol)), h("small", {}, text));
    return h("tr", {}, name, h("td", { class: "number" }, formatUnits(units, scale, locale())));
  };
  const table = h("table", { class: "holdings" }, h("thead", {}, head), h("tbody", {}, ...holdings.map(row)));
  return h("div", { class: "scroll" }, table);
}

/** Who signed, and a place to compare the key with what the exchange printed. */
export function signer(found: Findings, compared: { text: string; same: boolean } | undefined, compare: (text: string) => void): HTMLElement {
  const known = found.signers?.known ?? [];
  const card = h("section", { class: "card", "aria-labelledby": "signer" }, h("h2", { id: "signer" }, t("signer.title")));
  if (known.length === 0) {
    card.append(h("p", {}, t("signer.none")));
    return card;
  }
  // what the list calls a key is anybody's word; its thumbprint is not
  for (const { kid, thumbprint } of known) {
    card.append(h("p", { class: "key" }, code(thumbprint)));
    if (thumbprint !== kid) card.append(h("p", { class: "muted" }, ...nodes("signer.listed", { kid: code(kid) })));
  }
  if (found.signers && found.signers.unknown.length > 0) {
    card.append(h("p", { class: "muted" }, ...nodes("signer.unknown", { keys: code(found.signers.unknown.join(", ")) })));
  }
  card.append(h("p", {}, t("signer.vouch")));
  const input = h("input", { id: "key", type: "text", autocomplete: "off", spellcheck: "false", value: compared?.text ?? "" });
  const row = h("div", { class: "row" }, input, h("button", { type: "submit", class: "quiet" }, t("signer.compare")));
  const form = h("form", { class: "field" }, h("label", { for: "key" }, t("signer.label")), row);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    compare(input.value.trim());
  });
  const outcome = h("p", { role: "status", id: "key-outcome" });
  if (compared) {
    const word = h("span", { class: `badge ${compared.same ? "good" : "bad"}` }, t(compared.same ? "signer.same" : "signer.other"));
    outcome.append(word, " ", t(compared.same ? "signer.same.detail" : "signer.other.detail"));
  }
  card.append(form, outcome);
  return card;
}

/** What the proof does not show, in the statement's own sentences. */
export function limits(found: Findings): HTMLElement {
  const items = (found.statement?.notProven ?? []).map((text) => h("li", {}, text));
  const title = h("h2", { id: "limits" }, t("limits.title"));
  return h("section", { class: "card", "aria-labelledby": "limits" }, title, h("p", {}, t("limits.lead")), h("ul", { lang: "en" }, ...items));
}

export interface Outcome {
  verdict: Verdict;
  steps: readonly Step[];
  found: Findings;
  /** The reader said that this is not theirs, or compared the key and found another. */
  objection: "not_mine" | "other_key" | undefined;
}

/** Good only if every step holds that must, and nobody objected. */
export function standing({ verdict, objection }: Outcome): "good" | "bad" | "plain" {
  if (verdict === "failed" || verdict === "withdrawn" || objection) return "bad";
  return verdict === "included" ? "good" : "plain";
}

/** The heading of the result. */
export function verdictTitle(outcome: Outcome): string {
  if (outcome.verdict === "failed") return t("verdict.failed", { step: t(`step.${failedStep(outcome.steps).id}.title`) });
  // a withdrawal holds for everybody, whatever the reader says of the balances
  const said = outcome.verdict === "withdrawn" ? undefined : outcome.objection;
  return t(`verdict.${said ?? outcome.verdict}`);
}

/** The last lines: what was checked, after a withdrawal if there is one. */
export function sentence(outcome: Outcome): (string | Node)[] {
  const { statement, inclusion, signers } = outcome.found;
  const notices = outcome.steps.find((step) => step.id === "notices");
  const withdrawn = notices?.withdrawal ? [...withdrawalText(notices.withdrawal), " "] : [];
  if (outcome.verdict === "failed") {
    const { id } = failedStep(outcome.steps);
    return [...withdrawn, ...nodes("sentence.failed", { step: t(`step.${id}.title`), number: String(STEPS.indexOf(id) + 1), todo: todo(id) })];
  }
  const values = {
    account: code(visible(inclusion?.account ?? "")),
    digest: code(statement?.digest ?? ""),
    exchange: code(statement?.exchange.domain ?? ""),
    instant: instantText(statement?.snapshot.takenAt ?? ""),
    keys: code(signers?.known.map((key) => key.thumbprint).join(", ") ?? ""),
  };
  const { objection, verdict } = outcome;
  const checked = nodes(`sentence.${verdict}`, values);
  if (verdict === "withdrawn") return [...withdrawn, ...checked, ...(objection ? [" ", ...nodes(`sentence.${objection}`, values)] : [])];
  if (objection) return nodes(`sentence.${objection}`, values);
  return notices?.state === "not_run" ? [...checked, " ", t("sentence.not_asked")] : checked;
}

function failedStep(steps: readonly Step[]): Step {
  return steps.find((step) => step.state === "failed" && !step.withdrawal) ?? (steps[0] as Step);
}
