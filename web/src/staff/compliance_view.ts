// What /regulator shows of one attestation beside its reserve lines.

import { code, h } from "../dom.ts";
import { formatUnits } from "../amounts.ts";
import { visible } from "../names.ts";
import { locale } from "../sentences.ts";
import type { AssetClaim, Check, Compliance, Limit, Measure, Reserves, Summary } from "./compliance.ts";
import { badge, card, count, decimal, facts, instant, percent, table, words } from "./parts.ts";
import { t } from "./text.ts";

/** One attestation in a list. */
export function summaryFacts(summary: Summary): HTMLElement {
  return facts([
    [t("about.exchange"), h("span", {}, words(summary.name), " ", words(summary.domain))],
    [t("about.snapshot"), words(summary.snapshot)],
    [t("about.taken"), instant(summary.takenAt)],
    [t("about.published"), instant(summary.publishedAt)],
    [t("about.shape"), words(summary.shape)],
    [t("about.policy"), badge(summary.valid ? "good" : "bad", t(summary.valid ? "about.valid" : "about.invalid"))],
    [t("about.id"), code(visible(summary.id))],
  ]);
}

export function policyCard({ policy, protocol }: Compliance, ownedBps: bigint | undefined): HTMLElement {
  const pairs: [string, string][] = [];
  if (policy.coverageBps !== undefined) {
    pairs.push([t("policy.coverage"), t(policy.coverageBasis === "net" ? "policy.net" : "policy.gross", { percent: percent(policy.coverageBps) })]);
  }
  if (ownedBps !== undefined) pairs.push([t("policy.owned"), percent(ownedBps)]);
  if (policy.belowMarginMax !== undefined) pairs.push([t("policy.below"), count(policy.belowMarginMax)]);
  if (policy.equityRatioBps !== undefined) pairs.push([t("policy.equity"), percent(policy.equityRatioBps)]);
  const rules = pairs.length > 0 ? facts(pairs) : h("p", {}, t("policy.none"));
  return card("policy-title", t("policy.title"), rules, h("p", { class: "muted" }, t("policy.protocol"), " ", code(visible(protocol))));
}

/** What each asset's reserves are against what is owed, which is how far the policy is used. */
export function coverageCard(assets: readonly AssetClaim[], required: bigint | undefined): HTMLElement {
  const columns = [
    { title: t("asset"), cell: (a: AssetClaim) => words(a.asset) },
    { title: t("coverage.owed"), cell: (a: AssetClaim) => decimal(a.customerAssets), isNumber: true },
    { title: t("coverage.debts"), cell: (a: AssetClaim) => decimal(a.debts), isNumber: true },
    { title: t("coverage.reserves"), cell: (a: AssetClaim) => decimal(a.reserves), isNumber: true },
    { title: t("coverage.ratio"), cell: (a: AssetClaim) => (a.coverageBps === undefined ? t("coverage.nothing") : percent(a.coverageBps)), isNumber: true },
  ];
  const note = required === undefined ? t("coverage.free") : t("coverage.required", { percent: percent(required) });
  return card("coverage-title", t("coverage.title"), h("p", {}, note), table(t("coverage.title"), columns, assets));
}

export function measuresCard(measures: readonly Measure[]): HTMLElement {
  const name = (m: Measure) => (m.measure === "equity" ? t("measure.equity") : m.measure === "margin_excess" ? t("measure.margin") : words(m.measure));
  const columns = [
    { title: t("measure"), cell: name },
    { title: t("measure.quote"), cell: (m: Measure) => words(m.quote) },
    { title: t("measure.positive"), cell: (m: Measure) => decimal(m.positive), isNumber: true },
    { title: t("measure.negative"), cell: (m: Measure) => decimal(m.negative), isNumber: true },
    { title: t("measure.below"), cell: (m: Measure) => count(m.below), isNumber: true },
  ];
  const body = measures.length > 0 ? table(t("measure.title"), columns, measures) : h("p", {}, t("measure.none"));
  return card("measures-title", t("measure.title"), body);
}

export function limitsCard(compliance: Compliance): HTMLElement {
  const { limits, classes, sentences, withoutLimit, limitsDigest } = compliance;
  const names = new Map(classes.map((c) => [c.class, c.texts.filter((text) => text !== "").join(", ")]));
  const classOf = (l: Limit) => h("span", {}, count(l.class), names.get(l.class) ? " " : "", names.get(l.class) ? words(names.get(l.class) ?? "") : "");
  const side = (l: Limit) => (l.side === "long" ? t("limits.long") : l.side === "short" ? t("limits.short") : words(l.side));
  const columns = [
    { title: t("limits.class"), cell: classOf },
    { title: t("limits.instrument"), cell: (l: Limit) => words(l.instrument) },
    { title: t("limits.side"), cell: side },
    { title: t("limits.limit"), cell: (l: Limit) => decimal(l.limit), isNumber: true },
  ];
  const parts: HTMLElement[] = [];
  if (limits.length === 0) parts.push(h("p", {}, t("limits.none")));
  else {
    parts.push(h("ul", { lang: "en" }, ...sentences.map((text) => h("li", {}, words(text)))));
    parts.push(h("p", {}, t("limits.use")), table(t("limits.title"), columns, limits));
    parts.push(h("p", { class: "muted" }, t("limits.digest"), " ", code(visible(limitsDigest))));
  }
  if (withoutLimit.length > 0) {
    const list = withoutLimit.slice(0, 100).flatMap((name, k) => [k === 0 ? "" : ", ", words(name)]);
    parts.push(h("p", {}, t("limits.without", { number: count(withoutLimit.length) }), " ", ...list, withoutLimit.length > 100 ? " …" : ""));
  }
  return card("limits-title", t("limits.title"), ...parts);
}

