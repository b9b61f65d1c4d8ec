//! What an exchange hands us: its ledger at one instant, as files.
//!
//! **In:** a snapshot directory (`manifest.toml`, `assets.csv`, `accounts.csv`, `balances.csv`, and where the ledger has a
//! use for them `reserves.csv`, `classes.csv`, `instruments.csv`, `limits.csv`, `positions.csv`, `tiers.csv` and
//! `collateral.csv`; each CSV plain, `.gz` or `.zst`), or the published files of an exchange that has a format of its own.
//! **Out:** a [`Snapshot`], whose every number is an exact integer and which only [`check`] can make; or every error at
//! once, each with file, line and reason. [`sample`](sample::sample) and [`import`](import::import) write such directories.
//!
//! **Never:** round a number, guess what a damaged line meant, ignore a file or a key it does not know, or take a second
//! account, asset or reserve line for the first one spelled differently. It knows no circuit, no database, no clock and no
//! chance beyond the seed it is given.
//!
//! What a valid snapshot does not say: that the ledger is complete, that the prices are right, or that the reserves are the
//! exchange's own. Messages of reserve lines and their signatures are carried along here, not verified.

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
mod per_account;
mod position_limits;
mod positions;
mod reserve_lines;
pub mod sample;
mod snapshot;
mod source;
mod tiers;
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
pub(crate) use directory::table_of;
pub use finding::{CheckError, Environment, Finding, Findings};
pub use holding::{AssetTotals, Holding};
pub(crate) use instruments::INSTRUMENTS_HEADER;
pub use instruments::Instrument;
pub use limits::{
    DEFAULT_COVERAGE_BPS, Limits, MAX_ACCOUNT_BYTES, MAX_ASSETS, MAX_COLLATERAL_KINDS, MAX_ENTRIES_PER_ACCOUNT,
    MAX_INSTRUMENTS, MAX_TIERS,
};
pub(crate) use manifest::parse as parse_manifest;
pub use manifest::{CoverageBasis, Exchange, Manifest, Policy, Rows, SnapshotInfo, TotalText};
pub(crate) use position_limits::LIMITS_HEADER;
pub use position_limits::{Limit, Side};
pub use positions::Position;
pub use reserve_lines::{RESERVES_HEADER, ReserveLine};
pub use snapshot::Snapshot;
pub(crate) use source::{RATIO_FREE_BYTES, TooMuch};
pub use tiers::Tier;
pub(crate) use tiers::{TIERS_BY_KIND_HEADER, TIERS_HEADER};
pub use writer::{SnapshotWriter, WriteError};
