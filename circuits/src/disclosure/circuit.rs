//! The rules of a disclosure: each attestation's leaf opened up to its root, and the sum of the measures compared with a
//! threshold. Natively and as a circuit.

use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::{Field, PrimeField};

use super::MAX_ATTESTATIONS;
use crate::{
    book::signed,
    error::Error,
    field::{F, power_of_two},
    hash::{Domain, hash, hash_gadget},
    inclusion::{IncludedPage, children_along},
    linear::{Linear, enforce, enforce_equal, enforce_product},
    page::{FIRST_WORD_BITS, HEADER_OFFSET, Page, SIGNED_BITS, range_gadget},
    shape::{MEASURE_BITS, MEASURES, Shape, TREE_ARITY},
    tree::{node, one_hot},
    twin::Violation,
};

/// Levels that a path may have: those of the deepest shape.
pub const MAX_DEPTH: usize = 8;
/// Bits of the excess: a sum of four measures below 2^96 less a threshold below 2^98.
const EXCESS_BITS: u32 = 99;
/// Words of a leaf between identity and measures: one of open entries, two capped ones.
const WORDS: usize = 3;

/// Everything public in a disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicInput {
    /// The claim's bytes, hashed: read by no rule, but part of z0, so that a proof is of one claim only.
    pub context: F,
    /// What the sum is at least, in 10^-12 of the quote currency, below 2^98 in magnitude.
    pub threshold: i128,
    /// Which measure.
    pub measure: usize,
    /// The attestations; unused ones are not active.
    pub slots: [Slot; MAX_ATTESTATIONS],
}

/// One attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    /// Whether it counts.
    pub active: bool,
    /// The attested root.
    pub root: F,
    /// The account's identity where it is shown.
    pub shown: Option<F>,
}

impl PublicInput {
    /// Elements of z.
    pub const ARITY: usize = 3 + 4 * MAX_ATTESTATIONS;

    /// z, which the single step hands on unchanged.
    pub fn to_z(&self) -> Vec<F> {
        let bit = |b: bool| if b { F::ONE } else { F::ZERO };
        let mut z = vec![self.context, signed(self.threshold), F::from(self.measure as u64)];
        for slot in &self.slots {
            z.extend([bit(slot.active), slot.root, bit(slot.shown.is_some()), slot.shown.unwrap_or(F::ZERO)]);
        }
        z
    }
}

/// The private values of one attestation: the account's first page, and its path.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The leaf's words between identity and measures.
    pub words: [F; WORDS],
    /// The account's identity.
    pub identity: F,
    /// The account's measures, below 2^96 in magnitude.
    pub measures: [i128; MEASURES],
    /// From the leaf up, all eight children, and which of them is the node below.
    pub path: Vec<(usize, [F; TREE_ARITY])>,
}

impl Opening {
    /// The opening of an account's first page, as an inclusion file shows it.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a page of a family without measures, or a path that is none.
    pub fn new(shape: &Shape, page: &Page, included: &IncludedPage) -> Result<Self, Error> {
        let words = page.words();
        let words = words[..words.len().saturating_sub(1)].try_into();
        let words = words.map_err(|_| Error::Malformed(format!("{} attests no measures", shape.name)))?;
        let path = children_along(page.leaf(shape), included.index, &included.path, shape.depth())?;
        Ok(Self { words, identity: page.identity, measures: page.measures, path })
    }

    /// What fills an unused place. Its identity is not that of padding, so that nothing about it is left open.
    pub fn unused() -> Self {
        Self { words: [F::ZERO; WORDS], identity: F::ONE, measures: [0; MEASURES], path: Vec::new() }
    }

    /// The leaf that these values make.
    pub fn leaf(&self) -> F {
        let word = |m: usize| {
            F::from_u128(self.measures[m].unsigned_abs())
                + F::from(u64::from(self.measures[m] < 0)) * power_of_two(MEASURE_BITS)
        };
        let measures = word(0) + word(1) * power_of_two(SIGNED_BITS);
        hash(Domain::Leaf, &[self.identity, self.words[0], self.words[1], self.words[2], measures])
    }
}

/// The rules in plain Rust, under the ids of the circuit.
///
/// # Errors
/// The first rule that does not hold.
pub fn check(public: &PublicInput, openings: &[Opening]) -> Result<(), Violation> {
    let violation = |rule, detail: String| Err(Violation { rule, detail });
    let mut sum = 0i128;
    for (k, (slot, opening)) in public.slots.iter().zip(openings).enumerate().filter(|(_, (slot, _))| slot.active) {
        if opening.measures.iter().any(|m| m.unsigned_abs() >> MEASURE_BITS != 0) {
            return violation("open-bits", format!("attestation {k}: a measure does not fit"));
        }
        if bits(opening.words[0], HEADER_OFFSET, 1) != 1 || bits(opening.words[0], FIRST_WORD_BITS, 8) != 0 {
            return violation("open-first", format!("attestation {k}: this is no account's first page"));
        }
        if opening.identity == F::ZERO {
            return violation("open-account", format!("attestation {k}: this is padding"));
        }
        let mut value = opening.leaf();
        for (level, (own, children)) in opening.path.iter().enumerate() {
            if children[*own] != value {
                return violation("open-path", format!("attestation {k}, level {level}"));
            }
            value = node(children);
        }
        if value != slot.root {
            return violation("open-root", format!("attestation {k}: the account is not under the root"));
        }
        if slot.shown.is_some_and(|identity| identity != opening.identity) {
            return violation("open-identity", format!("attestation {k}: this is another account"));
        }
        sum += opening.measures[public.measure];
    }
    if sum < public.threshold {
        return violation("open-threshold", "the sum is below the threshold".to_owned());
    }
    Ok(())
}

/// Writes down the circuit of a disclosure over z; without openings only the constraints.
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
    z: &[Linear],
    openings: Option<&[Opening]>,
) -> Result<(), SynthesisError> {
    let [_context, threshold, measure, slots @ ..] = z else {
        return Err(SynthesisError::IncompatibleLengthVector(format!("z has {} elements", z.len())));
    };
    let mut excess = Linear::zero().minus(threshold);
    for (k, slot) in slots.chunks(4).enumerate() {
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
    slot: &[Linear],
    opening: Option<&Opening>,
) -> Result<Linear, SynthesisError> {
    let [active, root, shown, published] = slot else {
        return Err(SynthesisError::IncompatibleLengthVector(format!("a slot has {} elements", slot.len())));
    };
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

/// `count` bits of the canonical value from bit `offset` on, at most 128.
fn bits(value: F, offset: u32, count: u32) -> u128 {
    let repr = value.to_repr();
    let bit = |i: u32| repr.as_ref().get(i as usize / 8).map_or(0, |byte| u128::from((byte >> (i % 8)) & 1));
    (0..count).fold(0, |number, i| number | (bit(offset + i) << i))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_shape_with_measures_fits_the_circuit() {
        for shape in Shape::catalogue().iter().filter(|s| s.rules.is_some()) {
            assert!(shape.depth() <= MAX_DEPTH && shape.leaf_arity() == 2 + WORDS, "{}", shape.name);
        }
    }
}
