// The sentences of the pages for operators and regulators, by language.

import de from "../../text/staff/de.json";
import en from "../../text/staff/en.json";
import { speak } from "../sentences.ts";

export type TextId = keyof typeof en;

export const { t, nodes } = speak<TextId>({ en, de });
