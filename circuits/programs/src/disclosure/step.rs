//! The circuit of a disclosure: each attestation's leaf opened up to its root, and the sum of the measures compared with a
//! threshold.

use assay_core::{
    field::{F, power_of_two},
    gadget::{
        hash::hash_gadget,
        linear::{Linear, enforce, enforce_equal, enforce_product},
        one_hot::one_hot,
        range::range_gadget,
    },
    hash::Domain,
    tree::TREE_ARITY,
};
use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::Field;

use super::{
    state::{SlotState, State},
    witness::{MAX_DEPTH, Opening, WORDS, bits},
};
use crate::ledger::{
    page::{FIRST_WORD_BITS, HEADER_OFFSET, SIGNED_BITS},
    shape::{MEASURE_BITS, MEASURES},
};

/// Bits of the excess: a sum of four measures below 2^96 less a threshold below 2^98.
const EXCESS_BITS: u32 = 99;

/// Writes down the circuit of a disclosure ; without openings only the constraints.
///
/// * `open-bits`: magnitudes are below 2^96 and signs bits, so a leaf has one reading. Without it a measure could be p − x.
/// * `open-first`: the first word has one reading, and where the attestation counts it is that of an account's first page.
///   All other pages of an account have measures of 0, so one of them would hide what the account owes.
/// * `open-account`: identity · t = active for some t, so padding, which is a first page of nobody, is no account.
/// * `open-leaf`: the leaf is the hash of identity, words, and the measures those bits spell.
/// * `open-path`: from level to level, the node below is one of the eight children, and these hash to the node above.
/// * `open-root`: where an attestation counts, the path ends in its root.
/// * `open-identity`: where the account is shown, the leaf is its.
/// * `open-value`: the value is the chosen measure, with its sign, and 0 where the attestation does not count.
/// * `open-threshold`: sum − threshold is a number of 99 bits, so not negative.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn disclosure_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    state: &State<Linear>,
    openings: Option<&[Opening]>,
) -> Result<(), SynthesisError> {
    let State { context: _, threshold, measure, slots } = state;
    let mut excess = Linear::zero().minus(threshold);
    for (k, slot) in slots.iter().enumerate() {
        let mut cs = cs.namespace(|| format!("attestation {k}"));
        let value = opening_gadget(&mut cs, measure, slot, openings.map(|o| &o[k]))?;
        excess.add_scaled(F::ONE, &value);
    }
    let mut cs = cs.namespace(|| "open-threshold");
    let number = range_gadget(&mut cs, "excess", excess.value().map(low_u128), EXCESS_BITS)?;
    enforce_equal(&mut cs, "the excess is a number", &excess, &number);
    Ok(())
}

