// What /operator shows of a job. Parts change in place, so that the focus stays where it is.

import { button, code, h } from "../dom.ts";
import { visible } from "../names.ts";
import { hasEnded, isState, STAGES, type Finding, type Job, type Unit } from "./job.ts";
import { badge, card, count, facts, instant, say, messages, table, words } from "./parts.ts";
import { t } from "./text.ts";

type Failed = (string | Node)[] | undefined;
/** Asks the service to cancel; tells why not, or nothing. */
type Cancel = (tell: (failed: Failed) => void) => void;

export class JobView {
  readonly element: HTMLElement;
  private readonly state = h("p", { id: "job-state", role: "status" });
  private readonly channel = h("p", { id: "job-channel", class: "muted", role: "status" });
  private readonly about = h("div");
  private readonly stages = h("ol", { class: "steps", id: "stages" });
  private readonly progress = h("div", { id: "progress" });
  private readonly outcome = h("div", { id: "outcome" });
  private readonly cancelling = h("div", { id: "cancelling" });
  private readonly cancelled = messages("cancel-failed");
  private readonly meters = new Map<string, { bar: HTMLProgressElement; text: HTMLElement }>();
  private job: Job | undefined;
  private stage = -1;

  constructor(private readonly address: string, private readonly cancel: Cancel) {
    this.element = h(
      "div", {},
      card("job-title", t("job.title"), this.state, this.channel, this.about, this.cancelling, this.cancelled),
      this.outcome,
      card("stages-title", t("job.stages"), this.stages),
      card("progress-title", t("job.progress"), this.progress),
    );
    this.offerCancel();
  }

  /** How changes become known; nothing once none will come. */
  channelIs(text: string): void {
    setText(this.channel, text);
  }

  units(units: Unit[]): void {
    if (!this.job) return;
    this.job = { ...this.job, units };
    this.showProgress(this.job);
  }

  show(given: Job): void {
    const before = this.job;
    const job = given.units.length === 0 && before ? { ...given, units: before.units } : given;
    this.job = job;
    if (before?.state !== job.state) this.showState(job);
    this.about.replaceChildren(aboutJob(job));
    this.showProgress(job);
    if (before?.state !== job.state || before?.detail !== job.detail || before?.findings?.total !== job.findings?.total) {
      this.outcome.replaceChildren(...outcome(job, this.address));
    }
  }

  private showState(job: Job): void {
    const kind = job.state === "published" ? "good" : job.state === "refused" || job.state === "failed" ? "bad" : "plain";
    const name = isState(job.state) ? t(`state.${job.state}`) : visible(job.state);
    this.state.replaceChildren(badge(kind, name), " ", isState(job.state) ? t(`state.${job.state}.meaning`) : t("state.unknown"));
    const at = (STAGES as readonly string[]).indexOf(job.state);
    if (at >= 0) this.stage = at;
    // a job that ended elsewhere stopped at the last stage that was seen
    const ended = at < 0;
    this.stages.replaceChildren(...STAGES.map((stage, k) => stageItem(stage, k, this.stage, ended)));
    if (hasEnded(job)) {
      const had = this.cancelling.contains(document.activeElement);
      this.cancelling.replaceChildren();
      say(this.cancelled);
      if (had) this.element.querySelector<HTMLElement>("#job-title")?.focus();
    }
  }

  private showProgress(job: Job): void {
    const lines: [string, string, bigint, bigint, string][] = [];
    if (job.steps !== undefined) {
      const rate = job.stepsPerMinute === undefined ? "" : ` ${t("progress.rate", { rate: count(job.stepsPerMinute) })}`;
      lines.push(["all", t("progress.all"), job.stepsDone, job.steps, rate]);
    }
    for (const unit of job.units) lines.push([String(unit.shard), t("progress.shard", { shard: count(unit.shard) }), unit.stepsDone, unit.steps, ` ${unitState(unit)}`]);
    const ids = lines.map(([id]) => id);
    if (ids.join() !== [...this.meters.keys()].join() || ids.length === 0) this.layMeters(lines.map(([id, label]) => [id, label]));
    for (const [id, , done, all, more] of lines) {
      const meter = this.meters.get(id);
      if (!meter) continue;
      // a bar takes a number; the words beside it are exact
      meter.bar.max = Math.max(1, Number(all));
      meter.bar.value = Number(done);
      setText(meter.text, t("progress.steps", { done: count(done), all: count(all) }) + more);
    }
  }

  private layMeters(lines: readonly (readonly [string, string])[]): void {
    this.meters.clear();
    const rows = lines.map(([id, label]) => {
      const bar = h("progress", { id: `bar-${id}`, max: "1", value: "0" });
      const text = h("span", { class: "muted" });
      this.meters.set(id, { bar, text });
      return h("li", { class: "unit" }, h("label", { for: `bar-${id}` }, label), bar, text);
    });
    this.progress.replaceChildren(rows.length > 0 ? h("ul", { class: "units" }, ...rows) : h("p", {}, t("progress.none")));
  }

