//! The two tree circuits of a step: a batch of leaves to its root, and the insertion of that root into the upper tree.

use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::Field;

use crate::{
    field::F,
    gadget::{
        hash::hash_gadget,
        linear::{Linear, enforce, enforce_equal, enforce_product},
        one_hot::one_hot,
        range::range_gadget,
    },
    hash::Domain,
    tree::{Depths, TREE_ARITY, empty_roots},
};

/// Bits of a position among siblings.
const DIGIT_BITS: usize = 3;

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
/// `path` is what [`crate::tree::UpperTree::path`] gives before the insertion. Returns the new root.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn insert_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    depths: Depths,
    old_root: &Linear,
    index: &Linear,
    batch_root: &Linear,
    path: Option<&[[F; TREE_ARITY]]>,
    index_value: Option<u64>,
) -> Result<Linear, SynthesisError> {
    let digits = {
        let mut cs = cs.namespace(|| "tree-index");
        let mut digits = Vec::with_capacity(depths.upper);
        let mut number = Linear::zero();
        let mut weight = F::ONE;
        for k in 0..depths.upper {
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

    let empty_batch = empty_roots(depths.batch)[depths.batch];
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
