//! What was found at the places of reserve lines, as a document.

use serde::{Deserialize, Serialize};

/// Name and version of the document.
pub const BALANCES_PROTOCOL: &str = "assay/balances/1";

/// All lines with their answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balances {
    /// [`BALANCES_PROTOCOL`].
    pub protocol: String,
    /// The attestation whose disclosed lines these are, by its id; nothing for a ledger.
    pub statement: Option<String>,
    /// SHA-256 over the lines with all their fields, 64 hexadecimal digits: answers are about these and no others.
    pub reserves: String,
    /// The lines, in their order.
    pub lines: Vec<LineAnswer>,
}

/// A line as it was written, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineAnswer {
    /// Line of reserves.csv, or index of a disclosed line.
    pub line: u64,
    /// Symbol of the asset.
    pub asset: String,
    /// The chain.
    pub chain: String,
    /// The address.
    pub address: String,
    /// The token; empty for the chain's own coin.
    pub token: String,
    /// Whole assets, as a decimal.
    pub stated: String,
    /// Height of the block at which the exchange read it; may be empty.
    pub height: String,
    /// What was found.
    pub outcome: Outcome,
}

/// A block of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Its height.
    pub height: u64,
    /// Its hash, as the node writes it.
    pub hash: String,
}

/// What was found at the place of a line. Amounts are whole assets, as decimals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// At least what is stated, at the line's block.
    Held {
        /// What is there.
        found: String,
        /// The block.
        block: Block,
    },
    /// Less than is stated, at the line's block.
    Short {
        /// What is there.
        found: String,
        /// The block.
        block: Block,
    },
    /// At least what is stated, at another block than the line's, or at the newest if the line names none.
    HeldAtOtherBlock {
        /// What is there.
        found: String,
        /// The block.
        block: Block,
    },
    /// Less than is stated at such a block, which proves nothing about the instant of the snapshot.
    ShortAtOtherBlock {
        /// What is there.
        found: String,
        /// The block.
        block: Block,
    },
    /// The node did not say.
    Unanswered {
        /// Why.
        reason: String,
    },
    /// There is no node that could say.
    NotCheckable {
        /// Why.
        reason: String,
    },
    /// No node of this chain was named.
    NoEndpoint,
}

impl Outcome {
    /// Whether it is about the very block of the line, so that it need not be asked again.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::Short { .. })
    }

    /// What was found, and where.
    pub fn found(&self) -> Option<(&str, &Block)> {
        match self {
            Self::Held { found, block }
            | Self::Short { found, block }
            | Self::HeldAtOtherBlock { found, block }
            | Self::ShortAtOtherBlock { found, block } => Some((found, block)),
            Self::Unanswered { .. } | Self::NotCheckable { .. } | Self::NoEndpoint => None,
        }
    }
}
