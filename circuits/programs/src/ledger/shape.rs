//! The catalogue of shapes: the fixed dimensions of a circuit, as data. Gadgets read them, nothing else decides them.
//!
//! A shape never changes once released: other dimensions are another name.

use assay_core::{Error, tree::Depths};

use crate::purpose::Purpose;

pub use assay_core::tree::TREE_ARITY;

/// What is proved: the one choice that tells two ledgers' programs apart. Everything else that differs between them is read
/// from the shape's dimensions or from what the statement and the state hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Totals.
    Solvency,
    /// Totals, limits and measures.
    Compliance,
}

/// The dimensions of one circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Catalogue name, e.g. `solvency-512`.
    pub name: &'static str,
    /// What is proved with it.
    pub family: Family,
    /// Who may use it.
    pub purpose: Purpose,
    /// Levels of the tree: 8^`batch` leaves are folded by one step.
    pub depths: Depths,
    /// Words per page; a word packs three open entries.
    pub words: usize,
    /// Capped entries per page.
    pub capped: usize,
    /// Measures that a first page carries.
    pub measures: usize,
    /// Columns of the book that one step takes in.
    pub columns_per_step: usize,
}

/// Entries that one word packs.
pub const ENTRIES_PER_WORD: usize = 3;
/// Bits of an open column's index.
pub const COLUMN_BITS: u32 = 13;
/// Open columns have indices below this bound.
pub const OPEN_COLUMNS: u16 = 1 << COLUMN_BITS;
/// Capped columns have indices from [`OPEN_COLUMNS`] up to, not including, this bound.
pub const ALL_COLUMNS: u16 = 1 << (COLUMN_BITS + 1);
/// Most assets of a book.
pub const MAX_ASSETS: usize = 4096;
/// Most instruments of a book.
pub const MAX_INSTRUMENTS: usize = 2048;
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

const fn solvency(name: &'static str, purpose: Purpose, depths: Depths) -> Shape {
    let family = Family::Solvency;
    Shape { name, family, purpose, depths, words: 2, capped: 0, measures: 0, columns_per_step: 0 }
}

const fn compliance(name: &'static str, purpose: Purpose, depths: Depths, columns_per_step: usize) -> Shape {
    let family = Family::Compliance;
    Shape { name, family, purpose, depths, words: 1, capped: 2, measures: MEASURES, columns_per_step }
}

const SMALL: Depths = Depths { batch: 1, upper: 2 };
const MEDIUM: Depths = Depths { batch: 2, upper: 4 };
const LARGE: Depths = Depths { batch: 3, upper: 5 };

static CATALOGUE: [Shape; 6] = [
    solvency("solvency-8", Purpose::TestsOnly, SMALL),
    solvency("solvency-64", Purpose::Release, MEDIUM),
    solvency("solvency-512", Purpose::Release, LARGE),
    compliance("compliance-8", Purpose::TestsOnly, SMALL, 16),
    compliance("compliance-64", Purpose::Release, MEDIUM, 16),
    compliance("compliance-512", Purpose::Release, LARGE, 16),
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
        TREE_ARITY.pow(self.depths.batch as u32)
    }

    /// Batches that the upper tree holds.
    pub fn max_steps(&self) -> usize {
        self.depths.max_batches()
    }

    /// Pages that the tree holds.
    pub fn capacity(&self) -> usize {
        self.batch() * self.max_steps()
    }

    /// Levels of every inclusion path.
    pub fn depth(&self) -> usize {
        self.depths.total()
    }

    /// Open entries of one page.
    pub fn entries(&self) -> usize {
        self.words * ENTRIES_PER_WORD
    }

    /// Inputs of the leaf hash: the identity, the words, each capped entry, and the word of the measures.
    pub fn leaf_arity(&self) -> usize {
        1 + self.words + self.capped + self.measures.min(1)
    }

    /// Steps that take in `pages` pages and `columns` columns of the book; at least one.
    pub fn steps_for(&self, pages: usize, columns: usize) -> usize {
        let feeding = if self.columns_per_step == 0 { 0 } else { columns.div_ceil(self.columns_per_step) };
        pages.div_ceil(self.batch()).max(feeding).max(1)
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
            let entries = (shape.entries() + shape.capped).next_power_of_two().ilog2();
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
        for shape in Shape::catalogue().iter().filter(|s| s.purpose == Purpose::Release) {
            let all = shape.columns_per_step * shape.max_steps();
            assert!(shape.family == Family::Solvency || all >= usize::from(ALL_COLUMNS), "{}", shape.name);
        }
        let shape = Shape::named("compliance-64").unwrap();
        assert_eq!((shape.steps_for(1, 1), shape.steps_for(65, 1), shape.steps_for(64, 9)), (1, 2, 1));
        assert_eq!((shape.steps_for(64, 16), shape.steps_for(64, 17), shape.steps_for(129, 33)), (1, 2, 3));
    }

    #[test]
    fn names_are_found_and_others_are_not() {
        assert_eq!(Shape::named("solvency-512").unwrap().capacity(), 16_777_216);
        assert_eq!(Shape::named("solvency-64").unwrap().capacity(), 262_144);
        assert_eq!(Shape::named("solvency-8").unwrap().capacity(), 512);
        assert!(Shape::named("solvency-9").is_err());
    }
}
