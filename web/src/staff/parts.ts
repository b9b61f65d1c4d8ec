// Parts that both pages have: values, names with values, tables on several pages, messages.

import { formatInstant, formatUnits } from "../amounts.ts";
import { button, code, h } from "../dom.ts";
import { isShortest, parseShortest } from "../decimal.ts";
import { visible } from "../names.ts";
import { locale } from "../sentences.ts";
import { ApiError } from "./api.ts";
import { nodes, t, type TextId } from "./text.ts";

type Content = string | Node;

/** An exchange's own words, which look unlike the page's. */
export function words(text: string): HTMLElement {
  return h("bdi", { class: "value" }, visible(text));
}

export function card(id: string, title: string, ...content: Content[]): HTMLElement {
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id, tabindex: "-1" }, title), ...content);
}

export function badge(kind: "good" | "bad" | "plain", text: string): HTMLElement {
  return h("span", { class: `badge ${kind}` }, text);
}

/** Names and values. */
export function facts(pairs: readonly [string, Content][]): HTMLElement {
  return h("dl", {}, ...pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export function count(value: bigint | number): string {
  return formatUnits(BigInt(value), 0, locale());
}

/** A decimal of the service with separators; anything else as it is written. */
export function decimal(text: string): string {
  if (!isShortest(text)) return visible(text);
  const { digits, decimals } = parseShortest(text);
  return formatUnits(digits, decimals, locale());
}

/** Hundredths of a percent. */
export function percent(bps: bigint): string {
  return `${formatUnits(bps, 2, locale())} %`;
}

/** An instant in UTC. */
export function instant(text: string): Content {
  if (Number.isNaN(Date.parse(text))) return words(text);
  return h("time", { datetime: text }, formatInstant(text, locale()).utc);
}

export interface Column<T> {
  title: string;
  cell: (row: T) => Content;
  isNumber?: boolean;
}

/** Rows of a table that are shown at once. */
const ROWS = 50;

/** A table, cut into pages; the first column names the row. */
export function table<T>(caption: string, columns: readonly Column<T>[], rows: readonly T[]): HTMLElement {
  const body = h("tbody");
  const range = h("p", { class: "muted", role: "status" });
  const back = button(t("table.back"), "quiet", () => turn(-ROWS));
  const more = button(t("table.more"), "quiet", () => turn(ROWS));
  let first = 0;
  function turn(by: number): void {
    if (first + by >= 0 && first + by < rows.length) show(first + by);
  }
  function show(from: number): void {
    first = from;
    const last = Math.min(first + ROWS, rows.length);
    body.replaceChildren(...rows.slice(first, last).map((row) => h("tr", {}, ...columns.map((column, k) => cell(column, row, k)))));
    range.textContent = t("table.range", { from: count(first + 1), to: count(last), all: count(rows.length) });
    // a button that is pressed keeps the focus, even where it has nothing more to do
    back.setAttribute("aria-disabled", String(first === 0));
    more.setAttribute("aria-disabled", String(last === rows.length));
  }
  const cell = (column: Column<T>, row: T, k: number) => {
    const kind = column.isNumber ? "number" : undefined;
    return k === 0 ? h("th", { scope: "row", class: kind }, column.cell(row)) : h("td", { class: kind }, column.cell(row));
  };
  const head = columns.map((column) => h("th", { scope: "col", class: column.isNumber ? "number" : undefined }, column.title));
  const element = h("table", {}, h("caption", { class: "visually-hidden" }, caption), h("thead", {}, h("tr", {}, ...head)), body);
  const scroll = h("div", { class: "scroll", role: "group", tabindex: "0", "aria-label": caption }, element);
  show(0);
  if (rows.length <= ROWS) return h("div", {}, scroll);
  return h("div", {}, scroll, range, h("p", { class: "actions" }, back, more));
}

/** A place for messages that screen readers read aloud as they change. */
export function messages(id: string): HTMLElement {
  return h("div", { id, role: "status", tabindex: "-1" });
}

export function say(place: HTMLElement, ...content: Content[]): void {
  place.replaceChildren(...(content.length > 0 ? [h("p", { class: "notice" }, ...content)] : []));
}

/** What a failed request means here, and the service's own sentence. */
export function failureText(error: ApiError, page: "operator" | "regulator"): Content[] {
  const known: Record<number, TextId> = {
    0: "error.unreachable", 401: "error.token", 403: `error.scope.${page}`, 404: `error.missing.${page}`, 409: "error.conflict", 429: "error.busy", 503: "error.busy",
  };
  const id = known[error.status] ?? "error.other";
  const wait = error.waitS > 0 ? [" ", t("error.wait", { seconds: count(error.waitS) })] : [];
  const detail = error.detail === "" ? [] : [" ", ...nodes("error.detail", { detail: h("span", { lang: "en" }, code(visible(error.detail))) })];
  return [t(id, { status: String(error.status) }), ...wait, ...detail];
}
