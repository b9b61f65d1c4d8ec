//! A page: a fixed number of entries of one account, one leaf of the tree. Its packing, its leaf, and both as a circuit.

use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::{Field, PrimeField};

use crate::{
    field::{F, power_of_two},
    hash::{hash, hash_gadget},
    linear::{Linear, enforce},
    shape::{CLASS_BITS, COLUMN_BITS, ENTRIES_PER_WORD, QUANTITY_BITS, REMAINING_BITS, Shape},
};

/// What one account holds of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// Index of an open column, below [`crate::shape::OPEN_COLUMNS`].
    pub column: u16,
    /// Count of the column's smallest unit.
    pub quantity: u64,
}

/// One leaf of the tree, as the planner makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The account's identity; 0 only on padding.
    pub identity: F,
    /// Whether this is the account's first page.
    pub first: bool,
    /// Pages of the same account that follow this one.
    pub remaining: u8,
    /// The account's class.
    pub class: u8,
    /// Exactly as many entries as the shape has; unused ones are (any column, 0).
    pub entries: Vec<Entry>,
}

const ENTRY_BITS: u32 = COLUMN_BITS + QUANTITY_BITS;
const HEADER_OFFSET: u32 = ENTRIES_PER_WORD as u32 * ENTRY_BITS;
const REMAINING_OFFSET: u32 = HEADER_OFFSET + 1;
const CLASS_OFFSET: u32 = REMAINING_OFFSET + REMAINING_BITS;

impl Page {
    /// The padding page of a shape: nobody's, holding nothing.
    pub fn padding(shape: &Shape) -> Self {
        Self {
            identity: F::ZERO,
            first: true,
            remaining: 0,
            class: 0,
            entries: vec![Entry::default(); shape.entries()],
        }
    }

    /// The words that enter the leaf hash.
    pub fn words(&self) -> Vec<F> {
        let mut words: Vec<F> = self
            .entries
            .chunks(ENTRIES_PER_WORD)
            .map(|chunk| {
                chunk.iter().rev().fold(F::ZERO, |word, e| {
                    let packed = F::from_u128(u128::from(e.column) | (u128::from(e.quantity) << COLUMN_BITS));
                    word * power_of_two(ENTRY_BITS) + packed
                })
            })
            .collect();
        let header =
            u64::from(self.first) | (u64::from(self.remaining) << 1) | (u64::from(self.class) << (1 + REMAINING_BITS));
        words[0] += F::from(header) * power_of_two(HEADER_OFFSET);
        words
    }

    /// The leaf: LEAF(identity, word 1, …).
    pub fn leaf(&self, shape: &Shape) -> F {
        let mut inputs = vec![self.identity];
        inputs.extend(self.words());
        hash(shape.leaf_domain(), &inputs)
    }
}

/// A page inside the circuit: what the other rules read of it.
pub struct PageVariables {
    /// The identity.
    pub identity: Linear,
    /// 1 on an account's first page, else 0.
    pub first: Linear,
    /// Pages that follow.
    pub remaining: Linear,
    /// The class.
    pub class: Linear,
    /// Per entry: the column's index and the quantity.
    pub entries: Vec<(Linear, Linear)>,
    /// The leaf.
    pub leaf: Linear,
}

/// Allocates a page, range-checks every part of it, and hashes it to its leaf.
///
/// * `page-bits`: each of the 248 + 231 packed bits is 0 or 1, so columns are below 2^13, quantities below 2^64, and
///   packing is injective. Without it a quantity could be p − x and lower a total.
/// * `page-pad`: identity · t = Σ quantities for some t, so a page with identity 0 holds nothing.
/// * `page-leaf`: the leaf is the hash of exactly these bits, so totals are tied to the root.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn page_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    page: Option<&Page>,
) -> Result<PageVariables, SynthesisError> {
    let identity = Linear::alloc(cs, "identity", page.map(|p| p.identity))?;

    let (first, remaining, class, entries) = {
        let mut cs = cs.namespace(|| "page-bits");
        let first = range_gadget(&mut cs, "first", page.map(|p| u64::from(p.first)), 1)?;
        let remaining = range_gadget(&mut cs, "remaining", page.map(|p| u64::from(p.remaining)), REMAINING_BITS)?;
        let class = range_gadget(&mut cs, "class", page.map(|p| u64::from(p.class)), CLASS_BITS)?;
        let mut entries = Vec::with_capacity(shape.entries());
        for k in 0..shape.entries() {
            let mut cs = cs.namespace(|| format!("entry {k}"));
            let column = range_gadget(&mut cs, "column", page.map(|p| u64::from(p.entries[k].column)), COLUMN_BITS)?;
            let quantity = range_gadget(&mut cs, "quantity", page.map(|p| p.entries[k].quantity), QUANTITY_BITS)?;
            entries.push((column, quantity));
        }
        (first, remaining, class, entries)
    };

    {
        let mut cs = cs.namespace(|| "page-pad");
        let sum = Linear::weighted_sum(entries.iter().map(|(_, q)| (F::ONE, q)));
        let ratio = identity.value().zip(sum.value()).map(|(id, sum)| {
            // identity 0 is honest only with sum 0, and then any ratio does
            Option::<F>::from(id.invert()).unwrap_or(F::ZERO) * sum
        });
        let ratio = Linear::alloc(&mut cs, "ratio", ratio)?;
        enforce(&mut cs, "identity divides the sum of quantities", &identity, &ratio, &sum);
    }

    let mut words: Vec<Linear> = entries
        .chunks(ENTRIES_PER_WORD)
        .map(|chunk| {
            let mut word = Linear::zero();
            for (k, (column, quantity)) in chunk.iter().enumerate() {
                let offset = k as u32 * ENTRY_BITS;
                word.add_scaled(power_of_two(offset), column);
                word.add_scaled(power_of_two(offset + COLUMN_BITS), quantity);
            }
            word
        })
        .collect();
    words[0].add_scaled(power_of_two(HEADER_OFFSET), &first);
    words[0].add_scaled(power_of_two(REMAINING_OFFSET), &remaining);
    words[0].add_scaled(power_of_two(CLASS_OFFSET), &class);

    let mut inputs = vec![identity.clone()];
    inputs.extend(words);
    let leaf = hash_gadget(&mut cs.namespace(|| "page-leaf"), shape.leaf_domain(), &inputs)?;

    Ok(PageVariables { identity, first, remaining, class, entries, leaf })
}

/// `bits` new variables that are each 0 or 1, as the number they spell, least significant first. One constraint a bit.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn range_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: &str,
    value: Option<u64>,
    bits: u32,
) -> Result<Linear, SynthesisError> {
    let bit_value = |i: u32| value.map(|v| if (v >> i) & 1 == 1 { F::ONE } else { F::ZERO });
    if cs.is_witness_generator() {
        let value = value.ok_or(SynthesisError::AssignmentMissing)?;
        let mut all = [F::ZERO; 64];
        for i in 0..bits {
            all[i as usize] = bit_value(i).unwrap_or(F::ZERO);
        }
        cs.extend_aux(&all[..bits as usize]);
        return Ok(Linear::witness_only(F::from(value)));
    }
    let mut number = Linear::zero();
    let mut weight = F::ONE;
    for i in 0..bits {
        let bit = Linear::alloc(cs, &format!("{name} bit {i}"), bit_value(i))?;
        let complement = bit.complement::<CS>();
        enforce(cs, &format!("{name} bit {i} is 0 or 1"), &bit, &complement, &Linear::zero());
        number.add_scaled(weight, &bit);
        weight = weight.double();
    }
    Ok(number)
}
