//! The choice of the number of shards that a ledger is proved in, and with it the whole choice of how to prove it.

use assay_programs::ledger::{
    shape::Shape,
    statement::{MAX_SHARDS, Statement},
};

use super::{error::AttestError, rates::MachineRates, shapes::ShapeChoice};
use crate::ledger::Snapshot;

/// How to prove a ledger.
#[derive(Debug, Clone)]
pub struct Choice {
    /// With which shape.
    pub shape: ShapeChoice,
    /// In how many shards.
    pub shards: ShardChoice,
}

impl Choice {
    /// An automatic choice of the shape goes by `rates`.
    #[must_use]
    pub fn by(self, rates: MachineRates) -> Self {
        Self { shape: self.shape.by(rates), ..self }
    }

    /// Shape and number of shards of an unfinished run of `snapshot`, whose statement is `begun`, in the place of automatic
    /// choices, which could be others by now.
    #[must_use]
    pub fn or_begun(self, begun: Option<Statement>, snapshot: &Snapshot) -> Self {
        let shape = begun.as_ref().and_then(|statement| statement.shape().ok());
        let shards = match (self.shards, begun.as_ref().map(Statement::shard_count)) {
            (ShardChoice::Auto { .. }, Some(count)) => ShardChoice::Count(count),
            (shards, _) => shards,
        };
        Self { shape: self.shape.or_begun(shape, snapshot), shards }
    }
}

/// In how many shards to prove.
#[derive(Debug, Clone, Copy)]
pub enum ShardChoice {
    /// As many as the ledger needs and as this many cores can fold side by side.
    Auto {
        /// Cores.
        cores: usize,
    },
    /// This many, 1 to [`MAX_SHARDS`].
    Count(u32),
}

/// Cores that one fold makes good use of.
pub const CORES_A_SHARD: usize = 4;
/// Fewest steps for which a further shard pays: each shard costs a compression, as long as some dozen steps.
const STEPS_A_SHARD: u64 = 64;

impl ShardChoice {
    /// The number of shards for a ledger of `pages` pages.
    ///
    /// # Errors
    /// [`AttestError::Usage`] for more than [`MAX_SHARDS`]; [`AttestError::NotValid`] if the ledger needs more.
    pub fn count(self, shape: &Shape, pages: u64) -> Result<u32, AttestError> {
        match self {
            Self::Count(count) if (1..=MAX_SHARDS as u32).contains(&count) => Ok(count),
            Self::Count(count) => Err(AttestError::Usage(format!("{count} shards; there can be 1 to {MAX_SHARDS}"))),
            Self::Auto { cores } => {
                let capacity = shape.capacity() as u64;
                // shards differ in size by a few per mille
                let needed = if pages <= capacity { 1 } else { pages.div_ceil(capacity - capacity / 64) };
                let steps = pages.div_ceil(shape.batch() as u64);
                let useful = ((cores / CORES_A_SHARD) as u64).min(steps / STEPS_A_SHARD);
                let count = u32::try_from(needed.max(useful).max(1)).ok().filter(|n| *n as usize <= MAX_SHARDS);
                count.ok_or_else(|| {
                    AttestError::NotValid(format!("{pages} pages are more than {MAX_SHARDS} shards of {}", shape.name))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shards_follow_cores_and_capacity() {
        let shape = Shape::named("solvency-512").unwrap();
        let auto = |cores, pages| ShardChoice::Auto { cores }.count(shape, pages).unwrap();
        // one tree is enough, and there are few cores
        assert_eq!((auto(1, 16_777_216), auto(2, 1_000_000), auto(7, 1_000_000)), (1, 1, 1));
        assert_eq!((auto(8, 1_000_000), auto(64, 1_000_000)), (2, 16));
        // a small ledger gains nothing from more
        assert_eq!((auto(64, 1_000), auto(64, 70_000), auto(64, 0)), (1, 2, 1));
        // one tree is not enough
        assert_eq!((auto(1, 16_777_217), auto(2, 160_000_000)), (2, 10));
        assert!(ShardChoice::Auto { cores: 1 }.count(shape, u64::MAX).is_err());
        assert_eq!(ShardChoice::Count(7).count(shape, 1).unwrap(), 7);
        for wrong in [0, 4097] {
            assert!(ShardChoice::Count(wrong).count(shape, 1).is_err());
        }
    }
}
