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
    /// What the compliance family has beside that.
    pub rules: Option<RuleShape>,
}

/// The dimensions that rules on accounts add: limits and measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleShape {
    /// Capped entries per page.
    pub capped: usize,
    /// Columns of the book that one step takes in.
    pub columns_per_step: usize,
}

/// Children of a tree node.
pub const TREE_ARITY: usize = 8;
/// Entries that one word packs.
pub const ENTRIES_PER_WORD: usize = 3;
/// Bits of an open column's index.
pub const COLUMN_BITS: u32 = 13;
/// Open columns have indices below this bound.
pub const OPEN_COLUMNS: u16 = 1 << COLUMN_BITS;
/// Capped columns have indices from [`OPEN_COLUMNS`] up to, not including, this bound.
pub const ALL_COLUMNS: u16 = 1 << (COLUMN_BITS + 1);
/// Measures of every account: equity and margin excess.
pub const MEASURES: usize = 2;
/// Bits of a measure's magnitude.
pub const MEASURE_BITS: u32 = 96;
/// Bits of a quantity.
pub const QUANTITY_BITS: u32 = 64;
/// Bits of the count of an account's pages that follow, hence at most 256 pages per account.
pub const REMAINING_BITS: u32 = 8;
/// Bits of a class.
pub const CLASS_BITS: u32 = 8;
/// Pages that one account can have: `remaining` counts from 255 down to 0.
pub const MAX_PAGES_PER_ACCOUNT: usize = 1 << REMAINING_BITS;

/// Both families side by side, by their names and the dimensions they share.
const fn shape(name: &'static str, purpose: Use, depths: (usize, usize), columns_per_step: Option<usize>) -> Shape {
    let (batch_depth, upper_depth) = depths;
    match columns_per_step {
        None => Shape { name, purpose, batch_depth, upper_depth, words: 2, rules: None },
        Some(columns_per_step) => {
            let rules = Some(RuleShape { capped: 2, columns_per_step });
            Shape { name, purpose, batch_depth, upper_depth, words: 1, rules }
        }
    }
}

static CATALOGUE: [Shape; 6] = [
    shape("solvency-8", Use::TestsOnly, (1, 2), None),
    shape("solvency-64", Use::Release, (2, 4), None),
    shape("solvency-512", Use::Release, (3, 5), None),
    shape("compliance-8", Use::TestsOnly, (1, 2), Some(16)),
    shape("compliance-64", Use::Release, (2, 4), Some(4)),
    shape("compliance-512", Use::Release, (3, 5), Some(16)),
];

impl Shape {
    /// All shapes, family by family, smallest first.
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

    /// Open entries of one page.
    pub fn entries(&self) -> usize {
        self.words * ENTRIES_PER_WORD
    }

    /// Capped entries of one page.
    pub fn capped(&self) -> usize {
        self.rules.map_or(0, |r| r.capped)
    }

    /// Inputs of the leaf hash: the identity, the words, each capped entry, and the measures.
    pub fn leaf_arity(&self) -> usize {
        1 + self.words + self.rules.map_or(0, |r| r.capped + 1)
    }

    /// Columns of the book that one step takes in.
    pub fn columns_per_step(&self) -> usize {
        self.rules.map_or(0, |r| r.columns_per_step)
    }

    /// Steps that take in `pages` pages and `columns` columns of the book; at least one.
    pub fn steps_for(&self, pages: usize, columns: usize) -> usize {
        let feeding = self.rules.map_or(0, |r| columns.div_ceil(r.columns_per_step));
        pages.div_ceil(self.batch()).max(feeding).max(1)
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
            let entries = (shape.entries() + shape.capped()).next_power_of_two().ilog2();
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
    fn every_shape_can_take_in_every_column() {
        for shape in Shape::catalogue().iter().filter(|s| s.purpose == Use::Release) {
            let all = shape.columns_per_step() * shape.max_steps();
            assert!(shape.rules.is_none() || all >= usize::from(ALL_COLUMNS), "{}", shape.name);
        }
        let shape = Shape::named("compliance-64").unwrap();
        assert_eq!((shape.steps_for(1, 1), shape.steps_for(65, 1), shape.steps_for(64, 9)), (1, 2, 3));
    }

    #[test]
    fn names_are_found_and_others_are_not() {
        assert_eq!(Shape::named("solvency-512").unwrap().capacity(), 16_777_216);
        assert_eq!(Shape::named("solvency-64").unwrap().capacity(), 262_144);
        assert_eq!(Shape::named("solvency-8").unwrap().capacity(), 512);
        assert!(Shape::named("solvency-9").is_err());
    }
}
