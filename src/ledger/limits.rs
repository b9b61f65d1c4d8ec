//! Bounds on the size of a ledger.

/// Maximum number of assets in a book: each uses two of the 2^13 open columns, one for assets and one for debts.
pub const MAX_ASSETS: usize = 4096;

/// Maximum number of entries of an account: 256 pages of 6. An asset with both equity and debt counts twice.
pub const MAX_ENTRIES_PER_ACCOUNT: usize = 1536;

/// Maximum number of instruments.
pub const MAX_INSTRUMENTS: usize = 2048;

/// Maximum number of rows in tiers.csv.
pub const MAX_TIERS: u64 = 65_536;

/// Maximum number of kinds of collateral.
pub const MAX_COLLATERAL_KINDS: usize = 256;

/// Maximum length of an account reference in bytes of UTF-8.
pub const MAX_ACCOUNT_BYTES: usize = 128;

/// Default coverage policy for a ledger with reserves, in hundredths of a percent.
pub const DEFAULT_COVERAGE_BPS: u32 = 10_000;

/// Bounds on the size of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum size of a decompressed file in bytes.
    pub max_decompressed_bytes: u64,
    /// Maximum decompression ratio of a file, checked for files above 16 MiB.
    pub max_ratio: u32,
    /// Maximum number of findings that are kept; others are only counted.
    pub max_errors_kept: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_decompressed_bytes: 64 << 30, max_ratio: 200, max_errors_kept: 1000 }
    }
}
