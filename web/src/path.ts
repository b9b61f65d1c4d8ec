// From a leaf to the root: the 8-ary tree of a shard.

import { elementFromHex } from "./field.ts";
import { hash, NODE } from "./poseidon.ts";
import { refuse } from "./refusal.ts";
import { TREE_ARITY } from "./shape.ts";

export class PathHasher {
  /** Nodes by their children: the pages of one account lie side by side and share most of their paths. */
  private readonly nodes = new Map<string, bigint>();

  node(children: readonly bigint[]): bigint {
    const key = children.join();
    const known = this.nodes.get(key);
    if (known !== undefined) return known;
    const value = hash(NODE, children);
    this.nodes.set(key, value);
    return value;
  }

  /** The root of the leaf at `index`, given for each level from the leaf up the seven siblings from left to right. */
  root(leaf: bigint, index: bigint, path: readonly (readonly string[])[], depth: number): bigint {
    if (path.length !== depth) refuse(`the path has ${path.length} levels, this tree has ${depth}`);
    let position = index;
    let value = leaf;
    for (const [level, siblings] of path.entries()) {
      if (siblings.length !== TREE_ARITY - 1) {
        refuse(`level ${level} of the path has ${siblings.length} siblings, not ${TREE_ARITY - 1}`);
      }
      const children = siblings.map(elementFromHex);
      children.splice(Number(position % 8n), 0, value);
      position /= 8n;
      value = this.node(children);
    }
    return position === 0n ? value : refuse(`position ${index} is beyond the tree's capacity`);
  }
}
