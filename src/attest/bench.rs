//! Measures what this machine takes with each shape: real folds of sample ledgers, whose data differ in every step, with the
//! same code that `prove` runs.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use assay_core::identity::MasterSecret;
use assay_fold::Error;
use assay_programs::{
    ledger::{
        Ledger,
        fold::compress,
        shape::{Family, Shape},
        verify::verify,
    },
    purpose::TestShapes,
};

use super::{
    error::AttestError,
    forecast::{Basis, Figure, ShapeFigures, Source, estimate_end},
    rates::MachineRates,
    shapes::{ShapeChoice, step_cost},
    shards::{Choice, ShardChoice},
    stages::{Prepared, begin_fold},
};
use crate::{
    durable,
    home::Home,
    ledger::{
        Limits, check,
        sample::{Options, sample},
    },
    progress::{Progress, Silent},
};

/// Steps that are folded before time is taken: nova's first two are cheaper.
const UNTIMED_STEPS: usize = 2;
/// Steps of a fold, about: the sample ledger has pages for so many.
const STEPS: u32 = 7;
/// Time of the sample ledger.
const TAKEN_AT: &str = "2026-01-01T00:00:00Z";

/// Measures `shapes` on the threads of the current pool. What would exceed `budget` is estimated from what was measured; the
/// parameters and steps of the smallest shape are always measured. The figures are in the order of `shapes`.
///
/// # Errors
/// [`AttestError::Environment`] once `stop` is set; [`AttestError::NotValid`] and [`AttestError::Core`] if a sample cannot be
/// proved, which is a defect; [`AttestError::File`].
pub fn measure(
    shapes: &[&'static Shape],
    home: &Home,
    budget: Duration,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<Vec<ShapeFigures>, AttestError> {
    let begun = Instant::now();
    let mut by_size =
        shapes.iter().map(|shape| Ok((step_cost(shape)?, *shape))).collect::<Result<Vec<_>, AttestError>>()?;
    // the smallest first, because others are estimated from it
    by_size.sort_by_key(|(cost, _)| *cost);
    let bench = Bench { home, begun, budget, stop, progress };
    let mut figures: Vec<ShapeFigures> = Vec::with_capacity(shapes.len());
    for (_, shape) in by_size {
        figures.push(bench.shape(shape, figures.last())?);
    }
    figures.sort_by_key(|of| shapes.iter().position(|shape| *shape == of.shape));
    Ok(figures)
}

/// The figures that were measured in full, to be kept.
pub fn measured_rates(figures: &[ShapeFigures]) -> MachineRates {
    figures.iter().filter(|of| of.basis() == Basis::Measured).map(|of| (of.shape, of.rates())).collect()
}

struct Bench<'a> {
    home: &'a Home,
    begun: Instant,
    budget: Duration,
    stop: &'a AtomicBool,
    progress: &'a dyn Progress,
}

impl Bench<'_> {
    /// Measures one shape; `known` has the figures of a smaller one.
    fn shape(&self, shape: &'static Shape, known: Option<&ShapeFigures>) -> Result<ShapeFigures, AttestError> {
        self.go_on()?;
        let source = if self.home.has_parameters::<Ledger>(shape) { Source::Cache } else { Source::Derivation };
        let estimated = known.map(|known| ShapeFigures::estimate(shape, source, known)).transpose()?;
        if let Some(estimated) = &estimated
            && !self.has_time_for(estimated.parameters.time.saturating_add(estimated.step.time))
        {
            return Ok(estimated.clone());
        }
        let (keys, parameters) = self.timed(shape, "preparing the parameters", || self.home.parameters(shape))?;
        let prepared = self.prepared(shape)?;
        let mut fold = begin_fold(&prepared, &keys, 0, None)?;
        let steps = fold.steps();
        if let Some(estimated) = estimated
            && !self.has_time_for(estimated.step.time.saturating_mul(steps as u32))
        {
            return Ok(ShapeFigures { parameters: Figure::measured(parameters), ..estimated });
        }
        let mut times = Vec::with_capacity(steps);
        self.progress.begin(&format!("{}: folding", shape.name), steps as u64, "steps");
        for step in 0..steps {
            self.go_on()?;
            let begun = Instant::now();
            fold.step(prepared.batch(0, step))?;
            times.push(begun.elapsed());
            self.progress.advance(1);
        }
        self.progress.end();
        let step = typical(prepared.pages() as usize / shape.batch(), times);

        let (compression, verification) = estimate_end(shape, step, known)?;
        let figures = ShapeFigures {
            shape,
            source,
            parameters: Figure::measured(parameters),
            step: Figure::measured(step),
            compression: Figure::estimated(compression),
            verification: Figure::estimated(verification),
        };
        if !self.has_time_for(compression.saturating_add(verification)) {
            return Ok(figures);
        }
        self.go_on()?;
        let checkpoint = fold.checkpoint()?;
        drop(fold);
        let statement = prepared.into_statement();
        let (proof, compression) = self.timed(shape, "compressing", || compress(&keys, &statement, 0, &checkpoint))?;
        self.go_on()?;
        let (report, verification) = self.timed(shape, "verifying", || {
            Ok::<_, Error>(verify(Ok(&statement), &proof, TestShapes::Accepted, |_| Ok(&keys)))
        })?;
        if report.statement.is_none() {
            let failed = report.checks.iter().find(|check| !check.passed).map_or("", |check| check.detail.as_str());
            return Err(AttestError::NotValid(format!("the proof of a sample ledger does not verify: {failed}")));
        }
        Ok(ShapeFigures {
            compression: Figure::measured(compression),
            verification: Figure::measured(verification),
            ..figures
        })
    }

    /// A sample ledger with pages for [`STEPS`] steps. It needs no secret that anybody keeps.
    fn prepared(&self, shape: &'static Shape) -> Result<Prepared, AttestError> {
        let home = self.home.dir();
        durable::create_private_directory(home).map_err(AttestError::file(home))?;
        let scratch = tempfile::Builder::new().prefix(".bench-").tempdir_in(home).map_err(AttestError::file(home))?;
        let dir = scratch.path().join("ledger");
        let rules = shape.family == Family::Compliance;
        let options = Options { accounts: accounts_for(shape), seed: 1, taken_at: TAKEN_AT.to_owned(), rules };
        sample(&options, &dir, &Silent).map_err(|e| AttestError::Environment(e.to_string()))?;
        let snapshot = check(&dir, &Limits::default(), &Silent)?;
        let secret = MasterSecret::new([0; 32]);
        let choice = Choice { shape: ShapeChoice::Named(shape), shards: ShardChoice::Count(1) };
        Prepared::new(&snapshot, &secret, &choice, &AtomicBool::new(false), &Silent)
    }

    fn timed<T>(
        &self,
        shape: &Shape,
        phase: &str,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<(T, Duration), AttestError> {
        self.progress.begin(&format!("{}: {phase}", shape.name), 0, "");
        let begun = Instant::now();
        let result = work()?;
        let time = begun.elapsed();
        self.progress.end();
        Ok((result, time))
    }

    fn has_time_for(&self, time: Duration) -> bool {
        self.begun.elapsed().saturating_add(time) <= self.budget
    }

    fn go_on(&self) -> Result<(), AttestError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(AttestError::Environment("stopped; no figures were stored".to_owned()));
        }
        Ok(())
    }
}

