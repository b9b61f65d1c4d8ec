// The published vectors of circuits/vectors: hashes, identities, leaves, paths, statements.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromHex } from "../src/bytes.ts";
import { elementFromHex, elementHex } from "../src/field.ts";
import { identityOf, shardOf } from "../src/identity.ts";
import { leaf, words, type Page } from "../src/leaf.ts";
import { PathHasher } from "../src/path.ts";
import { hash, NODE } from "../src/poseidon.ts";
import { OPEN_COLUMNS } from "../src/shape.ts";
import { readStatement } from "../src/statement.ts";
import { bytes, root } from "./files.ts";

interface VectorPage { first: boolean; remaining: number; class: number; entries: [number, string][]; capped?: [number, string, string][]; measures?: [string, string]; identity: string; words: string[]; leaf: string }
const vectors = JSON.parse(new TextDecoder().decode(bytes("circuits", "vectors", "vectors.json"))) as {
  hashes: { domain: number; inputs: string[]; hash: string }[];
  empty_roots: string[];
  identities: { domain: string; series: string; account: string; salt: string; identity: string; shard_of_7: number }[];
  leaves: VectorPage[];
  paths: { leaf: string; index: number; path: string[][]; root: string }[];
};

test("every hash of the vectors is ours", () => {
  assert.ok(vectors.hashes.length > 0);
  for (const v of vectors.hashes) assert.equal(elementHex(hash(v.domain, v.inputs.map(elementFromHex))), v.hash);
});

test("every empty root follows from the one below", () => {
  let empty = 0n;
  for (const text of vectors.empty_roots) {
    assert.equal(elementHex(empty), text);
    empty = hash(NODE, Array(8).fill(empty));
  }
});

test("every identity and its shard follow from salt and names", () => {
  assert.ok(vectors.identities.length > 0);
  for (const v of vectors.identities) {
    const identity = identityOf(fromHex(v.salt) as Uint8Array, v, v.account);
    assert.equal(elementHex(identity), v.identity);
    assert.equal(shardOf(identity, 7), v.shard_of_7);
  }
});

test("every leaf follows from its page", () => {
  assert.ok(vectors.leaves.length > 0);
  for (const v of vectors.leaves) {
    const page: Page = {
      identity: elementFromHex(v.identity),
      first: v.first,
      remaining: v.remaining,
      class: v.class,
      entries: v.entries.map(([column, quantity]) => ({ column, quantity: BigInt(quantity) })),
      capped: [],
      measures: [0n, 0n],
    };
    assert.deepEqual(words(page).map(elementHex), v.words);
    assert.equal(elementHex(leaf(page)), v.leaf);
  }
});

test("every path leads to its root, and to no other from the next position", () => {
  assert.ok(vectors.paths.length > 0);
  for (const v of vectors.paths) {
    const rootOf = (index: bigint) => new PathHasher().root(elementFromHex(v.leaf), index, v.path, v.path.length);
    assert.equal(elementHex(rootOf(BigInt(v.index))), v.root);
    assert.notEqual(elementHex(rootOf(BigInt(v.index) ^ 1n)), v.root);
    assert.throws(() => rootOf(8n ** BigInt(v.path.length)), /beyond the tree's capacity/);
  }
});

test("every frozen statement is read, and refused with one byte changed", () => {
  const folder = join("circuits", "vectors", "attestations");
  const names = readdirSync(join(root, folder));
  assert.ok(names.length >= 8);
  for (const name of names) {
    const statement = bytes(folder, name, "statement.json");
    const read = readStatement(statement);
    assert.ok(name.startsWith(read.shape.name));
    assert.equal(read.columns.every((c) => (c.index >= OPEN_COLUMNS) === (c.cap !== undefined)), true);
    let changed = 0;
    for (let at = 0; at < statement.length; at += 97) {
      const other = statement.slice();
      other[at] = (other[at] as number) ^ 1;
      // another statement, or none: never this one
      try {
        assert.notEqual(readStatement(other).digest, read.digest);
      } catch (error) {
        assert.equal((error as Error).name, "Refusal", `${name} at ${at}: ${String(error)}`);
        changed++;
      }
    }
    assert.ok(changed > 0);
  }
});
