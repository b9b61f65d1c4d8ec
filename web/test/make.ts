// Attestations made for a test: a statement changed and spelled canonically again, and a tree over the pages of one account.

import { toHex, utf8 } from "../src/bytes.ts";
import { elementHex } from "../src/field.ts";
import { identityOf } from "../src/identity.ts";
import { canonical, JsonNumber, parseJson, type Json, type JsonObject } from "../src/json.ts";
import { leaf } from "../src/leaf.ts";
import { hash, NODE } from "../src/poseidon.ts";
import { shapeNamed } from "../src/shape.ts";
import { statementDigest } from "../src/statement.ts";
import { attested, type Attested } from "./files.ts";

export function object(bytes: Uint8Array): JsonObject {
  return parseJson(bytes, "the fixture") as JsonObject;
}

export function number(value: number | bigint): JsonNumber {
  return new JsonNumber(String(value));
}

/** The value at `path`; names and places. */
export function at(json: Json, ...path: (string | number)[]): Json {
  return path.reduce<Json>((value, key) => (typeof key === "string" ? (value as JsonObject).get(key) : (value as Json[])[key]) as Json, json);
}

export function put(json: Json, path: (string | number)[], value: Json): void {
  const parent = at(json, ...path.slice(0, -1));
  const key = path.at(-1) as string | number;
  if (typeof key === "string") (parent as JsonObject).set(key, value);
  else (parent as Json[])[key] = value;
}

export function encode(json: Json): Uint8Array {
  return utf8(canonical(json));
}

/** The files with a changed statement, and the inclusion file made for that statement. */
export function restated(files: Attested, change: (statement: JsonObject) => void): Attested {
  const statement = object(files.statement);
  change(statement);
  const bytes = encode(statement);
  const inclusion = object(files.inclusion);
  inclusion.set("statement_digest", statementDigest(bytes));
  return { inclusion: encode(inclusion), statement: bytes };
}

const ACCOUNT = "account with many pages";

/** An account with `count` pages in a tree of solvency-512. */
export function manyPages(count: number): Attested & { account: string } {
  const files = attested("solvency");
  const statement = object(files.statement);
  const shape = shapeNamed("solvency-512");
  const salt = new Uint8Array(32).fill(7);
  const scope = { domain: at(statement, "exchange", "domain") as string, series: at(statement, "snapshot", "series") as string };
  const identity = identityOf(salt, scope, ACCOUNT);
  const entries = (k: number) => Array.from({ length: 6 }, (_, e) => ({ column: (2 * e) % 12, quantity: BigInt(1_000_000 * k + e + 1) }));
  const first = 1_000;
  const levels: Map<number, bigint>[] = [new Map()];
  for (let k = 0; k < count; k++) {
    const page = { identity, first: k === 0, remaining: count - 1 - k, class: 0, entries: entries(k), capped: [], measures: [0n, 0n] as const };
    levels[0]?.set(first + k, leaf(page));
  }
  // whoever lies beside them: any element
  const node = (level: number, index: number) => levels[level]?.get(index) ?? BigInt(level * 1_000_003 + index + 1) ** 9n;
  for (let level = 0; level < shape.depth; level++) {
    const above = new Map<number, bigint>();
    for (const index of levels[level]?.keys() ?? []) {
      const parent = Math.floor(index / 8);
      if (!above.has(parent)) above.set(parent, hash(NODE, Array.from({ length: 8 }, (_, j) => node(level, 8 * parent + j))));
    }
    levels.push(above);
  }
  const path = (index: number) =>
    Array.from({ length: shape.depth }, (_, level) => {
      const position = Math.floor(index / 8 ** level);
      const group = position - (position % 8);
      return Array.from({ length: 8 }, (_, j) => group + j).filter((j) => j !== position).map((j) => elementHex(node(level, j)));
    });
  statement.set("shape", shape.name);
  statement.set("columns", (at(statement, "columns") as Json[]).filter((column) => at(column, "kind") !== "cover"));
  statement.set("shards", [new Map<string, Json>([["root", elementHex(levels[shape.depth]?.get(0) ?? 0n)], ["steps", number(9)]])]);
  const bytes = encode(statement);
  const inclusion: JsonObject = new Map<string, Json>([
    ["protocol", "assay/inclusion/1"],
    ["statement_digest", statementDigest(bytes)],
    ["snapshot", at(statement, "snapshot", "id")],
    ["account", ACCOUNT],
    ["salt", toHex(salt)],
    ["class", number(0)],
    ["shard", number(0)],
    ["pages", Array.from({ length: count }, (_, k): Json => new Map<string, Json>([
      ["index", number(first + k)],
      ["entries", entries(k).map((e): Json => new Map<string, Json>([["column", number(e.column)], ["quantity", String(e.quantity)]]))],
      ["path", path(first + k)],
    ]))],
  ]);
  return { account: ACCOUNT, statement: bytes, inclusion: encode(inclusion) };
}
