//! What was not measured: a shape's times from those of another shape, by the numbers of constraints, and the time of a
//! whole ledger. Integers only.

use std::time::Duration;

use assay_programs::ledger::shape::{Family, Shape};

use super::{
    error::AttestError,
    rates::Rates,
    shapes::{compression_cost, step_cost},
};

/// A first verification takes about this part of a compression. This and [`DERIVING_FACTOR`] are fitted to the
/// measurements in circuits/programs/benches/README.md.
const VERIFICATION_PART: u64 = 4;
/// Deriving parameters takes about this many times as long as reading them.
const DERIVING_FACTOR: u64 = 4;

/// Whether a figure was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// In this run.
    Measured,
    /// From the numbers of constraints and what was measured.
    Estimated,
}

/// A time, and whether it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// The time.
    pub time: Duration,
    /// Whether it was measured.
    pub basis: Basis,
}

impl Figure {
    /// A measured time.
    pub fn measured(time: Duration) -> Self {
        Self { time, basis: Basis::Measured }
    }

    /// An estimated time.
    pub fn estimated(time: Duration) -> Self {
        Self { time, basis: Basis::Estimated }
    }
}

/// Where parameters come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The cache in the home directory.
    Cache,
    /// The circuit, once for each home directory.
    Derivation,
}

/// What one shape takes.
#[derive(Debug, Clone)]
pub struct ShapeFigures {
    /// The shape.
    pub shape: &'static Shape,
    /// Where the parameters come from.
    pub source: Source,
    /// Reading or deriving the parameters.
    pub parameters: Figure,
    /// One step of the fold.
    pub step: Figure,
    /// The compression.
    pub compression: Figure,
    /// The verification.
    pub verification: Figure,
}

impl ShapeFigures {
    /// All figures of `shape`, estimated from those of another shape.
    ///
    /// # Errors
    /// [`AttestError::Core`] if a shape is not pinned.
    pub fn estimate(shape: &'static Shape, source: Source, known: &Self) -> Result<Self, AttestError> {
        let (compression, verification) = estimate_end(shape, known.step.time, Some(known))?;
        let weight = |source: Source| if source == Source::Derivation { DERIVING_FACTOR } else { 1 };
        let costs = (compression_cost(known.shape)?, compression_cost(shape)?);
        let parameters = scaled(known.parameters.time, costs.0 * weight(known.source), costs.1 * weight(source));
        let step = scaled(known.step.time, step_cost(known.shape)?, step_cost(shape)?);
        Ok(Self {
            shape,
            source,
            parameters: Figure::estimated(parameters),
            step: Figure::estimated(step),
            compression: Figure::estimated(compression),
            verification: Figure::estimated(verification),
        })
    }

    /// The times without their basis.
    pub fn rates(&self) -> Rates {
        Rates {
            parameters: self.parameters.time,
            step: self.step.time,
            compression: self.compression.time,
            verification: self.verification.time,
        }
    }

    /// Measured if all times were.
    pub fn basis(&self) -> Basis {
        let all = [self.parameters, self.step, self.compression, self.verification];
        if all.iter().all(|figure| figure.basis == Basis::Measured) { Basis::Measured } else { Basis::Estimated }
    }
}

/// The compression and the verification with `shape`: from those of `known` if there is one, else from the shape's own
/// `step`.
///
/// # Errors
/// [`AttestError::Core`] if a shape is not pinned.
pub fn estimate_end(
    shape: &Shape,
    step: Duration,
    known: Option<&ShapeFigures>,
) -> Result<(Duration, Duration), AttestError> {
    let cost = compression_cost(shape)?;
    let Some(known) = known else {
        let compression = scaled(step, step_cost(shape)?, cost);
        return Ok((compression, scaled(compression, VERIFICATION_PART, 1)));
    };
    let known_cost = compression_cost(known.shape)?;
    let scale = |figure: Figure| scaled(figure.time, known_cost, cost);
    Ok((scale(known.compression), scale(known.verification)))
}

/// `time` · `to` / `from`.
fn scaled(time: Duration, from: u64, to: u64) -> Duration {
    let microseconds = time.as_micros().saturating_mul(u128::from(to)) / u128::from(from.max(1));
    Duration::from_micros(u64::try_from(microseconds).unwrap_or(u64::MAX))
}

/// A number of pages in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageThousandths(pub u64);

impl PageThousandths {
    /// The average pages of an account in the published ledger of circuits/programs/benches/README.md.
    pub fn usual(family: Family) -> Self {
        Self(match family {
            Family::Solvency => 1_875,
            Family::Compliance => 2_495,
        })
    }
}

/// A ledger to forecast, and the machines that prove it.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// Number of accounts.
    pub accounts: u64,
    /// Average number of pages of an account.
    pub pages_per_account: PageThousandths,
    /// Number of machines, all like this one; at least 1.
    pub machines: u64,
}

/// How a ledger is proved with one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Pages in all.
    pub pages: u64,
    /// Steps that each machine folds.
    pub steps: u64,
    /// The time; `None` if the shape's tree does not hold a machine's pages.
    pub time: Option<Duration>,
}

