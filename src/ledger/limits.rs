//! How large a ledger may be, and how much of it is read before giving up.

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
