// Typed reading of JSON objects: every member has its type, and a member that nobody asked for is refused.

import { JsonNumber, type Json, type JsonObject } from "./json.ts";
import { refuse } from "./refusal.ts";

const MAX_U64 = 2n ** 64n - 1n;

export class Members {
  private readonly left: Set<string>;

  constructor(private readonly object: JsonObject, readonly what: string) {
    this.left = new Set(object.keys());
  }

  static of(value: Json | undefined, what: string): Members {
    return value instanceof Map ? new Members(value, what) : refuse(`${what} is not a JSON object`);
  }

  has(name: string): boolean {
    return this.object.has(name);
  }

  private get(name: string): Json {
    this.left.delete(name);
    const value = this.object.get(name);
    return value === undefined ? refuse(`${this.what} has no member "${name}"`) : value;
  }

  text(name: string): string {
    const value = this.get(name);
    return typeof value === "string" ? value : refuse(`${this.what}: "${name}" is not a text`);
  }

  /** A whole number from 0 to `max`. */
  number(name: string, max: bigint = MAX_U64): bigint {
    const value = this.get(name);
    const whole = value instanceof JsonNumber ? value.whole : undefined;
    return whole !== undefined && whole <= max
      ? whole
      : refuse(`${this.what}: "${name}" is not a whole number from 0 to ${max}`);
  }

  list(name: string): Json[] {
    const value = this.get(name);
    return Array.isArray(value) ? value : refuse(`${this.what}: "${name}" is not a list`);
  }

  texts(name: string): string[] {
    return this.list(name).map((item) =>
      typeof item === "string" ? item : refuse(`${this.what}: "${name}" holds something that is not a text`),
    );
  }

  object_(name: string, what: string): Members {
    return Members.of(this.get(name), what);
  }

  /** The list's objects, each read by `read`. */
  objects<T>(name: string, what: string, read: (members: Members) => T): T[] {
    return this.list(name).map((item, k) => read(Members.of(item, `${what} ${k + 1}`)));
  }

  /** The member as it is. */
  json(name: string): Json {
    return this.get(name);
  }

  optional<T>(name: string, read: (name: string) => T): T | undefined {
    return this.has(name) ? read(name) : undefined;
  }

  names(): string[] {
    return [...this.object.keys()];
  }

  /** Every member was read. */
  end(): void {
    for (const name of this.left) refuse(`${this.what} has the unknown member "${name.slice(0, 80)}"`);
  }
}
