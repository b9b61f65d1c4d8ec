// Reserve lines on /regulator: the lines of an asset or of all, the file to keep, and a sample by a seed.

import { button, code, h } from "../dom.ts";
import { visible } from "../names.ts";
import type { Disclosure, Field, Line } from "./disclosure.ts";
import { card, count, messages, say, table, words, type Column } from "./parts.ts";
import { drawn, randomSeed, readSeed } from "./sample.ts";
import { nodes, t } from "./text.ts";

const SHOWN: readonly Field[] = ["asset", "chain", "address", "amount", "height", "token", "kind", "message", "signature", "key"];
const DEFAULT_SAMPLE = 20;
const MAX_SAMPLE = 1000;

/** What was disclosed, with the bytes that are saved. */
export interface Disclosed {
  disclosure: Disclosure;
  bytes: Uint8Array;
  /** The asset that was asked for. */
  asset: string | undefined;
}

/** Card of the lines: a choice of assets, then what was disclosed. `load` fetches, and gives the sentence of a failure. */
export function linesCard(assets: readonly string[], all: bigint, load: (asset: string | undefined) => Promise<Disclosed | (string | Node)[] | undefined>): HTMLElement {
  const place = h("div", { id: "lines" });
  const notices = messages("lines-notices");
  const select = h("select", { id: "asset" }, h("option", { value: "" }, t("lines.every")), ...assets.map((asset, k) => h("option", { value: String(k) }, visible(asset))));
  const form = h(
    "form", { class: "field" },
    h("label", { for: "asset" }, t("lines.asset")),
    h("div", { class: "row" }, select, h("button", { type: "submit", class: "primary" }, t("lines.load"))),
  );
  let turn = 0;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const mine = ++turn;
    place.replaceChildren();
    say(notices, t("lines.loading"));
    const found = await load(select.value === "" ? undefined : assets[Number(select.value)]);
    if (mine !== turn || found === undefined) return;
    if (Array.isArray(found)) return say(notices, ...found);
    say(notices);
    place.replaceChildren(...disclosed(found));
    document.getElementById("lines-found")?.focus();
  });
  return card("lines-title", t("lines.title"), h("p", {}, t("lines.lead", { all: count(all) })), form, notices, place);
}

function disclosed(found: Disclosed): HTMLElement[] {
  const { lines, attestation, lineCount } = found.disclosure;
  const name = `reserves-${attestation.slice(0, 12)}.json`;
  const lead = t(found.disclosure.complete ? "lines.found.complete" : "lines.found", { lines: count(lines.length), all: count(lineCount) });
  return [
    h("h3", { id: "lines-found", tabindex: "-1" }, lead),
    h("p", { class: "actions" }, button(t("lines.save"), "quiet", () => save(found.bytes, name))),
    h("p", {}, t("lines.verify")),
    h("pre", { tabindex: "0" }, h("code", {}, `assay-verify bundle.zip --reserves ${name}`)),
    lineTable(t("lines.title"), lines),
    sample(found),
  ];
}

function lineTable(caption: string, lines: readonly Line[]): HTMLElement {
  const columns: Column<Line>[] = [{ title: t("lines.index"), cell: (line) => count(line.index), isNumber: true }];
  // a column that no line fills takes place from the others
  for (const field of SHOWN.filter((name) => lines.some(({ fields }) => fields[name] !== ""))) {
    columns.push({ title: t(`field.${field}`), cell: ({ fields }) => (fields[field] === "" ? "" : words(fields[field])), isNumber: field === "amount" || field === "height" });
  }
  return table(caption, columns, lines);
}

/** A sample of the disclosed lines, the same for everybody with the same seed. */
function sample({ disclosure, asset }: Disclosed): HTMLElement {
  const seed = h("input", { id: "seed", type: "text", autocomplete: "off", spellcheck: "false", "aria-describedby": "seed-hint" });
  const size = h("input", { id: "size", type: "text", inputmode: "numeric", autocomplete: "off", value: String(DEFAULT_SAMPLE) });
  const place = h("div", { id: "sample" });
  const notices = messages("sample-notices");
  const random = button(t("sample.random"), "quiet", () => {
    seed.value = randomSeed();
    seed.focus();
  });
  const form = h(
    "form", { class: "field" },
    h("label", { for: "seed" }, t("sample.seed")),
    h("div", { class: "row" }, seed, random),
    h("p", { class: "muted", id: "seed-hint" }, t("sample.hint")),
    h("label", { for: "size" }, t("sample.size")),
    h("div", { class: "row" }, size, h("button", { type: "submit", class: "primary" }, t("sample.draw"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    place.replaceChildren();
    const text = readSeed(seed.value);
    if (text === undefined) return say(notices, t("sample.seed.wrong"));
    const wanted = /^[1-9][0-9]{0,3}$/.test(size.value.trim()) ? Number(size.value.trim()) : 0;
    if (wanted < 1 || wanted > MAX_SAMPLE) return say(notices, t("sample.size.wrong", { most: count(MAX_SAMPLE) }));
    const byIndex = new Map(disclosure.lines.map((line) => [line.index, line]));
    const chosen = drawn(text, [...byIndex.keys()], wanted).map((index) => byIndex.get(index) as Line);
    const of = asset === undefined ? t("lines.every") : words(asset);
    say(notices, ...nodes("sample.drawn", { lines: count(chosen.length), all: count(disclosure.lines.length), seed: code(text), asset: of }));
    place.replaceChildren(lineTable(t("sample.title"), chosen));
  });
  return h("div", {}, h("h3", { id: "sample-title" }, t("sample.title")), h("p", {}, t("sample.rule")), form, notices, place);
}

function save(bytes: Uint8Array, name: string): void {
  const link = h("a", { href: URL.createObjectURL(new Blob([bytes as BlobPart], { type: "application/json" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
