// /regulator: the attestations of a service, and everything that an auditor may see of one.

import { button, h } from "../dom.ts";
import { attempt } from "../refusal.ts";
import { isDomain, visible } from "../names.ts";
import { accessCard } from "./access.ts";
import { ApiError, fetchBytes, fetchObject } from "./api.ts";
import { readAssets, readCompliance, readReserves, readSummary, type Summary } from "./compliance.ts";
import { coverageCard, filesCard, limitsCard, measuresCard, notProvenCard, policyCard, reportCard, reservesCard, summaryFacts, verificationsCard } from "./compliance_view.ts";
import { MAX_DISCLOSURE_BYTES, readDisclosure } from "./disclosure.ts";
import { linesCard } from "./lines_view.ts";
import { badge, card, failureText, instant, messages, say, table, words } from "./parts.ts";
import { t } from "./text.ts";
import { seemsToken, token } from "./token.ts";

const MAX_LIST_BYTES = 4 << 20;
const MAX_COMPLIANCE_BYTES = 32 << 20;
const MAX_STATEMENT_BYTES = 8 << 20;
const LISTED = 20;
const isId = (text: string) => /^[0-9a-f]{64}$/.test(text);

/** The page's parts. */
export function regulator(address: string): HTMLElement[] {
  const notices = messages("notices");
  const list = h("div", { id: "list" });
  const place = h("div", { id: "attestation" });
  const input = h("input", { id: "which", type: "text", autocomplete: "off", spellcheck: "false", "aria-describedby": "which-hint which-wrong" });
  const wrong = messages("which-wrong");
  let running: AbortController | undefined;

  /** Stops what is going on, and takes everything that was shown away. */
  function stop(): AbortController {
    running?.abort();
    running = new AbortController();
    place.replaceChildren();
    list.replaceChildren();
    say(notices);
    say(wrong);
    return running;
  }

  /** Runs `work`; a request that fails is told. */
  async function guarded(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = stop();
    try {
      await work(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      say(notices, ...failureText(error, "regulator"));
    }
  }

  /** Shows what the address names: an attestation, or the list, of one exchange or all. */
  async function show(): Promise<void> {
    const named = new URLSearchParams(location.hash.slice(1));
    const id = named.get("id");
    const domain = named.get("exchange");
    input.value = id ?? domain ?? "";
    const bearer = token("regulator");
    if (bearer === undefined) {
      stop();
      if (id !== null || domain !== null) say(notices, t("token.needed"));
      return;
    }
    if (id !== null && !isId(id)) return stop(), say(notices, t("which.wrong"));
    if (domain !== null && !isDomain(domain)) return stop(), say(notices, t("which.wrong"));
    if (id === null) await guarded((signal) => showList(domain, signal));
    else await guarded((signal) => showOne(id, bearer, signal));
  }

  async function showList(domain: string | null, signal: AbortSignal): Promise<void> {
    say(notices, t("loading"));
    const query = new URLSearchParams({ limit: String(LISTED), ...(domain === null ? {} : { exchange: domain }) });
    const found = await fetchObject(`/v1/attestations?${query}`, MAX_LIST_BYTES, (m) => m.objects("attestations", "attestation", readSummary), { signal });
    if (signal.aborted) return;
    say(notices);
    const columns = [
      { title: t("about.exchange"), cell: (s: Summary) => h("span", {}, words(s.name), " ", words(s.domain)) },
      { title: t("about.taken"), cell: (s: Summary) => instant(s.takenAt) },
      { title: t("about.snapshot"), cell: (s: Summary) => words(s.snapshot) },
      { title: t("about.policy"), cell: (s: Summary) => badge(s.valid ? "good" : "bad", t(s.valid ? "about.valid" : "about.invalid")) },
      { title: t("list.open"), cell: (s: Summary) => opener(s) },
    ];
    const body = found.length === 0 ? h("p", {}, t("list.none")) : table(t("list.title"), columns, found);
    list.replaceChildren(card("list-title", t("list.title"), h("p", { class: "muted" }, t("list.lead", { most: String(LISTED) })), body));
  }

  function opener(summary: Summary): HTMLElement {
    const open = button(t("list.show"), "quiet", () => go({ id: summary.id }));
    open.setAttribute("aria-label", t("list.show.one", { snapshot: visible(summary.snapshot), exchange: visible(summary.domain) }));
    return open;
  }

  async function showOne(id: string, bearer: string, signal: AbortSignal): Promise<void> {
    say(notices, t("loading"));
    const base = `/v1/attestations/${id}`;
    // what is public is asked for without the token
    const [compliance, assets, statement] = await Promise.all([
      fetchObject(`/v1/compliance/${id}`, MAX_COMPLIANCE_BYTES, (m) => readCompliance(m, id), { token: bearer, signal }),
      fetchObject(base, MAX_COMPLIANCE_BYTES, (m) => readAssets(m, id), { signal }),
      fetchBytes(`${base}/statement`, MAX_STATEMENT_BYTES, { signal }),
    ]);
    if (signal.aborted) return;
    const reserves = attempt(() => readReserves(statement, id));
    if (!reserves.ok) throw new ApiError(200, reserves.reason, 0);
    say(notices);
    const held = reserves.value.assets.filter((asset) => asset.reserves > 0n).map((asset) => asset.symbol);
    const lines = reserves.value.lines === 0n ? "" : linesCard(held, reserves.value.lines, (asset) => loadLines(id, bearer, asset, signal));
    place.replaceChildren(
      card("about-title", t("about.title"), summaryFacts(compliance.attestation)),
      policyCard(compliance, reserves.value.ownedBps),
      coverageCard(assets, compliance.policy.coverageBps),
      measuresCard(compliance.measures),
      limitsCard(compliance),
      reservesCard(reserves.value),
      lines,
      verificationsCard(compliance),
      reportCard(compliance.checks),
      notProvenCard(compliance.notProven),
      filesCard(id, address),
    );
    document.getElementById("about-title")?.focus();
  }

  async function loadLines(id: string, bearer: string, asset: string | undefined, signal: AbortSignal) {
    const query = asset === undefined ? "" : `?${new URLSearchParams({ asset })}`;
    try {
      const bytes = await fetchBytes(`/v1/reserves/${id}${query}`, MAX_DISCLOSURE_BYTES, { token: bearer, signal });
      const read = attempt(() => readDisclosure(bytes, id));
      if (signal.aborted) return undefined;
      return read.ok ? { disclosure: read.value, bytes, asset } : failureText(new ApiError(200, read.reason, 0), "regulator");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return signal.aborted ? undefined : failureText(error, "regulator");
    }
  }

  /** Goes to an address of this page. */
  function go(named: Record<string, string>): void {
    const hash = Object.keys(named).length === 0 ? "" : `#${new URLSearchParams(named)}`;
    // the same again is no new address
    if (location.hash === hash) void show();
    else location.hash = hash;
  }

  const form = h(
    "form", { class: "card" },
    h("div", { class: "field" },
      h("label", { for: "which" }, t("which.label")),
      h("div", { class: "row" }, input, h("button", { type: "submit", class: "primary" }, t("which.show"))),
      h("p", { class: "muted", id: "which-hint" }, t("which.hint")), wrong),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = input.value.trim().toLowerCase();
    if (typed === "") go({});
    else if (isId(typed)) go({ id: typed });
    // an address stays in the history: what is neither, perhaps a token, never becomes a part of it
    else if (isDomain(typed) && !seemsToken(input.value)) go({ exchange: typed });
    else stop(), say(wrong, t("which.wrong"), " ", t("field.kept"));
  });
  window.addEventListener("hashchange", () => void show());
  const access = accessCard("regulator", () => void show());
  void show();
  return [access, form, notices, list, place];
}
