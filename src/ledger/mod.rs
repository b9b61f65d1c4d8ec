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
pub mod decimal;
mod directory;
mod finding;
pub mod import;
mod instruments;
mod lines;
mod manifest;
mod per_account;
mod position_limits;
mod positions;
mod reserve_lines;
pub mod reserves;
pub mod sample;
mod snapshot;
mod source;
mod text;
mod tiers;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use assets::ASSETS_HEADER;
pub use assets::Asset;
pub use check::check;
pub(crate) use classes::CLASSES_HEADER;
pub use classes::ClassInfo;
pub use collateral::Collateral;
pub use decimal::Decimal;
pub(crate) use directory::table_of;
pub use finding::{CheckError, Environment, Finding, Findings};
pub(crate) use instruments::INSTRUMENTS_HEADER;
pub use instruments::Instrument;
pub(crate) use manifest::parse as parse_manifest;
pub use manifest::{CoverageBasis, Exchange, Manifest, Policy, Rows, SnapshotInfo, TotalText};
pub(crate) use position_limits::LIMITS_HEADER;
pub use position_limits::{Limit, Side};
pub use positions::Position;
pub use reserve_lines::{RESERVES_HEADER, ReserveLine};
pub use snapshot::{AssetTotals, Holding, Snapshot};
pub(crate) use source::{RATIO_FREE_BYTES, TooMuch};
pub use tiers::Tier;
pub(crate) use tiers::{TIERS_BY_KIND_HEADER, TIERS_HEADER};
pub use writer::{SnapshotWriter, WriteError};

/// Most assets a book can have: each takes two of the 2^13 open columns, one for what customers own and one for what they owe.
pub const MAX_ASSETS: usize = 4096;

/// Most entries one account can have: 256 pages of 6. An asset that is both owned and owed counts twice.
pub const MAX_ENTRIES_PER_ACCOUNT: usize = 1536;

/// Most instruments that positions can be held in.
pub const MAX_INSTRUMENTS: usize = 2048;

/// Most rows of tiers.csv.
pub const MAX_TIERS: u64 = 65_536;

/// Most kinds of collateral.
pub const MAX_COLLATERAL_KINDS: usize = 256;

/// Longest account reference in bytes of UTF-8.
pub const MAX_ACCOUNT_BYTES: usize = 128;

/// Required coverage in hundredths of a percent where there are reserves and the manifest asks for nothing else.
pub const DEFAULT_COVERAGE_BPS: u32 = 10_000;

/// How much of a ledger is read before giving up on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes one file may have once unpacked.
    pub max_decompressed_bytes: u64,
    /// Most bytes that may come out of one byte of a compressed file, looked at once more than 16 MiB came out.
    pub max_ratio: u32,
    /// Most findings kept in full; the others are only counted.
    pub max_errors_kept: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_decompressed_bytes: 64 << 30, max_ratio: 200, max_errors_kept: 1000 }
    }
}
