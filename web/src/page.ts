// The page: takes files, runs the check step by step, and shows what it found. It keeps everything in memory.

import { check, verdictOf, type Findings, type Step } from "./check.ts";
import { button, code, h } from "./dom.ts";
import { readFragment, readBlock, fetchAttestation, fetchInclusion, FetchError, sendAnswer, type Attestation } from "./source.ts";
import { attempt } from "./refusal.ts";
import { savePage } from "./save.ts";
import { intake, type Given, type Notice } from "./intake.ts";
import { readInclusion } from "./inclusion.ts";
import { language, nodes, preferredLanguage, setLanguage, t, type TextId } from "./text.ts";
import { balances, limits, sentence, signer, standing, stepItem, verdictTitle, type Outcome } from "./view.ts";
import { visible } from "./names.ts";

interface Run {
  steps: Step[];
  found: Findings;
  done: boolean;
}

const state = {
  given: {} as Given,
  /** The attestation of this page or of the link. */
  attestation: undefined as Attestation | undefined,
  fromPage: false,
  id: undefined as string | undefined,
  token: undefined as string | undefined,
  account: "",
  notices: [] as Notice[],
  run: undefined as Run | undefined,
  answer: undefined as "yes" | "no" | undefined,
  compared: undefined as { text: string; same: boolean } | undefined,
  loading: false,
};

const offline = document.documentElement.dataset["mode"] === "offline";
/** The page as it was delivered; a saved copy is made from it. */
const delivered = `<!DOCTYPE html>\n${document.documentElement.outerHTML}\n`;
/** Time between two steps, so that a person can follow. */
const PACE_MS = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 90;
let turn = 0;

function start(): void {
  const hash = location.hash;
  if (hash.length > 1) forgetFragment();
  setLanguage(preferredLanguage(location.search, navigator.languages));
  const block = document.getElementById("attestation")?.textContent;
  if (block) {
    const read = attempt(() => readBlock(block));
    if (read.ok) Object.assign(state, { attestation: read.value, fromPage: true, id: read.value.id });
    else state.notices.push({ id: "block.broken", values: { reason: read.reason } });
  }
  render();
  listen();
  if (!offline && hash.includes("=")) void open(hash);
}

/** Takes the fragment out of address and history. */
function forgetFragment(): void {
  try {
    history.replaceState(null, "", location.pathname + location.search);
  } catch {
    // some browsers refuse this for files, where no link with a token leads
    location.hash = "";
  }
}

/** Fetches what the link names. */
async function open(hash: string): Promise<void> {
  const link = readFragment(hash);
  if (!link) return tell("fragment.broken");
  state.id = link.id;
  state.token = link.token;
  await load(link.id, async () => {
    const [inclusion, attestation] = await Promise.all([fetchInclusion(link.id, link.token), fetchAttestation(link.id)]);
    return () => {
      state.given.inclusion = inclusion;
      state.attestation = attestation;
    };
  });
}

/** Fetches something and goes on with it, unless the reader has begun something else meanwhile. */
async function load(id: string, work: () => Promise<() => void>): Promise<void> {
  const mine = ++turn;
  state.loading = true;
  render();
  try {
    const keep = await work();
    if (mine !== turn) return;
    keep();
    state.loading = false;
    await ready();
  } catch (error) {
    if (mine !== turn) return;
    state.loading = false;
    if (!(error instanceof FetchError)) throw error;
    tell(`fetch.${error.problem}`, { id, status: error.status });
  }
}

function tell(id: TextId, values: Record<string, string> = {}): void {
  state.notices.push({ id, values });
  render();
  document.getElementById("notices")?.focus();
}

/** Takes files that were chosen, dropped or pasted. */
async function take(files: readonly File[]): Promise<void> {
  const mine = ++turn;
  const { given, notices } = await intake(files);
  if (mine !== turn) return;
  state.loading = false;
  Object.assign(state.given, given);
  if (given.inclusion) {
    Object.assign(state, { answer: undefined, compared: undefined });
    // another file may be of another attestation than the last file or the link
    if (!state.fromPage) Object.assign(state, { attestation: undefined, id: undefined, token: undefined });
  }
  state.notices = notices;
  await ready();
  if (notices.length > 0) document.getElementById("notices")?.focus();
}

/** Runs the check once everything is there; fetches or asks for what is not. */
async function ready(): Promise<void> {
  const { inclusion, statement } = state.given;
  if (!inclusion) {
    if (statement || state.attestation) state.notices.push({ id: "needed.inclusion", values: {} });
    return render();
  }
  if (statement || state.attestation?.statement) return await runCheck();
  const file = attempt(() => readInclusion(inclusion));
  const id = file.ok && /^[0-9a-f]{64}$/.test(file.value.statementDigest) ? file.value.statementDigest : undefined;
  if (offline || id === undefined) {
    state.notices.push({ id: "needed.statement", values: {} });
    return render();
  }
  await load(id, async () => {
    const attestation = await fetchAttestation(id);
    return () => {
      state.attestation = attestation;
    };
  });
}

