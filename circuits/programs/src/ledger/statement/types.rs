//! What a statement holds.

use std::collections::BTreeMap;

use assay_core::{Error, canonical, decimal::parse_count, identity::Scope};
use serde::{Deserialize, Serialize};

use super::{
    claims::{ColumnKind, RuleClaims, ShardClaims},
    evidence::Evidence,
};
use crate::ledger::shape::{Family, Shape};

/// Name and version of what the solvency family proves.
pub const PROTOCOL: &str = "assay/solvency/1";
/// Name and version of what the compliance family proves.
pub const COMPLIANCE_PROTOCOL: &str = "assay/compliance/1";
/// Most shards that a statement has.
pub const MAX_SHARDS: usize = 4096;
/// Cover columns of a statement with several shards; six random quantities of 64 bits hide a field element.
pub const COVER_COLUMNS: usize = 6;
/// What no attestation of the solvency family shows; every statement carries these sentences.
pub const NOT_PROVEN: [&str; 5] = [
    "that the stated reserves exist, are the sum of the committed reserves file, are unencumbered, or are the exchange's own",
    "that no account was left out whose owner never checks their inclusion",
    "that two accounts are not one person, or that every account belongs to a customer",
    "that a customer's debts are real or will be repaid: debts are listed beside assets and lower no requirement",
    "anything about the time between snapshots",
];

/// What no attestation of the compliance family shows.
pub const COMPLIANCE_NOT_PROVEN: [&str; 7] = [
    NOT_PROVEN[0],
    NOT_PROVEN[1],
    NOT_PROVEN[2],
    "that a customer's debts are real or will be repaid: they lower a customer's own equity and margin, and lower what must be covered only where the policy says net",
    "that prices, limits, classes and collateral tables are the right ones: they are public, and each is part of the statement",
    "that a customer is in the right class",
    NOT_PROVEN[4],
];

/// Everything public that is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`PROTOCOL`] or [`COMPLIANCE_PROTOCOL`].
    pub protocol: String,
    /// Name of the shape.
    pub shape: String,
    /// Digest of the shape's parameters.
    pub parameter_digest: String,
    /// Who claims.
    pub exchange: Exchange,
    /// About which instant.
    pub snapshot: SnapshotInfo,
    /// The assets, in the order of the book.
    pub assets: Vec<Asset>,
    /// The columns with their totals, by ascending index.
    pub columns: Vec<Column>,
    /// The commitment to the lines of the reserves file.
    pub reserves: Reserves,
    /// What the exchange says the numbers must satisfy.
    pub policy: Policy,
    /// Limits and measures: exactly in the compliance family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<RuleClaims>,
    /// The parts of the ledger, each folded by itself: 1 to [`MAX_SHARDS`]. Part s of S holds the accounts whose identity
    /// lies in shard s, as [`assay_core::identity::shard_of`] says.
    pub shards: Vec<Shard>,
    /// [`NOT_PROVEN`] or [`COMPLIANCE_NOT_PROVEN`].
    pub not_proven: Vec<String>,
}

/// One part of the ledger with a tree, a fold and a proof of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Root of the account tree, 64 hexadecimal digits.
    pub root: String,
    /// Steps that were folded.
    pub steps: u64,
    /// The shard's own measures: exactly in the compliance family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<ShardClaims>,
}

/// Who claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Name.
    pub name: String,
    /// Internet domain.
    pub domain: String,
    /// Legal entity identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lei: Option<String>,
}

/// Which instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotInfo {
    /// The exchange's name for it.
    pub id: String,
    /// The series that it belongs to. Salts and identities depend on it, so within a series an account keeps them.
    pub series: String,
    /// RFC 3339, UTC.
    pub taken_at: String,
    /// Heights of the chains on which the reserves were read.
    pub block_heights: BTreeMap<String, u64>,
}

/// One asset of the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Symbol, unique.
    pub symbol: String,
    /// Decimals of the smallest unit.
    pub scale: u8,
    /// Price of one whole asset in `quote`, as a decimal, where the ledger has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// Currency of the price.
    pub quote: String,
    /// Sum of the reserves' lines, in smallest units.
    pub reserves: String,
}

