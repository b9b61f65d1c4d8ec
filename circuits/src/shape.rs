//! The catalogue of shapes: the fixed dimensions of a circuit, as data. Gadgets read them, nothing else decides them.
//!
//! A shape never changes once released: other dimensions are another name.

use crate::{error::Error, hash::Domain};

/// Whether a release verifier accepts attestations of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Accepted.
    Release,
    /// For tests, which want milliseconds: accepted only by a verifier that was told to.
    TestsOnly,
}

/// The dimensions of one circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Catalogue name, e.g. `solvency-512`.
    pub name: &'static str,
    /// Who may use it.
    pub purpose: Use,
    /// log8 of the leaves that one step folds.
    pub batch_depth: usize,
    /// Depth of the upper tree, whose leaves are the batch roots.
    pub upper_depth: usize,
    /// Words per page; a word packs three open entries.
    pub words: usize,
}

/// Children of a tree node.
pub const TREE_ARITY: usize = 8;
/// Entries that one word packs.
pub const ENTRIES_PER_WORD: usize = 3;
/// Bits of an open column's index.
pub const COLUMN_BITS: u32 = 13;
/// Open columns have indices below this bound.
pub const OPEN_COLUMNS: u16 = 1 << COLUMN_BITS;
/// Bits of a quantity.
pub const QUANTITY_BITS: u32 = 64;
/// Bits of the count of an account's pages that follow, hence at most 256 pages per account.
pub const REMAINING_BITS: u32 = 8;
/// Bits of a class.
pub const CLASS_BITS: u32 = 8;
/// Pages that one account can have: `remaining` counts from 255 down to 0.
pub const MAX_PAGES_PER_ACCOUNT: usize = 1 << REMAINING_BITS;

static CATALOGUE: [Shape; 3] = [
    Shape { name: "solvency-8", purpose: Use::TestsOnly, batch_depth: 1, upper_depth: 2, words: 2 },
    Shape { name: "solvency-64", purpose: Use::Release, batch_depth: 2, upper_depth: 4, words: 2 },
    Shape { name: "solvency-512", purpose: Use::Release, batch_depth: 3, upper_depth: 5, words: 2 },
];

impl Shape {
    /// All shapes, smallest first.
    pub fn catalogue() -> &'static [Self] {
        &CATALOGUE
    }

    /// The shape called `name`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the catalogue has none.
    pub fn named(name: &str) -> Result<&'static Self, Error> {
        CATALOGUE.iter().find(|s| s.name == name).ok_or_else(|| {
            let known: Vec<_> = CATALOGUE.iter().map(|s| s.name).collect();
            Error::Malformed(format!("there is no shape `{name}`; known shapes: {}", known.join(", ")))
        })
    }

    /// Leaves folded by one step.
    pub fn batch(&self) -> usize {
        TREE_ARITY.pow(self.batch_depth as u32)
    }

    /// Batches that the upper tree holds.
    pub fn max_steps(&self) -> usize {
        TREE_ARITY.pow(self.upper_depth as u32)
    }

    /// Pages that the tree holds.
    pub fn capacity(&self) -> usize {
        self.batch() * self.max_steps()
    }

    /// Levels of every inclusion path.
    pub fn depth(&self) -> usize {
        self.batch_depth + self.upper_depth
    }

    /// Entries of one page.
    pub fn entries(&self) -> usize {
        self.words * ENTRIES_PER_WORD
    }

    /// Inputs of the leaf hash: the identity and the words.
    pub fn leaf_arity(&self) -> usize {
        1 + self.words
    }

    /// The leaf hash's domain.
    pub fn leaf_domain(&self) -> Domain {
        Domain::Leaf
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_total_can_wrap_the_field() {
        for shape in Shape::catalogue() {
            let pages = (shape.capacity() as u128).ilog2();
            let entries = shape.entries().next_power_of_two().ilog2();
            // with 64-bit quantities a column's total stays below 2^92, far below p ≈ 2^253.6
            assert!(pages + entries + QUANTITY_BITS < 92, "{}", shape.name);
            assert!(shape.capacity() <= 1 << 24, "{}", shape.name);
        }
    }

    #[test]
    fn a_word_with_the_header_stays_below_the_field() {
        let header = 1 + REMAINING_BITS + CLASS_BITS;
        let word = ENTRIES_PER_WORD as u32 * (COLUMN_BITS + QUANTITY_BITS);
        assert_eq!(word + header, 248);
    }

    #[test]
    fn names_are_found_and_others_are_not() {
        assert_eq!(Shape::named("solvency-512").unwrap().capacity(), 16_777_216);
        assert_eq!(Shape::named("solvency-64").unwrap().capacity(), 262_144);
        assert_eq!(Shape::named("solvency-8").unwrap().capacity(), 512);
        assert!(Shape::named("solvency-9").is_err());
    }
}
