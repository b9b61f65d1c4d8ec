//! A line of `reserves.csv`, as far as ownership is concerned.

use std::str::FromStr;

use assay_core::text::{fold, symbol_key};

use crate::{chain::registry::Chain, claim::SignatureText, defect::Defect};

/// The longest address.
pub const MAX_ADDRESS_BYTES: usize = 128;
/// The longest column `key`, and the longest column `signature`.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The longest message; the canonical one is never longer than 1,024.
pub const MAX_MESSAGE_BYTES: usize = 1024;
/// The most signatures of a line.
pub const MAX_SIGNATURES: usize = 32;

/// The columns that say where an asset is and who signed for it, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Line<'a> {
    /// The chain, or any other name, which has no rule.
    pub chain: &'a str,
    /// The address.
    pub address: &'a str,
    /// The asset, which a third party's statement names.
    pub asset: &'a str,
    /// The amount, which a third party's statement names.
    pub amount: &'a str,
    /// What was signed; empty for the canonical message of the snapshot.
    pub message: &'a str,
    /// Up to 32 signatures separated by one space, each with its scheme and a colon before it or without. `jws:` and a third party's
    /// statement for custodians and banks.
    pub signature: &'a str,
    /// The token's contract, mint or asset; empty for the chain's own coin.
    pub token: &'a str,
    /// What stands behind the line.
    pub kind: Kind,
    /// What a verdict needs beside the address: a public key, `script:HEX`, `safe:M:owner,owner` or `sha256:HEX`.
    pub key: &'a str,
}

/// What stands behind a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Kind {
    /// An address that keys control.
    #[default]
    Address,
    /// A contract: who controls it stands in the chain's state.
    Contract,
    /// A custodian, which `chain` names.
    Custodian,
    /// A bank, which `chain` names.
    Bank,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "address" => Ok(Self::Address),
            "contract" => Ok(Self::Contract),
            "custodian" => Ok(Self::Custodian),
            "bank" => Ok(Self::Bank),
            _ => Err(format!("{text:?} is none of address, contract, custodian and bank")),
        }
    }
}

/// Where something is, in one spelling: two lines of one asset with one place are the same coins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The chain.
    pub chain: String,
    /// The address.
    pub address: String,
    /// The token; empty for the chain's own coin.
    pub token: String,
}

impl Line<'_> {
    /// Where the coins are, whatever kind of line it is. An address that its chain cannot read is where its chain reads it in small
    /// letters, and is folded if it cannot read that either. So are tokens, and all addresses of chains without a rule: no two real ones
    /// that differ only in case are known there.
    pub fn place(&self) -> Place {
        let name = symbol_key(self.chain);
        let chain = Chain::parse(&name);
        let folded = |text| fold(text).into_owned();
        let place = |text| {
            let read =
                |chain: &Chain| chain.canonical_address(text).or_else(|_| chain.canonical_address(&folded(text))).ok();
            chain.as_ref().and_then(read).unwrap_or_else(|| folded(text))
        };
        let (address, token) = (place(self.address), place(self.token));
        Place { chain: chain.map_or(name, |chain| chain.name()), address, token }
    }

    /// Whether the line says nothing about who owns the address: there is neither a signature nor a key. That its chain cannot read such an
    /// address is no false claim.
    pub fn is_silent(&self) -> bool {
        self.signature.is_empty() && self.key.is_empty()
    }

    /// The signatures with their schemes.
    pub(crate) fn signatures(&self) -> Result<Vec<SignatureText<'_>>, Defect> {
        if self.signature.is_empty() {
            return Ok(Vec::new());
        }
        let given = self.signature.split(' ').count();
        if given > MAX_SIGNATURES {
            return Err(Defect::TooMany { given, most: MAX_SIGNATURES });
        }
        let read = |(at, text): (usize, _)| {
            let number = at + 1;
            let (scheme, text) = match str::split_once(text, ':') {
                Some((scheme, text)) => (Some(scheme), text),
                None => (None, text),
            };
            if text.is_empty() {
                return Err(Defect::Unreadable { number, why: "it is empty: one space separates two signatures" });
            }
            Ok(SignatureText { number, scheme, text })
        };
        self.signature.split(' ').enumerate().map(read).collect()
    }

    /// Refuses what is longer than a line may be.
    pub(crate) fn check_lengths(&self) -> Result<(), Defect> {
        let columns = [
            ("address", self.address, MAX_ADDRESS_BYTES),
            ("message", self.message, MAX_MESSAGE_BYTES),
            ("signature", self.signature, MAX_TEXT_BYTES),
            ("key", self.key, MAX_TEXT_BYTES),
        ];
        match columns.into_iter().find(|(_, text, most)| text.len() > *most) {
            Some((column, text, most)) => Err(Defect::TooLong { column, bytes: text.len(), most }),
            None => Ok(()),
        }
    }
}
