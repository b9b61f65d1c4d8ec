//! The ledger of an exchange at one instant, as files.
//!
//! **In:** a snapshot directory (`manifest.toml`, `assets.csv`, `accounts.csv`, `balances.csv`, and optionally `reserves.csv`,
//! `classes.csv`, `instruments.csv`, `limits.csv`, `positions.csv`, `tiers.csv` and `collateral.csv`; each CSV file may be
//! compressed with gzip or zstd), or the published files of an exchange with another format.
//! **Out:** a [`Snapshot`] in which every number is an exact integer and which only [`check`] can make; or all errors at once,
//! each with file, line and reason. [`sample`](sample::sample) and [`import`](import::import) write such directories.
//!
//! **Never:** round a number (except the sum of reserves, once and down), guess the meaning of a malformed line, ignore an unknown file
//! or key, or accept two spellings of one account, asset or reserve line. The module uses no circuit, no database, no clock, and no
//! randomness except a given seed.
//!
//! A valid snapshot does not show that the ledger is complete, that the prices are right, or that the reserves are there. Signatures
//! of reserve lines are judged by `assay_ownership`.

mod accounts;
mod assets;
mod balances;
mod check;
mod classes;
mod collateral;
mod directory;
mod finding;
mod holding;
pub mod import;
mod instruments;
mod limits;
mod lines;
mod manifest;
mod manifest_form;
mod names;
mod per_account;
mod position_limits;
mod positions;
mod reserve_lines;
mod reserves;
pub mod sample;
mod snapshot;
mod source;
mod tiers;
mod value;
mod writer;

#[cfg(test)]
mod tests;

pub use assay_core::decimal::Decimal;
pub(crate) use assets::ASSETS_HEADER;
pub use assets::Asset;
pub use check::check;
pub(crate) use classes::CLASSES_HEADER;
pub use classes::ClassInfo;
pub use collateral::Collateral;
pub use directory::is_ledger;
pub(crate) use directory::table_of;
pub use finding::{CheckError, Environment, Finding, Findings};
pub use holding::{AssetTotals, Holding};
pub(crate) use instruments::INSTRUMENTS_HEADER;
pub use instruments::Instrument;
pub use limits::{
    DEFAULT_COVERAGE_BPS, Limits, MAX_ACCOUNT_BYTES, MAX_ASSETS, MAX_COLLATERAL_KINDS, MAX_ENTRIES_PER_ACCOUNT,
    MAX_INSTRUMENTS, MAX_TIERS,
};
pub use manifest::{
    AnchorBlock, CoverageBasis, Exchange, Manifest, Policy, Privacy, ReserveRules, Rows, SnapshotInfo, TotalText,
    ownership_context,
};
pub(crate) use position_limits::LIMITS_HEADER;
pub use position_limits::{Limit, Side};
pub use positions::Position;
pub use reserve_lines::ReserveLine;
pub use reserves::{StatedReserves, read_reserves};
pub use snapshot::Snapshot;
pub(crate) use source::{RATIO_FREE_BYTES, TooMuch};
pub use tiers::Tier;
pub(crate) use tiers::{TIERS_BY_KIND_HEADER, TIERS_HEADER};
pub use value::VALUE_BITS;
pub use writer::{SnapshotWriter, WriteError};
