//! Input and output of an adapter.

use std::path::PathBuf;

use super::super::finding::{Environment, Findings};
use super::super::limits::Limits;
use super::super::writer::WriteError;

/// What the published files do not say themselves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose ledger it is.
    pub exchange: Identity,
    /// Snapshot id; see [`SnapshotInfo`](crate::ledger::SnapshotInfo).
    pub snapshot_id: String,
    /// The instant the files show, RFC 3339 in UTC.
    pub taken_at: String,
    /// CSV file with units and prices of the assets: `symbol,scale,price,quote` or `symbol,price,quote`.
    pub assets: Option<PathBuf>,
    /// Maximum number of decimals of an amount. Amounts with more are rounded against the exchange: what it owes up, what it is owed
    /// down. `None`: an amount with more than 18 decimals is a finding.
    pub decimals: Option<u8>,
    /// Names of the columns of the general formats.
    pub columns: Columns,
    /// How much is read before giving up.
    pub limits: Limits,
}

/// Whose ledger it is, as in the manifest.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Name as customers know it.
    pub name: String,
    /// Domain under which it publishes.
    pub domain: String,
    /// Legal entity identifier.
    pub lei: Option<String>,
}

/// Name and domain of an exchange that nobody has named. No domain ends in `.invalid` (RFC 2606), so that no reader mistakes it for
/// a real one.
pub const UNNAMED: (&str, &str) = ("Unnamed exchange", "unnamed.invalid");

/// Names of the columns of a general table.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Account reference.
    pub account: String,
    /// Symbol of the asset (`long` only).
    pub asset: String,
    /// What the account holds, or owes if it is negative (`long` only).
    pub amount: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self { account: "account".to_owned(), asset: "asset".to_owned(), amount: "amount".to_owned() }
    }
}

/// What an import wrote.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ImportSummary {
    /// Rows of accounts.csv.
    pub accounts: u64,
    /// Rows of balances.csv.
    pub balances: u64,
    /// Rows of assets.csv.
    pub assets: u64,
    /// What was read otherwise than it was written, as sentences.
    pub notes: Vec<String>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The files are not what the format says, or the ledger in them is not valid; the findings say where.
    #[error("{0}")]
    NotValid(Findings),
    /// A file could not be read.
    #[error(transparent)]
    Environment(#[from] Environment),
    /// The snapshot directory could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}