/// One attestation's part: the value it adds.
fn opening_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    measure: &Linear,
    slot: &SlotState<Linear>,
    opening: Option<&Opening>,
) -> Result<Linear, SynthesisError> {
    let SlotState { active, root, shown, identity: published } = slot;
    let zero = Linear::zero();
    let identity = Linear::alloc(cs, "identity", opening.map(|o| o.identity))?;
    let first_word = {
        let mut cs = cs.namespace(|| "open-first");
        let part = |offset, count| opening.map(|o| bits(o.words[0], offset, count));
        let mut word = range_gadget(&mut cs, "low", part(0, 128), 128)?;
        let middle = range_gadget(&mut cs, "middle", part(128, HEADER_OFFSET - 128), HEADER_OFFSET - 128)?;
        let first = range_gadget(&mut cs, "first", part(HEADER_OFFSET, 1), 1)?;
        let (offset, count) = (HEADER_OFFSET + 1, FIRST_WORD_BITS - HEADER_OFFSET - 1);
        let header = range_gadget(&mut cs, "header", part(offset, count), count)?;
        word.add_scaled(power_of_two(128), &middle);
        word.add_scaled(power_of_two(HEADER_OFFSET), &first);
        word.add_scaled(power_of_two(offset), &header);
        enforce(&mut cs, "a first page where it counts", active, &first.complement::<CS>(), &zero);
        word
    };
    {
        let mut cs = cs.namespace(|| "open-account");
        let inverse = identity.value().zip(active.value());
        let inverse = inverse.map(|(id, active)| Option::<F>::from(id.invert()).unwrap_or(F::ZERO) * active);
        let inverse = Linear::alloc(&mut cs, "inverse", inverse)?;
        enforce(&mut cs, "an identity where it counts", &identity, &inverse, active);
    }
    let mut inputs = vec![identity.clone(), first_word];
    for i in 1..WORDS {
        inputs.push(Linear::alloc(cs, &format!("word {i}"), opening.map(|o| o.words[i]))?);
    }
    let mut word = Linear::zero();
    let mut parts = Vec::with_capacity(MEASURES);
    for m in 0..MEASURES {
        let mut cs = cs.namespace(|| format!("open-bits {m}"));
        let own = opening.map(|o| o.measures[m]);
        let magnitude = range_gadget(&mut cs, "magnitude", own.map(i128::unsigned_abs), MEASURE_BITS)?;
        let sign = range_gadget(&mut cs, "sign", own.map(|v| u64::from(v < 0)), 1)?;
        word.add_scaled(power_of_two(m as u32 * SIGNED_BITS), &magnitude);
        word.add_scaled(power_of_two(m as u32 * SIGNED_BITS + MEASURE_BITS), &sign);
        parts.push((magnitude, sign));
    }
    inputs.push(word);
    let mut value = hash_gadget(&mut cs.namespace(|| "open-leaf"), Domain::Leaf, &inputs)?;

    for level in 0..MAX_DEPTH {
        let mut cs = cs.namespace(|| format!("open-path {level}"));
        value = level_gadget(&mut cs, &value, opening.map(|o| o.path.get(level)))?;
    }
    enforce(cs, "open-root", active, &value.minus(root), &zero);
    enforce(cs, "open-identity", shown, &identity.minus(published), &zero);

    let mut cs = cs.namespace(|| "open-value");
    let mut signed = Vec::with_capacity(MEASURES);
    for (m, (magnitude, sign)) in parts.into_iter().enumerate() {
        let shortfall = enforce_product(&mut cs, &format!("shortfall {m}"), &sign, &magnitude)?;
        let mut value = magnitude;
        value.add_scaled(-F::from(2), &shortfall);
        signed.push(value);
    }
    let second = enforce_product(&mut cs, "chosen", measure, &signed[1].minus(&signed[0]))?;
    enforce_product(&mut cs, "value", active, &signed[0].plus(&second))
}

/// One level of the path, or none: where the tree is less deep, the node is handed on.
fn level_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    below: &Linear,
    level: Option<Option<&(usize, [F; TREE_ARITY])>>,
) -> Result<Linear, SynthesisError> {
    let there = range_gadget(cs, "there", level.map(|l| u64::from(l.is_some())), 1)?;
    let own = level.map(|l| l.map_or(0, |(own, _)| *own as u64));
    let bits = (0..3)
        .map(|b| range_gadget(cs, &format!("digit {b}"), own.map(|o| (o >> b) & 1), 1))
        .collect::<Result<Vec<_>, _>>()?;
    let selectors = one_hot(&mut cs.namespace(|| "selectors"), &bits)?;
    let mut children = Vec::with_capacity(TREE_ARITY);
    for (j, selector) in selectors.iter().enumerate() {
        let missing = if j == 0 { below.value() } else { Some(F::ZERO) };
        let value = level.and_then(|l| l.map_or(missing, |(_, children)| Some(children[j])));
        let child = Linear::alloc(cs, &format!("child {j}"), value)?;
        let name = format!("child {j} is the node below where selected");
        enforce(cs, &name, selector, &child.minus(below), &Linear::zero());
        children.push(child);
    }
    let above = hash_gadget(&mut cs.namespace(|| "hash"), Domain::Node, &children)?;
    let change = enforce_product(cs, "change", &there, &above.minus(below))?;
    Ok(below.plus(&change))
}

fn low_u128(value: F) -> u128 {
    bits(value, 0, 128)
}
