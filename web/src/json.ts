// A strict JSON reader: it refuses an object with one name twice, keeps whole numbers exact, and refuses what RFC 8259 does not allow.

import { utf8Text } from "./bytes.ts";
import { refuse } from "./refusal.ts";

export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject;
export type JsonObject = Map<string, Json>;

/** A number as it is written. */
export class JsonNumber {
  constructor(readonly text: string) {}

  /** Its value, if it is written as a whole number. */
  get whole(): bigint | undefined {
    return /^(0|[1-9][0-9]*)$/.test(this.text) ? BigInt(this.text) : undefined;
  }
}

const MAX_DEPTH = 100;
const MAX_NUMBER = 400;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Record<string, string> = {
  '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t",
};

/** The one JSON value in `bytes`; `what` names them in a refusal. */
export function parseJson(bytes: Uint8Array, what: string): Json {
  return new Reader(utf8Text(bytes, what), what).document();
}

class Reader {
  private at = 0;
  private depth = 0;

  constructor(private readonly text: string, private readonly what: string) {}

  document(): Json {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) this.fail("something follows the end of the JSON value");
    return value;
  }

  private value(): Json {
    this.space();
    const c = this.text[this.at];
    if (c === "{") return this.nested(() => this.object());
    if (c === "[") return this.nested(() => this.array());
    if (c === '"') return this.string();
    for (const [word, value] of [["true", true], ["false", false], ["null", null]] as const) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    NUMBER.lastIndex = this.at;
    const number = NUMBER.exec(this.text)?.[0];
    if (number === undefined || number.length > MAX_NUMBER) return this.fail("a JSON value was expected");
    this.at += number.length;
    return new JsonNumber(number);
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) this.fail(`values are nested more than ${MAX_DEPTH} deep`);
    this.at++;
    const value = read();
    this.depth--;
    return value;
  }

  private object(): JsonObject {
    const object: JsonObject = new Map();
    this.space();
    if (this.take("}")) return object;
    do {
      this.space();
      if (this.text[this.at] !== '"') this.fail("a name was expected");
      const name = this.string();
      if (object.has(name)) this.fail(`the name ${JSON.stringify(name.slice(0, 80))} is given twice`);
      this.space();
      if (!this.take(":")) this.fail("a colon was expected");
      object.set(name, this.value());
      this.space();
    } while (this.take(","));
    if (!this.take("}")) this.fail("a comma or the end of an object was expected");
    return object;
  }

  private array(): Json[] {
    const array: Json[] = [];
    this.space();
    if (this.take("]")) return array;
    do {
      array.push(this.value());
      this.space();
    } while (this.take(","));
    if (!this.take("]")) this.fail("a comma or the end of a list was expected");
    return array;
  }

  private string(): string {
    this.at++;
    let read = "";
    for (;;) {
      PLAIN.lastIndex = this.at;
      const plain = PLAIN.exec(this.text)?.[0] ?? "";
      read += plain;
      this.at += plain.length;
      const c = this.text[this.at];
      if (c === '"') break;
      if (c !== "\\") this.fail("a text is not closed, or holds a control character");
      read += this.escape();
    }
    this.at++;
    return read;
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? "";
    const simple = ESCAPES[letter];
    if (letter !== "u" && simple !== undefined) {
      this.at += 2;
      return simple;
    }
    const unit = this.unit();
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const low = this.unit();
      if (low < 0xdc00 || low > 0xdfff) this.fail("half of a surrogate pair stands alone");
      return String.fromCharCode(unit, low);
    }
    if (unit >= 0xdc00 && unit <= 0xdfff) this.fail("half of a surrogate pair stands alone");
    return String.fromCharCode(unit);
  }

  private unit(): number {
    const digits = /^\\u([0-9a-fA-F]{4})$/.exec(this.text.slice(this.at, this.at + 6))?.[1];
    if (digits === undefined) return this.fail("an escape is not one of JSON");
    this.at += 6;
    return parseInt(digits, 16);
  }

  private take(c: string): boolean {
    if (this.text[this.at] !== c) return false;
    this.at++;
    return true;
  }

  private space(): void {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at++;
  }

  private fail(reason: string): never {
    return refuse(`${this.what} is not valid JSON: ${reason}, at character ${this.at + 1}`);
  }
}

/** Canonical JSON as in RFC 8785, for documents of texts, whole numbers, lists and objects. */
export function canonical(value: Json): string {
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof Map) {
    // JavaScript compares texts by their UTF-16 code units, which is the order that RFC 8785 asks for
    const names = [...value.keys()].sort((a, b) => (a < b ? -1 : 1));
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value.get(name) as Json)}`).join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  return JSON.stringify(value);
}