/// One column with its total.
// unknown fields are refused all the same: the bytes would not be canonical
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Index, below 2^14; from 2^13 on for capped columns.
    pub index: u16,
    /// What holding it means.
    #[serde(flatten)]
    pub kind: ColumnKind,
    /// Total over all accounts, in the asset's smallest units, or in contracts.
    pub total: String,
}

/// The commitment to the reserves file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserves {
    /// Root of the SHA-256 tree over the lines, 64 hexadecimal digits; all zero without lines.
    pub root: String,
    /// Lines.
    pub lines: u64,
    /// Who signed for them, by the exchange's word; only whoever has the lines can check it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// What the numbers must satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Reserves over customer assets, per asset, in hundredths of a percent; absent where no reserves are stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_bps: Option<u32>,
    /// What must be covered; absent means gross.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_basis: Option<CoverageBasis>,
    /// Most accounts whose margin excess may be negative; exactly in the compliance family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_margin_max: Option<u64>,
    /// Sum of all positive equity over the sum of all negative equity, in hundredths of a percent; exactly in the
    /// compliance family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equity_ratio_bps: Option<u32>,
    /// Reserves that are proven owned over all stated ones, per asset, in hundredths of a percent; absent for no demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owned_bps: Option<u32>,
}

/// What the reserves of an asset are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverageBasis {
    /// Customer assets, whatever customers owe.
    Gross,
    /// Customer assets less what customers owe; only where no account may be below its margin.
    Net,
}

impl Family {
    /// Name and version of what the family proves.
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Solvency => PROTOCOL,
            Self::Compliance => COMPLIANCE_PROTOCOL,
        }
    }

    /// What no attestation of the family shows; every statement carries these sentences.
    pub fn not_proven(self) -> &'static [&'static str] {
        match self {
            Self::Solvency => &NOT_PROVEN,
            Self::Compliance => &COMPLIANCE_NOT_PROVEN,
        }
    }
}

impl Statement {
    /// The shape that it names.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the catalogue has none.
    pub fn shape(&self) -> Result<&'static Shape, Error> {
        Shape::named(&self.shape)
    }

    /// What is owed to customers of `asset`: the sum over its columns, collateral included.
    pub fn customer_assets(&self, asset: &str) -> u128 {
        self.sum(|kind| kind.is_owed() && kind.asset() == Some(asset))
    }

    /// What customers owe of `asset`.
    pub fn debts(&self, asset: &str) -> u128 {
        self.sum(|kind| matches!(kind, ColumnKind::Debt { asset: of } if of == asset))
    }

    fn sum(&self, which: impl Fn(&ColumnKind) -> bool) -> u128 {
        let totals = self.columns.iter().filter(|c| which(&c.kind)).map(|c| parse_count(&c.total).unwrap_or(0));
        totals.fold(0, u128::saturating_add)
    }

    /// What salts and identities are made from beside the account's reference.
    pub fn scope(&self) -> Scope<'_> {
        Scope { domain: &self.exchange.domain, series: &self.snapshot.series }
    }

    /// Number of shards, as [`assay_core::identity::shard_of`] takes it.
    pub fn shard_count(&self) -> u32 {
        u32::try_from(self.shards.len()).unwrap_or(u32::MAX)
    }

    /// Steps of all shards together.
    pub fn all_steps(&self) -> u64 {
        self.shards.iter().map(|shard| shard.steps).sum()
    }

    /// The canonical bytes that the first challenge is drawn from: everything but the commitments that answer it.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it has no JSON form.
    pub fn draft_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut draft = self.clone();
        for rules in draft.shards.iter_mut().filter_map(|shard| shard.rules.as_mut()) {
            rules.private = None;
        }
        canonical::to_bytes(&draft)
    }

    /// The column of `index`.
    pub fn column(&self, index: u16) -> Option<&Column> {
        let at = self.columns.binary_search_by_key(&index, |c| c.index).ok()?;
        self.columns.get(at)
    }
}
