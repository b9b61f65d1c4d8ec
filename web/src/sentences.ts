// Sentences by language. Each script has its own; the language is that of the whole page.

export type Language = "en" | "de";

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

/** The sentence of an id with values in it, as a text (`t`) or with elements in the place of values (`nodes`). */
export function speak<Id extends string>(texts: Record<Language, Record<Id, string>>) {
  /** The sentence, cut where a value belongs: texts at even places, names of values at odd ones. */
  const pieces = (id: Id): string[] => texts[current][id].split(/\{([a-z]+)\}/);
  const t = (id: Id, values: Record<string, string> = {}): string =>
    pieces(id).map((piece, k) => (k % 2 === 0 ? piece : (values[piece] ?? ""))).join("");
  const nodes = (id: Id, values: Record<string, string | Node>): (string | Node)[] =>
    pieces(id).map((piece, k) => (k % 2 === 0 ? piece : (values[piece] ?? "")));
  return { t, nodes };
}
