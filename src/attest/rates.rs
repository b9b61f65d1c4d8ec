//! What this machine needs for each shape, as `assay bench` measured it. The figures are kept in one file of the home
//! directory. They choose a shape and forecast a time; no proof depends on them.
//!
//! A record counts only for the parameters, the program and the number of threads that it was measured with. Everything else
//! in the file is ignored, so a file of another version or a damaged one costs only the forecast.

use std::{fs::File, io::Read, time::Duration};

use assay_fold::pins::Pin;
use assay_programs::ledger::{Ledger, shape::Shape};
use serde::{Deserialize, Serialize};

use super::error::AttestError;
use crate::{
    durable::{self, Access},
    home::Home,
};

/// Version of this program, which a record names.
pub const PROGRAM: &str = env!("CARGO_PKG_VERSION");
/// Bound on what is read: a record has about 300 bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Bound on what is believed of one figure.
const MAX_MICROSECONDS: u64 = 30 * 24 * 3600 * 1_000_000;

/// What one shape takes on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Reading or deriving the parameters.
    pub parameters: Duration,
    /// One step of the fold.
    pub step: Duration,
    /// The compression, with the proving key made in it.
    pub compression: Duration,
    /// The verification, with the verifying key made in it.
    pub verification: Duration,
}

/// The rates of this machine, by shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineRates(Vec<(&'static Shape, Rates)>);

impl MachineRates {
    /// The rates that were measured on `threads` threads and kept in `home`. Empty if there are none.
    pub fn read(home: &Home, threads: usize) -> Self {
        let current = |record: Record| record.rates(threads);
        Self(records(home).into_iter().filter_map(current).collect())
    }

    /// Keeps the rates in `home`. Rates of other shapes and of other numbers of threads stay, unless this program would
    /// ignore them.
    ///
    /// # Errors
    /// [`AttestError::File`].
    pub fn write(&self, home: &Home, threads: usize) -> Result<(), AttestError> {
        let mut kept = records(home);
        let is_new = |record: &Record| record.threads == threads && self.0.iter().any(|(s, _)| s.name == record.shape);
        kept.retain(|record| record.rates(record.threads).is_some() && !is_new(record));
        for (shape, rates) in &self.0 {
            kept.push(Record::new(shape, threads, rates)?);
        }
        let mut bytes = serde_json::to_vec_pretty(&RatesFile { measured: kept })
            .map_err(|e| AttestError::Environment(format!("the figures cannot be written down: {e}")))?;
        bytes.push(b'\n');
        durable::create_private_directory(home.dir()).map_err(AttestError::file(home.dir()))?;
        let path = home.bench_file();
        durable::replace(&path, Access::Public, &bytes).map_err(AttestError::file(&path))
    }

    /// The rates of `shape`.
    pub fn of(&self, shape: &Shape) -> Option<&Rates> {
        self.0.iter().find(|(measured, _)| *measured == shape).map(|(_, rates)| rates)
    }
}

