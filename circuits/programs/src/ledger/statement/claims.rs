//! What a statement claims beside totals: the kinds of columns, instruments, classes, and the results of the measures.

use assay_core::{Error, decimal::parse_count};
use serde::{Deserialize, Serialize};

use crate::ledger::shape::MEASURES;

/// The measures, in order: what an account is worth, and by how much its collateral exceeds what it must cover.
pub const MEASURE_NAMES: [&str; MEASURES] = ["equity", "margin_excess"];

/// What holding a column means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ColumnKind {
    /// The exchange owes it to the customer; it counts in equity, and in the margin not at all.
    Asset {
        /// Symbol.
        asset: String,
    },
    /// The customer owes it to the exchange.
    Debt {
        /// Symbol.
        asset: String,
    },
    /// The exchange owes it to the customer, and a part of its value is collateral.
    Collateral {
        /// Symbol.
        asset: String,
        /// Collateral table, where the exchange has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// Part of its value that counts in the margin, in hundredths of a percent.
        percent_bps: u32,
        /// Class whose tier it is; absent for an unlimited one, which is anybody's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<u8>,
        /// Width of the tier in smallest units.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<String>,
    },
    /// Contracts bought.
    Long {
        /// Symbol of the instrument.
        instrument: String,
        /// Class whose limit it is; absent where the exchange sets no limits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<u8>,
        /// The position limit in contracts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<String>,
    },
    /// Contracts sold.
    Short {
        /// Symbol of the instrument.
        instrument: String,
        /// As for [`ColumnKind::Long`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<u8>,
        /// As for [`ColumnKind::Long`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<String>,
    },
    /// Nothing: where unused capped entries of a class point.
    Null {
        /// The class.
        class: u8,
    },
    /// Nothing: random quantities of no worth that hide what the accounts of one shard hold together.
    Cover,
}

impl ColumnKind {
    /// Symbol of the asset, if it is about one.
    pub fn asset(&self) -> Option<&str> {
        match self {
            Self::Asset { asset } | Self::Debt { asset } | Self::Collateral { asset, .. } => Some(asset),
            _ => None,
        }
    }

    /// Symbol of the instrument, if it is about one.
    pub fn instrument(&self) -> Option<&str> {
        match self {
            Self::Long { instrument, .. } | Self::Short { instrument, .. } => Some(instrument),
            _ => None,
        }
    }

    /// Whether the exchange owes it to the customer.
    pub fn is_owed(&self) -> bool {
        matches!(self, Self::Asset { .. } | Self::Collateral { .. })
    }

    /// Class and cap of a capped column.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there is only one of the two, or the cap is no 64-bit number.
    pub fn cap(&self) -> Result<Option<(u8, u64)>, Error> {
        let (class, cap) = match self {
            Self::Asset { .. } | Self::Debt { .. } | Self::Cover => return Ok(None),
            Self::Null { class } => return Ok(Some((*class, 0))),
            Self::Collateral { class, cap, .. } | Self::Long { class, cap, .. } | Self::Short { class, cap, .. } => {
                (class, cap)
            }
        };
        match (class, cap) {
            (None, None) => Ok(None),
            (Some(class), Some(cap)) => {
                let units = u64::try_from(parse_count(cap)?);
                let units = units.map_err(|_| Error::Malformed(format!("a cap of {cap} does not fit 64 bits")))?;
                Ok(Some((*class, units)))
            }
            _ => Err(Error::Malformed("a capped column has a class and a cap".to_owned())),
        }
    }
}

/// What the compliance family claims beside totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleClaims {
    /// What positions are in.
    pub instruments: Vec<Instrument>,
    /// The classes, ascending.
    pub classes: Vec<Class>,
    /// Accounts are valued in units of 10^-this of the quote currency: 13 to 24; absent for 12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_decimals: Option<u8>,
    /// One for each of [`MEASURE_NAMES`], in order: the sums over all shards.
    pub results: Vec<MeasureResult>,
}

/// What the compliance family claims of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardClaims {
    /// One for each of [`MEASURE_NAMES`], in order, over the accounts of the shard.
    pub results: Vec<MeasureResult>,
    /// End of the PRIVATE chain, 64 hexadecimal digits; absent only in the bytes that the first challenge is drawn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<String>,
}

/// One instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// Symbol, unique.
    pub symbol: String,
    /// Units of the underlying in a contract, a decimal.
    pub contract_size: String,
    /// Price of a unit in the quote currency, a decimal.
    pub mark_price: String,
    /// Maintenance margin as a share of the notional value, in hundredths of a percent.
    pub maintenance_margin_bps: u32,
}

/// One class of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its number.
    pub class: u8,
    /// What it is called; empty where the exchange does not say.
    pub name: String,
    /// Level of identification; may be empty.
    pub kyc_level: String,
    /// Jurisdiction; may be empty.
    pub jurisdiction: String,
}

/// A measure over all accounts, in the statement's unit of the quote currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureResult {
    /// One of [`MEASURE_NAMES`].
    pub measure: String,
    /// Sum over the accounts where it is not negative.
    pub positive: String,
    /// Sum of the magnitudes over those where it is.
    pub negative: String,
    /// Number of the latter.
    pub below: u64,
}