  private offerCancel(): void {
    const ask = button(t("cancel.offer"), "quiet", () => this.askAgain());
    this.cancelling.replaceChildren(h("p", { class: "actions" }, ask));
  }

  /** Nothing is cancelled by one press. */
  private askAgain(): void {
    const back = () => {
      this.offerCancel();
      this.cancelling.querySelector("button")?.focus();
    };
    const keep = button(t("cancel.keep"), "quiet", back);
    const really = button(t("cancel.really"), "primary", () => {
      really.disabled = keep.disabled = true;
      this.cancel((failed) => {
        say(this.cancelled, ...(failed ?? [t("cancel.sent")]));
        if (this.job && hasEnded(this.job)) return;
        if (failed) back();
        else this.cancelling.replaceChildren();
      });
    });
    const group = h("div", { role: "group", "aria-labelledby": "cancel-question", class: "notice" }, h("p", { id: "cancel-question" }, t("cancel.question")), h("p", { class: "actions" }, really, keep));
    group.addEventListener("keydown", (event) => event.key === "Escape" && back());
    this.cancelling.replaceChildren(group);
    keep.focus();
  }
}

/** Only a change is read aloud. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function stageItem(stage: (typeof STAGES)[number], k: number, at: number, ended: boolean): HTMLElement {
  const passed = k < at || stage === "published" && k === at;
  const now = k === at && !passed;
  const kind = passed ? "passed" : now && ended ? "failed" : "not_run";
  const word = passed ? "stage.done" : now ? (ended ? "stage.stopped" : "stage.now") : "stage.later";
  const title = h("p", { class: "step-title" }, h("span", {}, t(`state.${stage}`)), badge(passed ? "good" : "plain", t(word)));
  const mark = h("span", { class: "mark", "aria-hidden": "true" }, passed ? "✓" : now ? (ended ? "✕" : "…") : "–");
  return h("li", { class: `step ${kind}`, "aria-current": now && !ended ? "step" : undefined }, mark, h("div", {}, title));
}

function unitState(unit: Unit): string {
  const known = unit.state === "folding" || unit.state === "compressing" || unit.state === "proved";
  return known ? t(`unit.${unit.state as "folding" | "compressing" | "proved"}`) : visible(unit.state);
}

function aboutJob(job: Job): HTMLElement {
  const optional = (name: string, value: bigint | undefined): [string, string][] => (value === undefined ? [] : [[name, count(value)]]);
  return facts([
    [t("job.id"), code(visible(job.id))],
    [t("job.snapshot"), code(visible(job.snapshot))],
    [t("job.shape"), visible(job.shape)],
    ...optional(t("job.shards"), job.shards),
    ...optional(t("job.accounts"), job.accounts),
    ...optional(t("job.pages"), job.pages),
    [t("job.created"), instant(job.createdAt)],
    [t("job.updated"), instant(job.updatedAt)],
  ]);
}

/** Why the job ended as it did, or what it warns of; the attestation once there is one. */
function outcome(job: Job, address: string): HTMLElement[] {
  const parts: HTMLElement[] = [];
  const { attestation, detail, findings } = job;
  if (attestation !== undefined && /^[0-9a-f]{64}$/.test(attestation)) {
    const lang = new URLSearchParams(location.search).get("lang");
    const query = lang === null ? "" : `?${new URLSearchParams({ lang })}`;
    const link = h("a", { href: `/a/${attestation}${query}` }, t("outcome.link"));
    const command = h("pre", {}, h("code", {}, `curl -sSfo bundle.zip ${address}/v1/attestations/${attestation}/bundle.zip\nassay-verify bundle.zip`));
    parts.push(card("outcome-title", t("outcome.title"), h("p", {}, link), h("p", {}, code(attestation)), h("p", {}, t("outcome.verify")), command));
  }
  if (detail !== undefined) parts.push(card("detail-title", t("detail.title"), h("p", { lang: "en" }, words(detail))));
  if (findings) parts.push(findingsCard(findings.findings, findings.total));
  return parts;
}

function findingsCard(findings: readonly Finding[], total: bigint): HTMLElement {
  const columns = [
    { title: t("finding.file"), cell: (f: Finding) => words(f.file) },
    { title: t("finding.line"), cell: (f: Finding) => (f.line === undefined ? t("finding.whole") : count(f.line)), isNumber: true },
    { title: t("finding.reason"), cell: (f: Finding) => sentence(f.reason) },
  ];
  const lead = h("p", {}, t(BigInt(findings.length) < total ? "finding.some" : "finding.all", { shown: count(findings.length), total: count(total) }));
  return card("findings-title", t("finding.title"), lead, table(t("finding.title"), columns, findings));
}

/** The sentence of a finding; the values that it quotes stand out, as they are in the file. */
function sentence(reason: string): HTMLElement {
  const pieces = reason.split(/("(?:[^"\\]|\\.)*")/);
  return h("span", { lang: "en" }, ...pieces.filter((piece) => piece !== "").map((piece) => (piece.startsWith('"') ? code(visible(piece)) : words(piece))));
}