/// Accounts of a sample whose pages fill [`STEPS`] batches. An account of the sample has 1.5 pages on average, or 2 with
/// rules.
fn accounts_for(shape: &Shape) -> u64 {
    let tenths = match shape.family {
        Family::Solvency => 15,
        Family::Compliance => 20,
    };
    (shape.batch() as u64 * u64::from(STEPS) * 10).div_ceil(tenths)
}

/// The median of `times`, without the first [`UNTIMED_STEPS`] and without those after the `full`-th, whose batches are not
/// full. At least one time is left.
fn typical(full: usize, mut times: Vec<Duration>) -> Duration {
    times.truncate(full.max(UNTIMED_STEPS + 1));
    let mut timed = times.split_off(UNTIMED_STEPS.min(times.len().saturating_sub(1)));
    timed.sort_unstable();
    timed.get(timed.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn shape(name: &str) -> &'static Shape {
        Shape::named(name).unwrap()
    }

    fn run(names: &[&str], budget: Duration, stop: bool) -> (Result<Vec<ShapeFigures>, AttestError>, Vec<String>) {
        let place = tempfile::tempdir().unwrap();
        let home = Home::new(place.path().join("home"));
        let shapes: Vec<_> = names.iter().map(|name| shape(name)).collect();
        let figures = measure(&shapes, &home, budget, &AtomicBool::new(stop), &Silent);
        let left = fs::read_dir(home.dir()).into_iter().flatten();
        (figures, left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
    }

    #[test]
    fn a_shape_is_measured_from_its_parameters_to_its_verification_and_only_they_are_kept() {
        let (figures, left) = run(&["solvency-8"], Duration::MAX, false);
        let figures = figures.unwrap();
        assert_eq!((figures[0].basis(), figures[0].source), (Basis::Measured, Source::Derivation));
        assert!(figures[0].rates().step > Duration::ZERO && figures[0].rates().compression > figures[0].rates().step);
        assert_eq!(measured_rates(&figures).of(shape("solvency-8")), Some(&figures[0].rates()));
        assert_eq!(left, ["parameters"]);
    }

    #[test]
    fn without_time_the_smallest_shape_is_folded_and_the_rest_estimated() {
        let (figures, _) = run(&["solvency-512", "solvency-8"], Duration::ZERO, false);
        let figures = figures.unwrap();
        let names: Vec<_> = figures.iter().map(|of| of.shape.name).collect();
        assert_eq!(names, ["solvency-512", "solvency-8"]);
        let bases = |of: &ShapeFigures| [of.parameters, of.step, of.compression, of.verification].map(|f| f.basis);
        use Basis::{Estimated, Measured};
        assert_eq!(bases(&figures[0]), [Estimated; 4]);
        assert_eq!(bases(&figures[1]), [Measured, Measured, Estimated, Estimated]);
        assert!(figures[0].step.time > figures[1].step.time);
        assert_eq!(measured_rates(&figures), MachineRates::default());
    }

    #[test]
    fn an_interrupted_measurement_gives_no_figures() {
        let (figures, left) = run(&["solvency-8"], Duration::MAX, true);
        assert_eq!(figures.unwrap_err().exit_code(), 3);
        assert!(left.is_empty());
    }

    #[test]
    fn each_released_shape_has_full_steps_to_time() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::new(place.path().to_owned());
        let (stop, begun, budget) = (AtomicBool::new(false), Instant::now(), Duration::MAX);
        let bench = Bench { home: &home, begun, budget, stop: &stop, progress: &Silent };
        for shape in Shape::catalogue() {
            let prepared = bench.prepared(shape).unwrap();
            let full = prepared.pages() as usize / shape.batch();
            assert!(full >= UNTIMED_STEPS + 4, "{} has {full} full steps", shape.name);
            let first = prepared.batch(0, UNTIMED_STEPS);
            assert_ne!(
                first,
                prepared.batch(0, UNTIMED_STEPS + 1),
                "{}: the data of two steps are the same",
                shape.name
            );
        }
    }

    #[test]
    fn the_untimed_steps_and_those_that_are_not_full_count_for_nothing() {
        let times = |seconds: &[u64]| seconds.iter().map(|s| Duration::from_secs(*s)).collect::<Vec<_>>();
        assert_eq!(typical(5, times(&[90, 91, 3, 1, 2, 80, 81])), Duration::from_secs(2));
        assert_eq!(typical(9, times(&[90, 91, 3, 1, 2])), Duration::from_secs(2));
        assert_eq!(typical(0, times(&[90, 91, 7, 1])), Duration::from_secs(7));
        assert_eq!(typical(1, times(&[90])), Duration::from_secs(90));
    }
}
