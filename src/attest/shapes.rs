//! The choice of the shape that a ledger is proved with.

use assay_fold::pins::Pin;
use assay_programs::{
    ledger::{
        Ledger,
        shape::{Family, Shape},
    },
    purpose::Purpose,
};

use super::{error::AttestError, rates::MachineRates};
use crate::ledger::Snapshot;

/// Which shape to prove with.
#[derive(Debug, Clone)]
pub enum ShapeChoice {
    /// The release shape that costs least for the ledger, by constants that are the same on every machine.
    Auto,
    /// The release shape that takes the least time by these rates. [`ShapeChoice::Auto`] if they lack a shape of the family.
    Fastest(MachineRates),
    /// This shape.
    Named(&'static Shape),
}

impl ShapeChoice {
    /// An automatic choice goes by `rates`; a named shape stays.
    #[must_use]
    pub fn by(self, rates: MachineRates) -> Self {
        if matches!(self, Self::Auto) { Self::Fastest(rates) } else { self }
    }

    /// The rates that decide, if any do.
    pub fn rates(&self) -> Option<&MachineRates> {
        if let Self::Fastest(rates) = self { Some(rates) } else { None }
    }

    /// The shape of an unfinished run of `snapshot` in the place of an automatic choice, which could be another by now. A
    /// shape that the choice could not have made is left alone, so that the run is refused as one of another statement.
    #[must_use]
    pub fn or_begun(self, begun: Option<&'static Shape>, snapshot: &Snapshot) -> Self {
        let is_possible = |shape: &&Shape| {
            shape.purpose == Purpose::Release && self.family(snapshot).is_ok_and(|family| family == shape.family)
        };
        match (&self, begun.filter(is_possible)) {
            (Self::Auto | Self::Fastest(_), Some(shape)) => Self::Named(shape),
            _ => self,
        }
    }

