//! The account tree: 8-ary Poseidon, fixed depth, built from the leaves up. Its circuits are in `gadget::tree`.

use ff::Field;

use crate::{
    field::F,
    hash::{Domain, hash},
};

/// Children of a tree node.
pub const TREE_ARITY: usize = 8;

/// Depths of a tree: batches of 8^`batch` leaves under an upper tree of 8^`upper` batch roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depths {
    /// Levels from a leaf to its batch root.
    pub batch: usize,
    /// Levels from a batch root to the root.
    pub upper: usize,
}

impl Depths {
    /// Levels from a leaf to the root.
    pub fn total(self) -> usize {
        self.batch + self.upper
    }

    /// Batches that the upper tree holds.
    pub fn max_batches(self) -> usize {
        TREE_ARITY.pow(self.upper as u32)
    }
}

/// NODE(children).
///
/// # Panics
/// Unless there are exactly eight.
pub fn node(children: &[F]) -> F {
    assert_eq!(children.len(), TREE_ARITY, "a node has eight children");
    hash(Domain::Node, children)
}

/// EMPTY_0 … EMPTY_`depth`: the roots of empty subtrees by height.
pub fn empty_roots(depth: usize) -> Vec<F> {
    let mut roots = vec![F::ZERO];
    for k in 0..depth {
        roots.push(node(&[roots[k]; TREE_ARITY]));
    }
    roots
}

/// All levels above `leaves`, whose number is a power of eight, up to the single root.
pub fn batch_levels(leaves: &[F]) -> Vec<Vec<F>> {
    let mut levels = vec![leaves.to_vec()];
    while levels[levels.len() - 1].len() > 1 {
        let below = &levels[levels.len() - 1];
        levels.push(below.chunks(TREE_ARITY).map(node).collect());
    }
    levels
}

/// The upper tree over batch roots, filled from the left; everything to the right is empty.
#[derive(Debug, Clone)]
pub struct UpperTree {
    /// `levels[k][i]`: the i-th node at height k above the batch roots; shorter than the full width.
    levels: Vec<Vec<F>>,
    empty: Vec<F>,
}

impl UpperTree {
    /// The empty upper tree.
    pub fn new(depths: Depths) -> Self {
        let empty = empty_roots(depths.total())[depths.batch..].to_vec();
        Self { levels: vec![Vec::new(); depths.upper + 1], empty }
    }

    /// The tree over `roots`.
    ///
    /// # Panics
    /// If there are more roots than the tree holds.
    pub fn build(depths: Depths, roots: Vec<F>) -> Self {
        assert!(roots.len() <= depths.max_batches(), "more batches than the upper tree holds");
        let mut tree = Self::new(depths);
        tree.levels[0] = roots;
        for k in 0..depths.upper {
            let empty = tree.empty[k];
            tree.levels[k + 1] = tree.levels[k]
                .chunks(TREE_ARITY)
                .map(|chunk| {
                    let mut children = [empty; TREE_ARITY];
                    children[..chunk.len()].copy_from_slice(chunk);
                    node(&children)
                })
                .collect();
        }
        tree
    }

    /// The nodes by height above the batch roots; what is missing to the right is empty.
    pub fn levels(&self) -> &[Vec<F>] {
        &self.levels
    }

    /// Batches in the tree.
    pub fn len(&self) -> usize {
        self.levels[0].len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.levels[0].is_empty()
    }

    /// The root.
    pub fn root(&self) -> F {
        let top = self.levels.len() - 1;
        self.node_at(top, 0)
    }

    fn node_at(&self, height: usize, index: usize) -> F {
        self.levels[height].get(index).copied().unwrap_or(self.empty[height])
    }

    /// For each level from the bottom, the eight children among which batch `index` lies, or would lie.
    pub fn path(&self, index: usize) -> Vec<[F; TREE_ARITY]> {
        let mut position = index;
        (0..self.levels.len() - 1)
            .map(|k| {
                let group = position / TREE_ARITY;
                position = group;
                std::array::from_fn(|j| self.node_at(k, group * TREE_ARITY + j))
            })
            .collect()
    }

    /// Adds the next batch root.
    ///
    /// # Panics
    /// If the tree is full.
    pub fn push(&mut self, batch_root: F) {
        let mut index = self.len();
        assert!(index < TREE_ARITY.pow(self.levels.len() as u32 - 1), "the upper tree is full");
        let mut value = batch_root;
        for k in 0..self.levels.len() {
            if index == self.levels[k].len() {
                self.levels[k].push(value);
            } else {
                self.levels[k][index] = value;
            }
            if k + 1 < self.levels.len() {
                index /= TREE_ARITY;
                let children: [F; TREE_ARITY] = std::array::from_fn(|j| self.node_at(k, index * TREE_ARITY + j));
                value = node(&children);
            }
        }
    }
}
