// Names in a statement: which are allowed, when two are too much alike, domains, legal entity identifiers, instants.

const INVISIBLE =
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/u;
const CONTROL = /\p{Cc}/u;

export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

/** Whether the text is a symbol or another name: 1 to `most` visible bytes without space at the ends. */
export function isName(text: string, most = 64): boolean {
  const length = byteLength(text);
  return length >= 1 && length <= most && !CONTROL.test(text) && !INVISIBLE.test(text) && text.trim() === text;
}

const TWINS = new Map(
  [..."АВСЕНІЈКМОРЅТХУасеіјорѕхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"].map((c, k) => [c, [..."ABCEHIJKMOPSTXYaceijopsxyABEZHIKMNOPTYXo"][k] as string]),
);

/** Without case, padding and compatibility forms. Upper case first: it maps ß and both sigmas to what their capital reads as. */
function fold(name: string): string {
  return name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC").trim();
}

/** The form in which symbols are compared: two that look the same are one. Capitals have the most twins. */
export function symbolKey(symbol: string): string {
  const capitals = [...fold(symbol).toUpperCase()];
  return fold(capitals.map((c) => TWINS.get(c) ?? c).join(""));
}

export function isDomain(text: string): boolean {
  return text.length <= 253 && text.split(".").every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
}

/** A legal entity identifier with its check digits (ISO 17442). */
export function isLei(text: string): boolean {
  if (!/^[A-Z0-9]{18}[0-9]{2}$/.test(text)) return false;
  return BigInt([...text].map((c) => parseInt(c, 36)).join("")) % 97n === 1n;
}

/** An instant in its one spelling: RFC 3339 in UTC, to the microsecond at most. */
export function isInstant(text: string): boolean {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{0,5}[1-9])?Z$/.exec(text);
  if (!parts) return false;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [number, number, number, number, number, number];
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return day >= 1 && day <= days && hour < 24 && minute < 60 && second < 60;
}

/** The characters of a text, each with whether it is hidden: nobody sees it, or it is a third combining mark on a letter. */
function* characters(text: string): Generator<[string, boolean]> {
  let marksLeft = 0;
  for (const c of text) {
    const mark = /\p{M}/u.test(c);
    yield [c, INVISIBLE.test(c) || (mark ? marksLeft === 0 : c !== " " && /[\p{C}\p{Z}\uff9e\uff9f]/u.test(c))];
    marksLeft = mark ? Math.max(0, marksLeft - 1) : /[\p{L}\p{N}]/u.test(c) ? 2 : 0;
  }
}

/** Whether everything in the text can be seen. */
export function isReadable(text: string): boolean {
  for (const [, hidden] of characters(text)) if (hidden) return false;
  return true;
}

/** Text that may come from an adversary, with everything hidden spelled out, at most 400 characters. */
export function visible(text: string): string {
  const shown: string[] = [];
  for (const [c, hidden] of characters(text)) {
    if (shown.length === 400) return `${shown.join("")}…`;
    shown.push(hidden ? `U+${(c.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")}` : c);
  }
  return shown.join("");
}