    /// The family to prove the ledger with.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] for a ledger with rules and a shape that proves nothing of them.
    pub fn family(&self, snapshot: &Snapshot) -> Result<Family, AttestError> {
        match self {
            Self::Named(shape) if snapshot.has_rules() && shape.family == Family::Solvency => {
                Err(AttestError::NotValid(format!(
                    "the ledger has classes, instruments, limits or collateral tables, of which {} proves nothing; choose a \
                     compliance shape",
                    shape.name
                )))
            }
            Self::Named(shape) => Ok(shape.family),
            Self::Auto | Self::Fastest(_) if snapshot.has_rules() => Ok(Family::Compliance),
            Self::Auto | Self::Fastest(_) => Ok(Family::Solvency),
        }
    }
}

/// Cost of a step besides its constraints, in constraints: nova's fold on the secondary curve. This and
/// [`COMPRESSION_FACTOR`] are fitted to the measurements in circuits/programs/benches/README.md.
const STEP_OVERHEAD: u64 = 48_000;
/// Compression costs this many times the step's constraints, rounded up to a power of two.
const COMPRESSION_FACTOR: u64 = 12;

/// The cost of one step with `shape`, in constraints folded.
pub fn step_cost(shape: &Shape) -> Result<u64, AttestError> {
    Ok(Pin::of::<Ledger>(shape)?.step_constraints as u64 + STEP_OVERHEAD)
}

/// The cost of a compression with `shape`, in constraints folded.
pub fn compression_cost(shape: &Shape) -> Result<u64, AttestError> {
    Ok(COMPRESSION_FACTOR * (Pin::of::<Ledger>(shape)?.step_constraints as u64).next_power_of_two())
}

/// The cost of `steps` steps and a compression with `shape`: in microseconds if there are `rates`, which must have the
/// shape, and in constraints folded otherwise.
fn cost(shape: &Shape, steps: u64, rates: Option<&MachineRates>) -> Result<u128, AttestError> {
    let (step, compression) = match rates.and_then(|rates| rates.of(shape)) {
        Some(measured) => (measured.step.as_micros(), measured.compression.as_micros()),
        None => (u128::from(step_cost(shape)?), u128::from(compression_cost(shape)?)),
    };
    Ok(step.saturating_mul(u128::from(steps)).saturating_add(compression))
}

/// The cheapest release shape of `family` that holds the pages and columns; `pages` gives the number of pages a shape
/// needs. If no shape holds them, the largest, so that the caller's error names it. The cost is the time by `rates`, if
/// they have every shape of the family.
pub fn cheapest(
    family: Family,
    columns: usize,
    rates: Option<&MachineRates>,
    pages: impl Fn(&Shape) -> Result<u64, AttestError>,
) -> Result<&'static Shape, AttestError> {
    let shapes = || Shape::catalogue().iter().filter(|s| s.purpose == Purpose::Release && s.family == family);
    // seconds and constraints cannot be compared
    let rates = rates.filter(|rates| shapes().all(|shape| rates.of(shape).is_some()));
    let mut best: Option<(u128, &'static Shape)> = None;
    let mut largest = None;
    for shape in shapes() {
        largest = Some(shape);
        let needed = pages(shape)?;
        if needed > shape.capacity() as u64 || shape.steps_for(0, columns) > shape.max_steps() {
            continue;
        }
        let cost = cost(shape, shape.steps_for(needed as usize, columns) as u64, rates)?;
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

    use std::time::Duration;

    use super::{super::rates::Rates, *};
    use crate::ledger::MAX_ENTRIES_PER_ACCOUNT;

    /// Rates of both solvency shapes on a machine whose compression takes `compression` seconds with the large one.
    fn rates(compression: u64) -> [(&'static Shape, Rates); 2] {
        let of = |name, step, compression| {
            let rates = Rates {
                parameters: Duration::from_secs(1),
                step: Duration::from_millis(step),
                compression: Duration::from_secs(compression),
                verification: Duration::from_secs(1),
            };
            (Shape::named(name).unwrap(), rates)
        };
        [of("solvency-64", 100, 1), of("solvency-512", 400, compression)]
    }

    fn fastest(rates: &[(&'static Shape, Rates)], pages: u64) -> &'static str {
        let rates = rates.iter().copied().collect();
        cheapest(Family::Solvency, 0, Some(&rates), |_| Ok(pages)).unwrap().name
    }

    #[test]
    fn small_ledgers_take_the_small_shape_and_large_ones_the_large() {
        let chosen = |pages: u64| cheapest(Family::Solvency, 0, None, |_| Ok(pages)).unwrap().name;
        // by their measured times, the two shapes cost the same at about 5,500 pages
        assert_eq!(chosen(1), "solvency-64");
        assert_eq!(chosen(4_500), "solvency-64");
        assert_eq!(chosen(6_500), "solvency-512");
        assert_eq!(chosen(1_000_000), "solvency-512");
        // a ledger that no shape holds gets the largest, which the error then names
        assert_eq!(chosen(1 << 30), "solvency-512");
    }

    #[test]
    fn measured_rates_decide_where_there_are_any() {
        // 0.1 s for 64 pages beside 0.4 s for 512: the large shape makes up for its compression at about 1,400 pages
        assert_eq!(fastest(&rates(2), 1_200), "solvency-64");
        assert_eq!(fastest(&rates(2), 1_500), "solvency-512");
        assert_eq!(fastest(&rates(100), 100_000), "solvency-64");
        assert_eq!(fastest(&rates(100), 200_000), "solvency-512");
        // whatever the rates, a shape must hold the pages
        assert_eq!(fastest(&rates(1_000_000), 300_000), "solvency-512");
    }

    #[test]
    fn rates_that_lack_a_shape_decide_nothing() {
        for pages in [1, 4_500, 6_500, 1_000_000] {
            let fitted = cheapest(Family::Solvency, 0, None, |_| Ok(pages)).unwrap().name;
            assert_eq!(fastest(&rates(1_000_000)[..1], pages), fitted, "{pages}");
            assert_eq!(fastest(&rates(1_000_000)[1..], pages), fitted, "{pages}");
            assert_eq!(fastest(&[], pages), fitted, "{pages}");
        }
    }

    #[test]
    fn the_ledger_bounds_an_account_by_what_its_pages_hold() {
        for shape in Shape::catalogue().iter().filter(|s| s.family == Family::Solvency) {
            assert_eq!(MAX_ENTRIES_PER_ACCOUNT, MAX_PAGES_PER_ACCOUNT * shape.entries(), "{}", shape.name);
        }
    }
}
