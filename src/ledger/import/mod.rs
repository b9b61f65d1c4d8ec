//! Adapters for the files that exchanges publish, one file for each format.
//!
//! **In:** published files. **Out:** a snapshot directory that [`check`](super::check()) accepts, or every finding at once, each with the
//! line of the published file.
//!
//! **Never:** an adapter repairs or guesses nothing. A row that it cannot read exactly is a finding, and with one finding nothing is
//! written. It rounds only where the caller asks for it, and says what it rounded. No ledger claims to be that of an exchange that the
//! caller has not named.

mod adapter;
mod assets;
mod binance;
mod gate;
mod long;
mod okx;
mod origins;
mod reserves;
mod summa;
mod table;
mod target;
#[cfg(test)]
mod testing;
mod wide;

use std::path::{Path, PathBuf};

use self::target::{Import, Target};
use super::finding::Findings;
use super::manifest;
use super::writer::WriteError;
use crate::progress::Progress;
use assay_core::decimal::MAX_SCALE;

pub use adapter::{Columns, Identity, ImportError, ImportSummary, Options, UNNAMED};
pub use reserves::{RESERVES_FORMATS, ReservesFormat, ReservesSummary, import_reserves};

/// A published format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The user shards of Binance's proof-of-solvency tool, in both layouts.
    Binance,
    /// Gate's user shards.
    Gate,
    /// The JSON shards of OKX's tool.
    Okx,
    /// The table of Summa's tool.
    Summa,
    /// Any table with a column for each asset.
    Wide,
    /// Any table with a row for each account and asset.
    Long,
}

/// All formats by name.
const FORMATS: [(&str, Format); 6] = [
    ("binance", Format::Binance),
    ("gate", Format::Gate),
    ("okx", Format::Okx),
    ("summa", Format::Summa),
    ("wide", Format::Wide),
    ("long", Format::Long),
];

impl std::str::FromStr for Format {
    type Err = WriteError;

    fn from_str(name: &str) -> Result<Self, WriteError> {
        let found = FORMATS.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| format).ok_or_else(|| {
            let names: Vec<_> = FORMATS.into_iter().map(|(name, _)| name).collect();
            WriteError::Argument(format!("{name} is not a known import format; the formats are {}", names.join(", ")))
        })
    }
}

/// Reads `paths` (each plain, `.gz` or `.zst`), in the order given, and writes the snapshot directory `out`, which must not exist.
///
/// # Errors
/// See [`ImportError`]; nothing is left at `out` then.
pub fn import(
    format: Format,
    paths: &[PathBuf],
    out: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<ImportSummary, ImportError> {
    let argument = |reason: String| Err(WriteError::Argument(reason).into());
    if paths.is_empty() {
        return argument("no file to import was given".to_owned());
    }
    if let Some(defect) = manifest::first_defect(&target::manifest_of(options)) {
        return argument(defect);
    }
    if options.decimals.is_some_and(|decimals| decimals > MAX_SCALE) {
        return argument(format!("amounts have at most {MAX_SCALE} decimals"));
    }
    let mut findings = Findings::new(options.limits.max_errors_kept);
    let target = Target::create(out, options, &mut findings, progress)?;
    let mut import = Import { target, findings, options, progress };
    match format {
        Format::Binance => binance::read(&binance::BINANCE, paths, &mut import)?,
        Format::Gate => binance::read(&gate::GATE, paths, &mut import)?,
        Format::Okx => okx::read(paths, &mut import)?,
        Format::Summa => summa::read(paths, &mut import)?,
        Format::Wide => wide::read(paths, &mut import)?,
        Format::Long => long::read(paths, &mut import)?,
    }
    import.target.finish(import.findings, progress)
}