impl Forecast {
    /// The forecast for `shape`. Each machine folds and compresses an equal part of the pages, all at the same time; one of
    /// them verifies all proofs. Checking and planning the ledger are not included.
    pub fn new(shape: &Shape, rates: &Rates, workload: &Workload) -> Self {
        let thousandths = u128::from(workload.accounts) * u128::from(workload.pages_per_account.0);
        let pages = u64::try_from(thousandths.div_ceil(1000)).unwrap_or(u64::MAX);
        let own = pages.div_ceil(workload.machines.max(1));
        let steps = own.div_ceil(shape.batch() as u64).max(1);
        let microseconds = |time: Duration, times: u64| time.as_micros().saturating_mul(u128::from(times));
        let all = [
            microseconds(rates.parameters, 1),
            microseconds(rates.step, steps),
            microseconds(rates.compression, 1),
            microseconds(rates.verification, workload.machines),
        ];
        let all = all.iter().fold(0u128, |sum, part| sum.saturating_add(*part));
        let time = Duration::from_micros(u64::try_from(all).unwrap_or(u64::MAX));
        Self { pages, steps, time: (own <= shape.capacity() as u64).then_some(time) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn shape(name: &str) -> &'static Shape {
        Shape::named(name).unwrap()
    }

    /// What `solvency-64` takes in the benches' README.
    fn known() -> ShapeFigures {
        ShapeFigures {
            shape: shape("solvency-64"),
            source: Source::Cache,
            parameters: Figure::measured(ms(350)),
            step: Figure::measured(ms(80)),
            compression: Figure::measured(ms(1_100)),
            verification: Figure::measured(ms(150)),
        }
    }

    fn rates() -> Rates {
        Rates { parameters: ms(2_000), step: ms(330), compression: ms(5_000), verification: ms(500) }
    }

    #[test]
    fn a_ledger_takes_its_steps_and_one_compression() {
        let workload =
            Workload { accounts: 1_000_000, pages_per_account: PageThousandths::usual(Family::Solvency), machines: 1 };
        let forecast = Forecast::new(shape("solvency-512"), &rates(), &workload);
        // 1,875,000 pages, 512 a step
        let time = ms(2_000 + 3_663 * 330 + 5_000 + 500);
        assert_eq!(forecast, Forecast { pages: 1_875_000, steps: 3_663, time: Some(time) });
    }

    #[test]
    fn several_machines_share_the_steps_and_one_verifies_what_all_made() {
        let workload = Workload { accounts: 1_000, pages_per_account: PageThousandths(1_024), machines: 4 };
        let forecast = Forecast::new(shape("solvency-64"), &rates(), &workload);
        // 1,024 pages, 256 for each machine
        assert_eq!((forecast.pages, forecast.steps), (1_024, 4));
        assert_eq!(forecast.time, Some(ms(2_000 + 4 * 330 + 5_000 + 4 * 500)));
        let more_than_pages = Workload { machines: 5_000, ..workload };
        assert_eq!(Forecast::new(shape("solvency-64"), &rates(), &more_than_pages).steps, 1);
    }

    #[test]
    fn part_of_a_page_is_a_page_and_part_of_a_batch_a_step() {
        let workload = Workload { accounts: 1, pages_per_account: PageThousandths(1_001), machines: 1 };
        let forecast = Forecast::new(shape("solvency-64"), &rates(), &workload);
        assert_eq!((forecast.pages, forecast.steps), (2, 1));
        let forecast = Forecast::new(shape("solvency-64"), &rates(), &Workload { accounts: 64, ..workload });
        assert_eq!((forecast.pages, forecast.steps), (65, 2));
    }

    #[test]
    fn a_ledger_that_the_tree_does_not_hold_has_no_time_unless_machines_share_it() {
        let small = shape("solvency-64");
        let workload = |accounts, machines| Workload { accounts, pages_per_account: PageThousandths(1_000), machines };
        assert!(Forecast::new(small, &rates(), &workload(262_144, 1)).time.is_some());
        assert_eq!(Forecast::new(small, &rates(), &workload(262_145, 1)).time, None);
        assert!(Forecast::new(small, &rates(), &workload(262_145, 2)).time.is_some());
    }

    #[test]
    fn no_workload_overflows() {
        let longest = Rates { step: Duration::MAX, ..rates() };
        let workload =
            Workload { accounts: u64::MAX, pages_per_account: PageThousandths(u64::MAX), machines: u64::MAX };
        for machines in [1, u64::MAX] {
            Forecast::new(shape("solvency-512"), &longest, &Workload { machines, ..workload });
        }
    }

    #[test]
    fn an_estimate_follows_the_constraints() {
        let large = ShapeFigures::estimate(shape("solvency-512"), Source::Cache, &known()).unwrap();
        // (427,538 + 48,000) / (66,172 + 48,000) and 2^19 / 2^17
        assert_eq!(large.step, Figure::estimated(Duration::from_micros(333_208)));
        assert_eq!(large.compression, Figure::estimated(ms(4_400)));
        assert_eq!(large.verification, Figure::estimated(ms(600)));
        assert_eq!(large.parameters, Figure::estimated(ms(1_400)));
        assert_eq!((known().basis(), large.basis()), (Basis::Measured, Basis::Estimated));
        // parameters that are not cached take longer
        let derived = ShapeFigures::estimate(shape("solvency-512"), Source::Derivation, &known()).unwrap();
        assert_eq!(derived.parameters.time, ms(5_600));
    }

    #[test]
    fn a_shape_that_was_timed_alone_has_its_end_estimated_from_its_step() {
        let (compression, verification) = estimate_end(shape("solvency-64"), ms(80), None).unwrap();
        // 12 · 2^17 / (66,172 + 48,000) steps
        assert_eq!((compression, verification), (Duration::from_micros(1_102_101), Duration::from_micros(275_525)));
        let (compression, _) = estimate_end(shape("solvency-512"), ms(1), Some(&known())).unwrap();
        assert_eq!(compression, ms(4_400));
    }

    #[test]
    fn one_estimated_figure_makes_the_whole_an_estimate() {
        let part = ShapeFigures { verification: Figure::estimated(ms(1)), ..known() };
        assert_eq!(part.basis(), Basis::Estimated);
    }
}
