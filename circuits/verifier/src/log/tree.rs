//! The Merkle tree of RFC 6962, section 2.1: roots, inclusion proofs and consistency proofs, made and verified.
//!
//! A proof is made from the hashes of complete subtrees, which the caller looks up. So the same code works on a database, on tiles and
//! in memory: a caller that cannot answer at once runs it twice, first to learn which subtrees it asks for ([`nodes`]).

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// SHA-256 of a leaf, of a node, or of a whole tree.
pub type TreeHash = [u8; 32];

/// Most hashes of a proof: a tree of 2^64 leaves has as many levels.
pub const MAX_PROOF_HASHES: usize = 64;

/// A complete subtree: the 2^`height` leaves from `position` × 2^`height` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Levels above the leaves.
    pub height: u8,
    /// Position among the subtrees of this height, from 0.
    pub position: u64,
}

/// Why a proof shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// There is no such leaf.
    #[error("entry {index} is not in a log of {size} entries")]
    Beyond {
        /// The entry, from 0.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The older tree would be the larger one.
    #[error("a log of {new} entries does not continue one of {old} entries")]
    Shrunk {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// Too few or too many hashes.
    #[error("the proof has {hashes} hashes, which is not the number for these sizes")]
    Length {
        /// Hashes of the proof.
        hashes: usize,
    },
    /// The proof leads to another root.
    #[error("the proof does not lead to the root of the checkpoint")]
    Root,
    /// The proof does not lead from the older root to the newer one.
    #[error(
        "nothing shows that the newer log contains the older one: the log was forked or rewritten, or the proof is of another log"
    )]
    Forked,
}

/// The hash of an entry.
pub fn leaf_hash(entry: &[u8]) -> TreeHash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of two subtrees.
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the tree without leaves.
pub fn empty_root() -> TreeHash {
    Sha256::digest([]).into()
}

/// The root of the first `size` leaves; `node` looks up complete subtrees.
pub fn root(size: u64, node: &mut impl FnMut(Node) -> TreeHash) -> TreeHash {
    if size == 0 { empty_root() } else { range(0, size, node) }
}

/// The inclusion proof of leaf `index` in the tree of the first `size` leaves, from the leaf's sibling up.
///
/// # Errors
/// [`TreeError::Beyond`] if there is no such leaf.
pub fn prove_inclusion(
    index: u64,
    size: u64,
    node: &mut impl FnMut(Node) -> TreeHash,
) -> Result<Vec<TreeHash>, TreeError> {
    if index >= size {
        return Err(TreeError::Beyond { index, size });
    }
    let mut path = Vec::new();
    inclusion(0, size, index, node, &mut path);
    Ok(path)
}

/// The consistency proof from the first `old` leaves to the first `new` leaves; empty if `old` is 0 or equal to `new`.
///
/// # Errors
/// [`TreeError::Shrunk`] if `old` is larger than `new`.
pub fn prove_consistency(
    old: u64,
    new: u64,
    node: &mut impl FnMut(Node) -> TreeHash,
) -> Result<Vec<TreeHash>, TreeError> {
    if old > new {
        return Err(TreeError::Shrunk { old, new });
    }
    let mut proof = Vec::new();
    if old > 0 {
        consistency((0, new), old, true, node, &mut proof);
    }
    Ok(proof)
}

/// The complete subtrees that a function of this module asks for.
pub fn nodes<T>(run: impl FnOnce(&mut dyn FnMut(Node) -> TreeHash) -> T) -> Vec<Node> {
    let mut asked = Vec::new();
    run(&mut |node| {
        asked.push(node);
        [0; 32]
    });
    asked
}