async function runCheck(): Promise<void> {
  const { given, attestation, account } = state;
  const statement = given.statement ?? attestation?.statement;
  if (!given.inclusion || !statement) return;
  const mine = ++turn;
  const run: Run = { steps: [], found: {}, done: false };
  Object.assign(state, { run, answer: undefined, compared: undefined });
  render();
  const input = {
    inclusion: given.inclusion,
    statement,
    id: given.statement ? undefined : state.id,
    account: account === "" ? undefined : account,
    jws: given.jws ?? attestation?.jws,
    jwks: given.jwks ?? attestation?.jwks,
    signatures: given.signatures ?? attestation?.signatures,
    policy: given.policy,
  };
  for (const step of check(input, run.found)) {
    // a later run has taken over
    if (mine !== turn) return;
    run.steps.push(step);
    document.getElementById("steps")?.append(stepItem(step));
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
  if (mine !== turn) return;
  run.done = true;
  render();
  const title = document.getElementById("verdict");
  title?.focus();
  title?.scrollIntoView({ block: "start" });
}

function reset(): void {
  turn++;
  state.given = {};
  if (!state.fromPage) Object.assign(state, { attestation: undefined, id: undefined, token: undefined });
  Object.assign(state, { account: "", notices: [], run: undefined, answer: undefined, compared: undefined, loading: false });
  render();
  document.getElementById("account")?.focus();
}

function answer(given: "yes" | "no"): void {
  state.answer = given;
  render();
  document.getElementById("verdict")?.focus();
  const { token, id } = state;
  if (offline || token === undefined || id === undefined) return;
  void sendAnswer(id, token, given === "yes").then((sent) => {
    const line = document.getElementById("sent");
    if (line) line.textContent = t(sent ? "answer.sent" : "answer.unsent");
  });
}

function compare(text: string): void {
  const known = state.run?.found.signers?.known ?? [];
  state.compared = text === "" ? undefined : { text, same: known.some((key) => key.thumbprint === text) };
  render();
  document.getElementById("key")?.focus();
}

function listen(): void {
  // a link that is opened in a page that is there already
  window.addEventListener("hashchange", () => {
    const hash = location.hash;
    if (hash.length <= 1) return;
    forgetFragment();
    if (offline || !hash.includes("=")) return;
    reset();
    void open(hash);
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.getElementById("drop")?.classList.add("over");
  });
  document.addEventListener("dragleave", () => document.getElementById("drop")?.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.getElementById("drop")?.classList.remove("over");
    void take([...(event.dataTransfer?.files ?? [])]);
  });
  document.addEventListener("paste", (event) => {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) void take(files);
    else if (text !== "") void take([pasted(text)]);
  });
}

function pasted(text: string): File {
  return new File([text], t("paste.name"));
}

/** Shows the whole state anew. */
function render(): void {
  document.documentElement.lang = language();
  document.title = t("page.title");
  const other = button(t("language.other"), "quiet", () => {
    setLanguage(language() === "en" ? "de" : "en");
    render();
    document.getElementById("language")?.focus();
  });
  other.id = "language";
  other.lang = language() === "en" ? "de" : "en";
  const menu = document.getElementById("menu");
  menu?.setAttribute("aria-label", t("language.menu"));
  menu?.replaceChildren(other);
  document.getElementById("foot")?.replaceChildren(t("page.footer"));
  const { run } = state;
  const parts = run ? [intro(), notices(), result(run), form()] : [intro(), notices(), form()];
  document.getElementById("check")?.replaceChildren(...parts);
}

function intro(): HTMLElement {
  const safe = h("p", { class: "muted" }, t("page.private"), offline ? ` ${t("page.offline")}` : "");
  return h("div", { class: "intro" }, h("h1", {}, t("page.heading")), h("p", { class: "lead" }, t("page.lead")), safe);
}

function notices(): HTMLElement {
  const lines = state.notices.map(({ id, values }) => h("p", { class: "notice" }, ...nodes(id, shown(values))));
  if (state.loading) lines.push(h("p", { class: "notice" }, t("run.loading")));
  return h("div", { id: "notices", role: "status", tabindex: "-1" }, ...lines);
}

function shown(values: Record<string, string>): Record<string, Node> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, code(visible(value))]));
}