impl FromIterator<(&'static Shape, Rates)> for MachineRates {
    fn from_iter<I: IntoIterator<Item = (&'static Shape, Rates)>>(rates: I) -> Self {
        Self(rates.into_iter().collect())
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct RatesFile {
    measured: Vec<Record>,
}

/// The rates of one shape on one number of threads.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    shape: String,
    parameter_digest: String,
    program: String,
    threads: usize,
    parameters_microseconds: u64,
    step_microseconds: u64,
    compression_microseconds: u64,
    verification_microseconds: u64,
}

impl Record {
    fn new(shape: &Shape, threads: usize, rates: &Rates) -> Result<Self, AttestError> {
        Ok(Self {
            shape: shape.name.to_owned(),
            parameter_digest: Pin::of::<Ledger>(shape)?.parameter_digest,
            program: PROGRAM.to_owned(),
            threads,
            parameters_microseconds: microseconds(rates.parameters),
            step_microseconds: microseconds(rates.step),
            compression_microseconds: microseconds(rates.compression),
            verification_microseconds: microseconds(rates.verification),
        })
    }

    /// What it says of `threads` threads; `None` if it was measured with something else, or is absurd.
    fn rates(&self, threads: usize) -> Option<(&'static Shape, Rates)> {
        let shape = Shape::named(&self.shape).ok()?;
        let pin = Pin::of::<Ledger>(shape).ok()?;
        let own = (pin.parameter_digest.as_str(), PROGRAM, threads);
        if (self.parameter_digest.as_str(), self.program.as_str(), self.threads) != own {
            return None;
        }
        let time = |microseconds: u64| {
            let believed = (1..=MAX_MICROSECONDS).contains(&microseconds);
            believed.then(|| Duration::from_micros(microseconds))
        };
        let rates = Rates {
            parameters: time(self.parameters_microseconds)?,
            step: time(self.step_microseconds)?,
            compression: time(self.compression_microseconds)?,
            verification: time(self.verification_microseconds)?,
        };
        Some((shape, rates))
    }
}

/// A time in microseconds, at least 1.
fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

/// All records of the file; none if it is missing, cannot be read or is damaged.
fn records(home: &Home) -> Vec<Record> {
    let path = home.bench_file();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(e) => {
            tracing::warn!(path = %path.display(), error = %e, "the measured rates cannot be read and are ignored");
            return Vec::new();
        }
    };
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|e| e.to_string());
    let parsed = read.and_then(|_| serde_json::from_slice::<RatesFile>(&bytes).map_err(|e| e.to_string()));
    parsed.map_or_else(
        |reason| {
            tracing::warn!(path = %path.display(), reason, "the measured rates are damaged and ignored; run assay bench");
            Vec::new()
        },
        |file| file.measured,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn small() -> &'static Shape {
        Shape::named("solvency-64").unwrap()
    }

    fn large() -> &'static Shape {
        Shape::named("solvency-512").unwrap()
    }

    fn rates(step: u64) -> Rates {
        Rates {
            parameters: Duration::from_millis(350),
            step: Duration::from_millis(step),
            compression: Duration::from_millis(1_100),
            verification: Duration::from_micros(100_001),
        }
    }

    /// A home with the rates of one shape on two threads.
    fn measured() -> (tempfile::TempDir, Home) {
        let place = tempfile::tempdir().unwrap();
        let home = Home::new(place.path().join("home"));
        MachineRates::from_iter([(small(), rates(80))]).write(&home, 2).unwrap();
        (place, home)
    }

    #[test]
    fn what_was_written_is_read_with_the_same_number_of_threads_only() {
        let (_place, home) = measured();
        let read = MachineRates::read(&home, 2);
        assert_eq!((read.of(small()), read.of(large())), (Some(&rates(80)), None));
        assert_eq!(MachineRates::read(&home, 3), MachineRates::default());
    }

    #[test]
    fn a_new_measurement_replaces_that_of_its_shape_and_threads_and_no_other() {
        let (_place, home) = measured();
        MachineRates::from_iter([(small(), rates(90))]).write(&home, 1).unwrap();
        MachineRates::from_iter([(large(), rates(340))]).write(&home, 2).unwrap();
        MachineRates::from_iter([(small(), rates(85))]).write(&home, 2).unwrap();
        let two = MachineRates::read(&home, 2);
        assert_eq!((two.of(small()), two.of(large())), (Some(&rates(85)), Some(&rates(340))));
        assert_eq!(MachineRates::read(&home, 1).of(small()), Some(&rates(90)));
    }

    #[test]
    fn rates_of_other_parameters_or_of_another_program_are_ignored_and_dropped_by_the_next_measurement() {
        for field in ["parameter_digest", "program", "shape"] {
            let (_place, home) = measured();
            let text = fs::read_to_string(home.bench_file()).unwrap();
            let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
            file["measured"][0][field] = "another".into();
            fs::write(home.bench_file(), file.to_string()).unwrap();
            assert_eq!(MachineRates::read(&home, 2), MachineRates::default(), "{field}");
            MachineRates::from_iter([(large(), rates(340))]).write(&home, 2).unwrap();
            assert_eq!(records(&home).len(), 1, "{field}");
        }
    }

    #[test]
    fn a_damaged_file_is_ignored_and_replaced() {
        let (_place, home) = measured();
        let whole = fs::read(home.bench_file()).unwrap();
        let text = String::from_utf8(whole.clone()).unwrap();
        let zero = text.replace("80000", "0").into_bytes();
        let absurd = text.replace("80000", "18446744073709551615").into_bytes();
        for damaged in [&b""[..], b"[]", b"\xff", &whole[..whole.len() / 2], &zero, &absurd] {
            fs::write(home.bench_file(), damaged).unwrap();
            assert_eq!(MachineRates::read(&home, 2), MachineRates::default());
        }
        MachineRates::from_iter([(small(), rates(80))]).write(&home, 2).unwrap();
        assert_eq!(MachineRates::read(&home, 2).of(small()), Some(&rates(80)));
    }

    #[test]
    fn a_directory_in_the_place_of_the_file_is_ignored() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::new(place.path().to_owned());
        fs::create_dir(home.bench_file()).unwrap();
        assert_eq!(MachineRates::read(&home, 2), MachineRates::default());
    }
}