/// Checks that `leaf` is entry `index` of the tree with `size` leaves and the root `root`.
///
/// # Errors
/// [`TreeError`], unless the proof shows exactly that.
pub fn verify_inclusion(
    leaf: &TreeHash,
    index: u64,
    size: u64,
    path: &[TreeHash],
    root: &TreeHash,
) -> Result<(), TreeError> {
    if index >= size {
        return Err(TreeError::Beyond { index, size });
    }
    let mut climb = Climb { left: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in path {
        let side = climb.step().ok_or(TreeError::Length { hashes: path.len() })?;
        hash = match side {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    match (climb.last, hash == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(TreeError::Root),
        _ => Err(TreeError::Length { hashes: path.len() }),
    }
}

/// Checks that the tree (`new` leaves, `new_root`) continues the tree (`old` leaves, `old_root`).
///
/// # Errors
/// [`TreeError`], unless the proof shows exactly that.
pub fn verify_consistency(
    (old, old_root): (u64, &TreeHash),
    (new, new_root): (u64, &TreeHash),
    proof: &[TreeHash],
) -> Result<(), TreeError> {
    let length = TreeError::Length { hashes: proof.len() };
    if old > new {
        return Err(TreeError::Shrunk { old, new });
    }
    if old == 0 || old == new {
        let same = if old == 0 { *old_root == empty_root() } else { old_root == new_root };
        let empty = new > 0 || *new_root == empty_root();
        return match (proof.is_empty(), same && empty) {
            (false, _) => Err(length),
            (true, true) => Ok(()),
            (true, false) => Err(TreeError::Forked),
        };
    }
    // the last complete subtree of the older tree is where both roots start; if it is the older tree, its hash is known
    let (first, rest) = match proof.split_first() {
        _ if old.is_power_of_two() => (old_root, proof),
        Some(split) => split,
        None => return Err(length),
    };
    let shared = (old - 1).trailing_ones();
    let mut climb = Climb { left: (old - 1) >> shared, last: (new - 1) >> shared };
    let [mut old_hash, mut new_hash] = [*first; 2];
    for sibling in rest {
        match climb.step().ok_or(length)? {
            Side::Left => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Side::Right => new_hash = node_hash(&new_hash, sibling),
        }
    }
    match climb.last {
        0 if old_hash != *old_root || new_hash != *new_root => Err(TreeError::Forked),
        0 => Ok(()),
        _ => Err(length),
    }
}

/// On which side of the path a proof's hash lies.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root: its position, and the position of the last node beside it.
struct Climb {
    left: u64,
    last: u64,
}

impl Climb {
    /// Goes one hash up; `None` at the root.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.left & 1 == 1 || self.left == self.last {
            // the last node has no sibling until its position is odd
            while self.left & 1 == 0 && self.left != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Some(side)
    }

    fn up(&mut self) {
        self.left >>= 1;
        self.last >>= 1;
    }
}

/// The largest power of two below `leaves`, which is at least 2.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

fn range(from: u64, to: u64, node: &mut impl FnMut(Node) -> TreeHash) -> TreeHash {
    let leaves = to - from;
    if leaves.is_power_of_two() {
        let height = leaves.ilog2();
        return node(Node { height: height as u8, position: from >> height });
    }
    let middle = from + split(leaves);
    let left = range(from, middle, node);
    let right = range(middle, to, node);
    node_hash(&left, &right)
}

fn inclusion(from: u64, to: u64, index: u64, node: &mut impl FnMut(Node) -> TreeHash, path: &mut Vec<TreeHash>) {
    if to - from == 1 {
        return;
    }
    let middle = from + split(to - from);
    if index < middle {
        inclusion(from, middle, index, node, path);
        path.push(range(middle, to, node));
    } else {
        inclusion(middle, to, index, node, path);
        path.push(range(from, middle, node));
    }
}

/// `whole`: the older tree ends here and started at the left edge, so the verifier knows its root.
fn consistency(
    (from, to): (u64, u64),
    old: u64,
    whole: bool,
    node: &mut impl FnMut(Node) -> TreeHash,
    proof: &mut Vec<TreeHash>,
) {
    if old == to {
        if !whole {
            proof.push(range(from, to, node));
        }
        return;
    }
    let middle = from + split(to - from);
    if old <= middle {
        consistency((from, middle), old, whole, node, proof);
        proof.push(range(middle, to, node));
    } else {
        consistency((middle, to), old, false, node, proof);
        proof.push(range(from, middle, node));
    }
}

/// A tree in memory.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    nodes: BTreeMap<Node, TreeHash>,
}

impl Tree {
    /// The tree whose leaves are these entries.
    pub fn of(entries: &[Vec<u8>]) -> Self {
        let mut tree = Self::default();
        entries.iter().for_each(|entry| tree.push(leaf_hash(entry)));
        tree
    }

    /// Leaves of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf and the subtrees that it completes.
    pub fn push(&mut self, leaf: TreeHash) {
        let (mut hash, mut position) = (leaf, self.size);
        self.nodes.insert(Node { height: 0, position }, hash);
        for height in 0..self.size.trailing_ones() as u8 {
            hash = node_hash(&self.node(Node { height, position: position - 1 }), &hash);
            position >>= 1;
            self.nodes.insert(Node { height: height + 1, position }, hash);
        }
        self.size += 1;
    }

    /// A complete subtree; zeros if the tree does not have it.
    pub fn node(&self, node: Node) -> TreeHash {
        self.nodes.get(&node).copied().unwrap_or_default()
    }

    /// The root of the whole tree.
    pub fn root(&self) -> TreeHash {
        root(self.size, &mut |node| self.node(node))
    }
}
