//! The column `key`: what a verdict needs beside the address.

use crate::{defect::Defect, encoding::hex_bytes};

/// What the line states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key<'a> {
    /// Nothing.
    Absent,
    /// A public key.
    Public(Vec<u8>),
    /// `script:HEX`, the redeem or witness script.
    Script(Vec<u8>),
    /// `safe:M:owner,owner`, the owners of a contract wallet, of whom M have to sign.
    Owners {
        /// How many have to sign.
        threshold: usize,
        /// Their addresses as written.
        owners: Vec<&'a str>,
    },
    /// `sha256:HEX`, a document.
    Document([u8; 32]),
}

impl<'a> Key<'a> {
    /// Reads the column.
    pub fn parse(text: &'a str) -> Result<Self, Defect> {
        let script = Defect::Script { why: "is not in hexadecimal digits of one case" };
        let digest = Defect::Key { why: "names no document: after sha256: come 64 hexadecimal digits" };
        match text.split_once(':') {
            None if text.is_empty() => Ok(Self::Absent),
            None => hex_bytes(text)
                .map(Self::Public)
                .ok_or(Defect::Key { why: "is not a public key in hexadecimal digits of one case" }),
            Some(("script", digits)) => hex_bytes(digits).filter(|s| !s.is_empty()).map(Self::Script).ok_or(script),
            Some(("sha256", digits)) => {
                hex_bytes(digits).and_then(|bytes| bytes.try_into().ok()).map(Self::Document).ok_or(digest)
            }
            Some(("safe", rest)) => Self::parse_owners(rest),
            Some(_) => Err(Defect::Key { why: "begins with none of script:, safe: and sha256:" }),
        }
    }

    fn parse_owners(text: &'a str) -> Result<Self, Defect> {
        let defect = Defect::Key { why: "is not safe:M:owner,owner with M from 1 to the number of owners" };
        let Some((threshold, owners)) = text.split_once(':') else { return Err(defect) };
        let owners: Vec<_> = owners.split(',').collect();
        let digits = threshold.bytes().all(|b| b.is_ascii_digit()) && !threshold.starts_with('0');
        match threshold.parse() {
            Ok(threshold) if digits && threshold <= owners.len() => Ok(Self::Owners { threshold, owners }),
            _ => Err(defect),
        }
    }
}
