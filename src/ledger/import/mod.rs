//! Adapters for the files that exchanges publish, one file for each format.
//!
//! **In:** published files. **Out:** a snapshot directory, written by [`SnapshotWriter`](super::SnapshotWriter), or every finding at
//! once, as in [`check`](super::check).
//!
//! **Never:** an adapter repairs nothing. A row that it cannot read exactly is a finding, and with one finding nothing is written.

mod adapter;
mod binance;

use assay_core::time::parse_instant;
use std::path::{Path, PathBuf};

use super::manifest::snapshot_id_defect;
use super::writer::WriteError;
use crate::progress::Progress;

pub use adapter::{ImportError, ImportSummary, Options};

/// A published format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The user shards of Binance's proof-of-solvency tool.
    Binance,
}

impl std::str::FromStr for Format {
    type Err = WriteError;

    fn from_str(name: &str) -> Result<Self, WriteError> {
        match name {
            "binance" => Ok(Self::Binance),
            _ => Err(WriteError::Argument(format!("{name} is not a known import format; use binance"))),
        }
    }
}

impl Format {
    /// Snapshot id where the caller gives none.
    #[must_use]
    pub fn default_snapshot_id(self) -> &'static str {
        match self {
            Self::Binance => "binance-sample",
        }
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
    if let Some(defect) = snapshot_id_defect(&options.snapshot_id) {
        return argument(format!("snapshot id {} {defect}", options.snapshot_id));
    }
    if let Err(defect) = parse_instant(&options.taken_at) {
        return argument(format!("taken_at {} {defect}", options.taken_at));
    }
    match format {
        Format::Binance => binance::import(paths, out, options, progress),
    }
}
