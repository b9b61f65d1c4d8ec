//! A page: a fixed number of entries of one account, one leaf of the tree. Its packing and its leaf; `circuit::page` has both
//! as a circuit.

use assay_core::{
    field::{F, power_of_two},
    hash::{Domain, hash},
};
use ff::{Field, PrimeField};

use super::shape::{
    COLUMN_BITS, ENTRIES_PER_WORD, MEASURE_BITS, MEASURES, OPEN_COLUMNS, QUANTITY_BITS, REMAINING_BITS, Shape,
};

/// What one account holds of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// Index of an open column, below [`OPEN_COLUMNS`].
    pub column: u16,
    /// Count of the column's smallest unit.
    pub quantity: u64,
}

/// What one account holds of one capped column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CappedEntry {
    /// Index of a capped column, from [`OPEN_COLUMNS`] on.
    pub column: u16,
    /// Count of the column's smallest unit.
    pub quantity: u64,
    /// What is left up to the column's cap.
    pub slack: u64,
}

impl CappedEntry {
    /// An unused entry: the null column of `OPEN_COLUMNS + null`.
    pub fn unused(column: u16) -> Self {
        Self { column, quantity: 0, slack: 0 }
    }

    /// The column's number among the capped ones.
    pub fn number(&self) -> u64 {
        u64::from(self.column.saturating_sub(OPEN_COLUMNS))
    }
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
    /// Exactly as many capped entries as the shape has. Within an account their columns never descend, and of one column
    /// only the first entry may hold anything; unused ones stand in front and are of the null column of the class.
    pub capped: Vec<CappedEntry>,
    /// The account's measures, on its first page; 0 on all others, and in shapes without rules. Below 2^96 in magnitude.
    pub measures: [i128; MEASURES],
}

pub(crate) const ENTRY_BITS: u32 = COLUMN_BITS + QUANTITY_BITS;
/// Where the header stands in the first word; its lowest bit is that of a first page.
pub(crate) const HEADER_OFFSET: u32 = ENTRIES_PER_WORD as u32 * ENTRY_BITS;
pub(crate) const REMAINING_OFFSET: u32 = HEADER_OFFSET + 1;
pub(crate) const CLASS_OFFSET: u32 = REMAINING_OFFSET + REMAINING_BITS;
/// Bits of the first word.
#[cfg(feature = "proof")]
pub(crate) const FIRST_WORD_BITS: u32 = CLASS_OFFSET + super::shape::CLASS_BITS;
/// A capped word: quantity, slack, and on top, where it cannot run into anything, the number of the capped column.
pub(crate) const CAPPED_COLUMN_OFFSET: u32 = 2 * QUANTITY_BITS;
/// A measure in its word: magnitude and sign.
pub(crate) const SIGNED_BITS: u32 = MEASURE_BITS + 1;

impl Page {
    /// The padding page of a shape: nobody's, holding nothing.
    pub fn padding(shape: &Shape) -> Self {
        Self {
            identity: F::ZERO,
            first: true,
            remaining: 0,
            class: 0,
            entries: vec![Entry::default(); shape.entries()],
            capped: vec![CappedEntry::unused(OPEN_COLUMNS); shape.capped],
            measures: [0; MEASURES],
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
        let header = u64::from(self.first)
            | (u64::from(self.remaining) << (REMAINING_OFFSET - HEADER_OFFSET))
            | (u64::from(self.class) << (CLASS_OFFSET - HEADER_OFFSET));
        words[0] += F::from(header) * power_of_two(HEADER_OFFSET);
        if !self.capped.is_empty() {
            words.extend(self.capped.iter().map(|e| {
                F::from(e.quantity)
                    + F::from(e.slack) * power_of_two(QUANTITY_BITS)
                    + F::from(e.number()) * power_of_two(CAPPED_COLUMN_OFFSET)
            }));
            words.push(self.measures.iter().rev().fold(F::ZERO, |word, m| {
                let sign = F::from(u64::from(*m < 0)) * power_of_two(MEASURE_BITS);
                word * power_of_two(SIGNED_BITS) + F::from_u128(m.unsigned_abs()) + sign
            }));
        }
        words
    }

    /// The leaf: LEAF(identity, word 1, …).
    pub fn leaf(&self) -> F {
        let mut inputs = vec![self.identity];
        inputs.extend(self.words());
        hash(Domain::Leaf, &inputs)
    }
}
