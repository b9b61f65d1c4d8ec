//! One step of the fold: a batch of pages against the rules, as a circuit. Both families share these paragraphs; `rules.rs`
//! has those that compliance adds. Read it beside `twin.rs`, which says the same in plain Rust, and SPEC.md, which says it in
//! words; the names of the namespaces are the ids there.

use assay_core::{
    field::F,
    gadget::{
        linear::{Linear, alloc_equal, enforce, enforce_product},
        tree::{batch_gadget, insert_gadget},
    },
};
use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::Field;

use super::{
    leaf::{leaves_gadget, low_u64},
    page::PageVariables,
    rules::rules_gadget,
};
use crate::ledger::{shape::Shape, state::State, witness::StepWitness};

/// Writes down one step: the state in, the state out. Without a witness only the constraints.
///
/// # Errors
/// Only what the constraint system itself returns; in particular a witness that breaks a rule is no error here, it
/// makes a constraint unsatisfied.
pub fn step_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    state: &State<Linear>,
    witness: Option<&StepWitness>,
) -> Result<State<Linear>, SynthesisError> {
    let State { root, index, open_identity, open_remaining, open_class, fractions, gamma, rules } = state;

    let open_capped = rules.as_ref().and_then(|r| r.open_capped.value());
    let leaves = leaves_gadget(cs, shape, gamma, open_capped, witness)?;

    // Page chain: each page continues the account before it or begins a new one.
    let mut previous = (open_identity, open_remaining, open_class);
    for (i, leaf) in leaves.iter().enumerate() {
        let page = &leaf.page;
        chain_gadget(&mut cs.namespace(|| format!("link {i}")), previous, page)?;
        previous = (&page.identity, &page.remaining, &page.class);
    }
    let (identity, remaining, class) = previous;
    let (open, closing) = close_gadget(&mut cs.namespace(|| "chain-close"), identity, remaining, class)?;

    // Tree: the batch's root replaces an empty subtree.
    let digests: Vec<&Linear> = leaves.iter().map(|leaf| &leaf.page.leaf).collect();
    let batch_root = batch_gadget(cs, &digests)?;
    let new_root = insert_gadget(
        cs,
        shape.depths,
        root,
        index,
        &batch_root,
        witness.map(|w| w.path.as_slice()),
        index.value().map(low_u64),
    )?;
    let new_root = alloc_equal(&mut cs.namespace(|| "tree-new"), "new root", &new_root)?;
    let mut next = index.clone();
    next.add_constant::<CS>(F::ONE);
    let next = alloc_equal(&mut cs.namespace(|| "tree-next"), "next index", &next)?;

    // Totals: F grows by every fraction of the batch.
    let mut sum = fractions.clone();
    for fraction in leaves.iter().flat_map(|leaf| &leaf.fractions) {
        sum.add_scaled(F::ONE, fraction);
    }
    let sum = alloc_equal(&mut cs.namespace(|| "total-sum"), "fractions", &sum)?;

    // Rules on accounts: limits and measures.
    let rules = rules.as_ref();
    let rules = rules.map(|rules| rules_gadget(cs, shape, gamma, &open, rules, &leaves, witness)).transpose()?;

    let [open_identity, open_remaining, open_class] = closing;
    let gamma = gamma.clone();
    Ok(State { root: new_root, index: next, open_identity, open_remaining, open_class, fractions: sum, gamma, rules })
}

/// One link of the page chain.
///
/// * `chain-first`: a first page comes only after a complete account.
/// * `chain-identity`: a page that is not first has the identity of the page before it.
/// * `chain-count`: it has the class of the page before it and counts `remaining` down by one. One constraint carries
///   both: with 8-bit numbers, 2^9 · (difference of classes) + (difference of counts) is 0 only if both are. Since
///   `remaining` is not negative, a page that is not first cannot follow a complete account.
fn chain_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    (identity, remaining, class): (&Linear, &Linear, &Linear),
    page: &PageVariables,
) -> Result<(), SynthesisError> {
    let zero = Linear::zero();
    let continues = page.first.complement::<CS>();
    enforce(cs, "chain-first", &page.first, remaining, &zero);
    enforce(cs, "chain-identity", &continues, &page.identity.minus(identity), &zero);
    let mut count = page.remaining.minus(remaining);
    count.add_constant::<CS>(F::ONE);
    count.add_scaled(F::from(1 << 9), &page.class.minus(class));
    enforce(cs, "chain-count", &continues, &count, &zero);
    Ok(())
}

/// `chain-close`: what the next step must continue. Identity and class are carried only while pages of the account are
/// missing, so the final state names nobody. Also returns whether any are.
fn close_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    identity: &Linear,
    remaining: &Linear,
    class: &Linear,
) -> Result<(Linear, [Linear; 3]), SynthesisError> {
    let inverse = remaining.value().map(|r| Option::<F>::from(r.invert()).unwrap_or(F::ZERO));
    let inverse = Linear::alloc(cs, "inverse", inverse)?;
    let open = enforce_product(cs, "open", remaining, &inverse)?;
    enforce(cs, "open wherever pages remain", remaining, &open.complement::<CS>(), &Linear::zero());
    let carried = [
        enforce_product(cs, "open identity", &open, identity)?,
        alloc_equal(cs, "open remaining", remaining)?,
        enforce_product(cs, "open class", &open, class)?,
    ];
    Ok((open, carried))
}
