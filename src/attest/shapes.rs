//! The choice of the shape that a ledger is proved with.

use assay_fold::pins::Pin;
use assay_programs::{
    ledger::{
        Ledger,
        shape::{Family, Shape},
    },
    purpose::Purpose,
};

use super::error::AttestError;
use crate::ledger::Snapshot;

/// Which shape to prove with.
#[derive(Debug, Clone, Copy)]
pub enum ShapeChoice {
    /// The release shape that costs least for the ledger.
    Auto,
    /// This shape.
    Named(&'static Shape),
}

impl ShapeChoice {
    /// The family to prove the ledger with.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] for a ledger with rules and a shape that proves nothing of them.
    pub fn family(self, snapshot: &Snapshot) -> Result<Family, AttestError> {
        match self {
            Self::Named(shape) if snapshot.has_rules() && shape.family == Family::Solvency => {
                Err(AttestError::NotValid(format!(
                    "the ledger has classes, instruments, limits or collateral tables, of which {} proves nothing; choose a \
                     compliance shape",
                    shape.name
                )))
            }
            Self::Named(shape) => Ok(shape.family),
            Self::Auto if snapshot.has_rules() => Ok(Family::Compliance),
            Self::Auto => Ok(Family::Solvency),
        }
    }
}

/// Cost of a step besides its constraints, in constraints: nova's fold on the secondary curve. This and
/// [`COMPRESSION_FACTOR`] are fitted to the measurements in circuits/programs/benches/README.md.
const STEP_OVERHEAD: u64 = 48_000;
/// Compression costs this many times the step's constraints, rounded up to a power of two.
const COMPRESSION_FACTOR: u64 = 12;

/// The cost of proving `pages` pages and `columns` columns with `shape`, in constraints folded.
fn cost(shape: &Shape, pages: u64, columns: usize) -> Result<u64, AttestError> {
    let constraints = Pin::of::<Ledger>(shape)?.step_constraints as u64;
    let steps = shape.steps_for(pages as usize, columns) as u64;
    Ok(steps * (constraints + STEP_OVERHEAD) + COMPRESSION_FACTOR * constraints.next_power_of_two())
}

/// The cheapest release shape of `family` that holds the pages and columns; `pages` gives the number of pages a shape
/// needs. If no shape holds them, the largest, so that the caller's error names it.
pub fn cheapest(
    family: Family,
    columns: usize,
    pages: impl Fn(&Shape) -> Result<u64, AttestError>,
) -> Result<&'static Shape, AttestError> {
    let mut best: Option<(u64, &'static Shape)> = None;
    let mut largest = None;
    for shape in Shape::catalogue().iter().filter(|s| s.purpose == Purpose::Release && s.family == family) {
        largest = Some(shape);
        let needed = pages(shape)?;
        if needed > shape.capacity() as u64 || shape.steps_for(0, columns) > shape.max_steps() {
            continue;
        }
        let cost = cost(shape, needed, columns)?;
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, shape));
        }
    }
    let shape = best.map(|(_, shape)| shape).or(largest);
    shape.ok_or_else(|| AttestError::NotValid("this release has no shape".to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::ledger::shape::MAX_PAGES_PER_ACCOUNT;

    use super::*;
    use crate::ledger::MAX_ENTRIES_PER_ACCOUNT;

    #[test]
    fn small_ledgers_take_the_small_shape_and_large_ones_the_large() {
        let chosen = |pages: u64| cheapest(Family::Solvency, 0, |_| Ok(pages)).unwrap().name;
        // by their measured times, the two shapes cost the same at about 5,500 pages
        assert_eq!(chosen(1), "solvency-64");
        assert_eq!(chosen(4_500), "solvency-64");
        assert_eq!(chosen(6_500), "solvency-512");
        assert_eq!(chosen(1_000_000), "solvency-512");
        // a ledger that no shape holds gets the largest, which the error then names
        assert_eq!(chosen(1 << 30), "solvency-512");
    }

    #[test]
    fn the_ledger_bounds_an_account_by_what_its_pages_hold() {
        for shape in Shape::catalogue().iter().filter(|s| s.family == Family::Solvency) {
            assert_eq!(MAX_ENTRIES_PER_ACCOUNT, MAX_PAGES_PER_ACCOUNT * shape.entries(), "{}", shape.name);
        }
    }
}
