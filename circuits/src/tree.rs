//! The account tree: 8-ary Poseidon, fixed depth, built from the leaves up. Natively, and as the two circuits of a step:
//! a batch of leaves to its root, and the insertion of that root into the upper tree.

use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::Field;
use rayon::prelude::*;

use crate::{
    field::F,
    hash::{Domain, hash, hash_gadget},
    linear::{Linear, enforce, enforce_equal, enforce_product},
    page::range_gadget,
    shape::{Shape, TREE_ARITY},
};

/// Bits of a position among siblings.
const DIGIT_BITS: usize = 3;

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
    /// The empty upper tree of `shape`.
    pub fn new(shape: &Shape) -> Self {
        let empty = empty_roots(shape.depth())[shape.batch_depth..].to_vec();
        Self { levels: vec![Vec::new(); shape.upper_depth + 1], empty }
    }

    /// The tree over `roots`, hashed on all cores.
    ///
    /// # Panics
    /// If there are more roots than the shape has steps.
    pub fn build(shape: &Shape, roots: Vec<F>) -> Self {
        assert!(roots.len() <= shape.max_steps(), "more batches than the upper tree holds");
        let mut tree = Self::new(shape);
        tree.levels[0] = roots;
        for k in 0..shape.upper_depth {
            let empty = tree.empty[k];
            tree.levels[k + 1] = tree.levels[k]
                .par_chunks(TREE_ARITY)
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

/// `tree-batch`: the root of the subtree over a batch's leaves, hashed inside the step, so every leaf that was folded is
/// in the tree and at its place.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn batch_gadget<CS: ConstraintSystem<F>>(cs: &mut CS, leaves: &[&Linear]) -> Result<Linear, SynthesisError> {
    let mut cs = cs.namespace(|| "tree-batch");
    let mut level: Vec<Linear> = leaves.iter().map(|l| (*l).clone()).collect();
    let mut height = 0;
    while level.len() > 1 {
        let mut above = Vec::with_capacity(level.len() / TREE_ARITY);
        for (i, children) in level.chunks(TREE_ARITY).enumerate() {
            let mut cs = cs.namespace(|| format!("node {height} {i}"));
            above.push(hash_gadget(&mut cs, Domain::Node, children)?);
        }
        level = above;
        height += 1;
    }
    Ok(level.swap_remove(0))
}

/// Replaces the empty subtree at position `index` of the upper tree by `batch_root`.
///
/// * `tree-index`: the base-8 digits of the position spell the step's index, so batches land one after the other, each
///   once, and none past capacity.
/// * `tree-position`: exactly one selector per level is 1, the digit's.
/// * `tree-old`: the children at the selected positions hash from an empty subtree up to the old root, so nothing that
///   was folded before is overwritten.
/// * `tree-new`: the same children, with only the selected one replaced, hash to the new root.
///
/// `path` is what [`UpperTree::path`] gives before the insertion. Returns the new root.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn insert_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    old_root: &Linear,
    index: &Linear,
    batch_root: &Linear,
    path: Option<&[[F; TREE_ARITY]]>,
    index_value: Option<u64>,
) -> Result<Linear, SynthesisError> {
    let digits = {
        let mut cs = cs.namespace(|| "tree-index");
        let mut digits = Vec::with_capacity(shape.upper_depth);
        let mut number = Linear::zero();
        let mut weight = F::ONE;
        for k in 0..shape.upper_depth {
            let mut bits = Vec::with_capacity(DIGIT_BITS);
            for b in 0..DIGIT_BITS {
                let value = index_value.map(|v| (v >> (k * DIGIT_BITS + b)) & 1);
                let bit = range_gadget(&mut cs, &format!("level {k} digit {b}"), value, 1)?;
                number.add_scaled(weight, &bit);
                weight = weight.double();
                bits.push(bit);
            }
            digits.push(bits);
        }
        enforce_equal(&mut cs, "digits spell the index", &number, index);
        digits
    };

    let empty_batch = empty_roots(shape.batch_depth)[shape.batch_depth];
    let mut old = Linear::constant::<CS>(empty_batch);
    let mut new = batch_root.clone();
    for (k, bits) in digits.iter().enumerate() {
        let mut cs = cs.namespace(|| format!("level {k}"));
        let selectors = one_hot(&mut cs.namespace(|| "tree-position"), bits)?;
        let mut children = Vec::with_capacity(TREE_ARITY);
        {
            let mut cs = cs.namespace(|| "tree-old");
            for (j, selector) in selectors.iter().enumerate() {
                let child = Linear::alloc(&mut cs, &format!("child {j}"), path.map(|p| p[k][j]))?;
                let difference = child.minus(&old);
                let zero = Linear::zero();
                enforce(&mut cs, &format!("child {j} is the old node where selected"), selector, &difference, &zero);
                children.push(child);
            }
        }
        let change = new.minus(&old);
        let mut replaced = Vec::with_capacity(TREE_ARITY);
        {
            let mut cs = cs.namespace(|| "tree-new");
            // the eight changes sum to the whole change, so the last needs no constraint of its own
            let mut rest = change.clone();
            for j in 0..TREE_ARITY - 1 {
                let selected = enforce_product(&mut cs, &format!("change {j}"), &selectors[j], &change)?;
                rest = rest.minus(&selected);
                replaced.push(children[j].plus(&selected));
            }
            replaced.push(children[TREE_ARITY - 1].plus(&rest));
        }
        old = hash_gadget(&mut cs.namespace(|| "tree-old hash"), Domain::Node, &children)?;
        new = hash_gadget(&mut cs.namespace(|| "tree-new hash"), Domain::Node, &replaced)?;
    }
    enforce_equal(&mut cs.namespace(|| "tree-old"), "old path ends in the old root", &old, old_root);
    Ok(new)
}

/// The eight selectors of a three-bit digit; four constraints.
pub(crate) fn one_hot<CS: ConstraintSystem<F>>(cs: &mut CS, bits: &[Linear]) -> Result<Vec<Linear>, SynthesisError> {
    let (low, mid, high) = (&bits[0], &bits[1], &bits[2]);
    let both = enforce_product(cs, "low and mid", low, mid)?;
    // by (low, mid) = 00, 10, 01, 11
    let quarters = [low.complement::<CS>().minus(mid).plus(&both), low.minus(&both), mid.minus(&both), both];
    let mut upper = Vec::with_capacity(4);
    let mut rest = high.clone();
    for (i, quarter) in quarters.iter().take(3).enumerate() {
        let selected = enforce_product(cs, &format!("selector {}", i + 4), quarter, high)?;
        rest = rest.minus(&selected);
        upper.push(selected);
    }
    upper.push(rest);
    let lower = quarters.iter().zip(&upper).map(|(q, u)| q.minus(u));
    Ok(lower.collect::<Vec<_>>().into_iter().chain(upper).collect())
}