export function reservesCard({ lines, assets, evidence }: Reserves): HTMLElement {
  if (!evidence) {
    const text = lines === 0n ? t("reserves.none") : t("reserves.unjudged", { lines: count(lines) });
    return card("reserves-title", t("reserves.title"), h("p", {}, text));
  }
  const scales = new Map(assets.map((asset) => [asset.symbol, asset.scale]));
  const sum = (symbol: string, units: bigint) => formatUnits(units, scales.get(symbol) ?? 0, locale());
  type Row = (typeof evidence.assets)[number];
  const columns = [
    { title: t("asset"), cell: (a: Row) => words(a.symbol) },
    ...(["fresh", "thirdParty", "undated", "unproven"] as const).map((status) => ({ title: t(`status.${status}`), cell: (a: Row) => sum(a.symbol, a[status]), isNumber: true })),
  ];
  const { fresh, thirdParty, undated, unproven } = evidence.lines;
  const numbers = { fresh: count(fresh), third: count(thirdParty), undated: count(undated), unproven: count(unproven) };
  const parts: HTMLElement[] = [h("p", {}, t("reserves.lead")), table(t("reserves.title"), columns, evidence.assets), h("p", {}, t("reserves.lines", numbers))];
  if (evidence.texts.length > 0) {
    parts.push(h("p", {}, t("reserves.texts", { number: count(evidence.undatedTexts) })), h("ul", {}, ...evidence.texts.map((text) => h("li", {}, words(text)))));
  }
  const { challenge, anchor } = evidence;
  const pairs: [string, HTMLElement][] = [];
  if (challenge !== undefined) pairs.push([t("reserves.challenge"), words(challenge)]);
  if (anchor) pairs.push([t("reserves.anchor"), h("span", {}, words(anchor.chain), " ", count(anchor.height), " ", words(anchor.hash))]);
  if (pairs.length > 0) parts.push(facts(pairs));
  return card("reserves-title", t("reserves.title"), ...parts);
}

export function verificationsCard({ included, notIncluded }: Compliance): HTMLElement {
  const pairs: [string, string][] = [[t("verified.yes"), count(included)], [t("verified.no"), count(notIncluded)]];
  return card("verified-title", t("verified.title"), facts(pairs), h("p", { class: "muted" }, t("verified.note")));
}

export function reportCard(checks: readonly Check[]): HTMLElement {
  const columns = [
    { title: t("report.rule"), cell: (c: Check) => h("span", { lang: "en" }, words(c.title)) },
    { title: t("report.result"), cell: (c: Check) => badge(c.passed ? "good" : "bad", t(c.passed ? "report.holds" : "report.fails")) },
    { title: t("report.found"), cell: (c: Check) => h("span", { lang: "en" }, words(c.detail)) },
  ];
  return card("report-title", t("report.title"), h("p", {}, t("report.note")), table(t("report.title"), columns, checks));
}

export function notProvenCard(sentences: readonly string[]): HTMLElement {
  return card("unproven-title", t("unproven.title"), h("ul", { lang: "en" }, ...sentences.map((text) => h("li", {}, words(text)))));
}

/** Where the files are, and the commands that verify them. */
export function filesCard(id: string, address: string): HTMLElement {
  const base = `/v1/attestations/${id}`;
  const link = (href: string, text: string, name: string) => h("li", {}, h("a", { href }, text), " ", h("code", {}, name));
  const list = h(
    "ul", {},
    link(`${base}/bundle.zip`, t("files.bundle"), "bundle.zip"),
    link(`${base}/log-proof`, t("files.log"), "attestation.tlog-proof"),
    link(`${base}/statement`, t("files.statement"), "statement.json"),
    link(`${base}/jws`, t("files.jws"), "attestation.jws"),
    link(`/a/${id}`, t("files.page"), `/a/${id.slice(0, 12)}…`),
  );
  const commands = [
    `curl -sSfo bundle.zip ${address}${base}/bundle.zip`,
    `curl -sSfo attestation.tlog-proof ${address}${base}/log-proof`,
    "assay-verify bundle.zip --jwks keys.json",
    "assay-verify bundle.zip --log-policy policy.txt --log-proof attestation.tlog-proof",
  ];
  return card("files-title", t("files.title"), list, h("p", {}, t("files.verify")), h("pre", { tabindex: "0" }, h("code", {}, commands.join("\n"))));
}
