// The sentences of the page, by language.

import de from "../text/de.json";
import en from "../text/en.json";

export type TextId = keyof typeof en;
export type Language = "en" | "de";

const TEXTS: Record<Language, Record<TextId, string>> = { en, de };
let current: Language = "en";

export function language(): Language {
  return current;
}

/** How numbers and dates are written: as in the reader's own region, where it has the page's language. */
export function locale(): string {
  return navigator.languages.find((tag) => tag.toLowerCase().startsWith(current)) ?? current;
}

export function setLanguage(next: Language): void {
  current = next;
}

/** The language that the address asks for, or else the browser. */
export function preferredLanguage(search: string, browser: readonly string[]): Language {
  const asked = new URLSearchParams(search).get("lang") ?? browser[0] ?? "en";
  return asked.toLowerCase().startsWith("de") ? "de" : "en";
}

/** The sentence, cut where a value belongs: texts at even places, names of values at odd ones. */
function pieces(id: TextId): string[] {
  return TEXTS[current][id].split(/\{([a-z]+)\}/);
}

export function t(id: TextId, values: Record<string, string> = {}): string {
  return pieces(id).map((piece, k) => (k % 2 === 0 ? piece : (values[piece] ?? ""))).join("");
}

/** As `t`, with elements in the place of values. */
export function nodes(id: TextId, values: Record<string, string | Node>): (string | Node)[] {
  return pieces(id).map((piece, k) => (k % 2 === 0 ? piece : (values[piece] ?? "")));
}
