//! Input and output of an adapter.

use super::super::finding::{Environment, Findings};
use super::super::limits::Limits;
use super::super::writer::WriteError;

/// What the published files do not say themselves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Snapshot id; see [`SnapshotInfo`](crate::ledger::SnapshotInfo).
    pub snapshot_id: String,
    /// The instant the files show, RFC 3339 in UTC.
    pub taken_at: String,
    /// How much is read before giving up.
    pub limits: Limits,
}

/// What an import wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ImportSummary {
    /// Rows of accounts.csv.
    pub accounts: u64,
    /// Rows of balances.csv.
    pub balances: u64,
    /// Rows of assets.csv.
    pub assets: u64,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The files are not what the format says; the findings say where.
    #[error("{0}")]
    NotValid(Findings),
    /// A file could not be read.
    #[error(transparent)]
    Environment(#[from] Environment),
    /// The snapshot directory could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}
