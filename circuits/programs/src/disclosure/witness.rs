//! The private values of a disclosure.

use assay_core::{
    field::{F, power_of_two},
    hash::{Domain, hash},
    tree::TREE_ARITY,
};
use ff::{Field, PrimeField};

use crate::ledger::{
    inclusion::{IncludedPage, children_along},
    page::{Page, SIGNED_BITS},
    shape::{MEASURE_BITS, MEASURES, Shape},
};

/// Levels that a path may have: those of the deepest shape.
pub const MAX_DEPTH: usize = 8;
/// Words of a leaf between identity and measures: one of open entries, two capped ones.
pub(super) const WORDS: usize = 3;

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
    /// [`assay_core::Error::Malformed`] for a page of a family without measures, or a path that is none.
    pub fn new(shape: &Shape, page: &Page, included: &IncludedPage) -> Result<Self, assay_core::Error> {
        let words = page.words();
        let words = words[..words.len().saturating_sub(1)].try_into();
        let words = words.map_err(|_| assay_core::Error::Malformed(format!("{} attests no measures", shape.name)))?;
        let path = children_along(page.leaf(), included.index, &included.path, shape.depth())?;
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

/// `count` bits of the canonical value from bit `offset` on, at most 128.
pub(super) fn bits(value: F, offset: u32, count: u32) -> u128 {
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
        for shape in Shape::catalogue().iter().filter(|s| s.measures > 0) {
            assert!(shape.depth() <= MAX_DEPTH && shape.leaf_arity() == 2 + WORDS, "{}", shape.name);
        }
    }
}
