// The sentences of the check page, by language.

import de from "../text/de.json";
import en from "../text/en.json";
import { speak, type Language } from "./sentences.ts";

export { language, locale, setLanguage, type Language } from "./sentences.ts";

export type TextId = keyof typeof en;

/** The language that the address asks for, or else the browser. */
export function preferredLanguage(search: string, browser: readonly string[]): Language {
  const asked = new URLSearchParams(search).get("lang") ?? browser[0] ?? "en";
  return asked.toLowerCase().startsWith("de") ? "de" : "en";
}

export const { t, nodes } = speak<TextId>({ en, de });