function form(): HTMLElement {
  const typed = { type: "text", autocomplete: "off", spellcheck: "false", value: state.account };
  const account = h("input", { id: "account", "aria-describedby": "account-hint", ...typed });
  account.addEventListener("input", () => {
    state.account = account.value.trim();
  });
  const file = h("input", { id: "file", type: "file", multiple: true, class: "visually-hidden", "aria-describedby": "drop-hint" });
  file.addEventListener("change", () => {
    void take([...(file.files ?? [])]);
    file.value = "";
  });
  const label = h("label", { for: "file", class: "primary" }, t("drop.choose"));
  const hint = h("p", { class: "muted", id: "drop-hint" }, t(offline && !state.fromPage ? "drop.hint.offline" : "drop.hint"));
  const choose = h("p", {}, file, label, h("span", { class: "or" }, t("drop.or")));
  const drop = h("div", { id: "drop", class: "drop" }, h("h2", {}, t("drop.heading")), choose, hint, filesGiven());
  const text = h("textarea", { id: "paste", rows: "4", spellcheck: "false" });
  const use = h("p", {}, button(t("paste.use"), "quiet", () => void take([pasted(text.value)])));
  const paste = h("details", {}, h("summary", {}, t("paste.summary")), h("label", { for: "paste" }, t("paste.label")), text, use);
  const about = h("p", { class: "muted", id: "account-hint" }, t("account.hint"));
  const field = h("div", { class: "field" }, h("label", { for: "account" }, t("account.label")), account, about);
  const heading = state.run && h("h2", { id: "form-title" }, t("run.heading"));
  // files are taken as they come: there is nothing to send until a check is to be made again
  if (!state.run?.done) return h("div", { class: "card" }, heading, field, drop, paste);
  const again = h("p", { class: "actions" }, h("button", { type: "submit", class: "quiet" }, t("run.button")));
  const element = h("form", { class: "card" }, heading, field, drop, paste, again);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    void ready();
  });
  return element;
}

/** Which files are there, where more than one is needed. */
function filesGiven(): HTMLElement | string {
  const own = Object.keys(state.given).length > 0 || state.attestation !== undefined;
  if (!own) return "";
  const names = ["inclusion", "statement", "jws", "jwks", "signatures", ...(state.given.policy ? (["policy"] as const) : [])] as const;
  const items = names.map((name) => {
    // the file with all signatures has those of the statement too
    const in_ = (files: Given) => files[name] ?? (name === "jws" ? files.signatures : undefined);
    const own = in_(state.given) !== undefined;
    // the reader's own file and trust come from nowhere else
    const page = state.attestation !== undefined && in_(state.attestation as Given) !== undefined;
    const word = own ? t("files.here") : page ? t(state.fromPage ? "files.page" : "files.service") : t("files.missing");
    return h("li", {}, t(`files.${name}`), " ", h("span", { class: `badge ${own || page ? "good" : "plain"}` }, word));
  });
  return h("ul", { class: "files" }, ...items);
}

function result(run: Run): HTMLElement {
  const list = h("ol", { id: "steps", class: "steps", "aria-live": "polite", "aria-relevant": "additions" }, ...run.steps.map(stepItem));
  const steps = h("section", { class: "card", "aria-labelledby": "steps-title" }, h("h2", { id: "steps-title" }, t("steps.title")), list);
  if (!run.done) return h("div", { class: "result" }, h("h2", { id: "verdict", class: "verdict plain", tabindex: "-1" }, t("verdict.running")), steps);
  const confirmed = state.answer === "yes";
  const objection = state.answer === "no" ? "not_mine" : state.compared?.same === false ? "other_key" : undefined;
  const outcome: Outcome = { verdict: verdictOf(run.steps, confirmed), steps: run.steps, found: run.found, objection };
  const parts: HTMLElement[] = [h("h2", { id: "verdict", class: `verdict ${standing(outcome)}`, tabindex: "-1" }, verdictTitle(outcome))];
  if (run.found.holdings && outcome.verdict !== "failed") {
    parts.push(balances(run.found, state.answer ? undefined : { yes: () => answer("yes"), no: () => answer("no") }));
  }
  parts.push(steps);
  if (outcome.verdict !== "failed") parts.push(signer(run.found, state.compared, compare));
  if (run.found.statement) parts.push(limits(run.found));
  parts.push(h("p", { id: "sentence", class: `sentence ${standing(outcome)}` }, ...sentence(outcome)));
  parts.push(h("p", { id: "sent", class: "muted", role: "status" }), actions(run));
  return h("div", { class: "result" }, ...parts);
}

function actions(run: Run): HTMLElement {
  const row = h("div", { class: "actions" });
  const { statement } = run.found;
  if (statement) {
    const { given, attestation } = state;
    const { digest: id, bytes } = statement;
    const [jws, jwks, signatures] = (["jws", "jwks", "signatures"] as const).map((name) => given[name] ?? attestation?.[name]);
    const saved = { id, statement: bytes, jws, jwks, signatures };
    const failed = () => tell("action.save.failed");
    row.append(button(t("action.save"), "quiet", () => void savePage(saved, offline ? delivered : undefined, failed)));
  }
  row.append(button(t("action.print"), "quiet", () => print()), button(t("action.again"), "quiet", reset));
  return h("div", {}, row, statement ? h("p", { class: "muted" }, t("action.save.hint")) : "");
}

start();
