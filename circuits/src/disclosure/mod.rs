//! What one account shows a third party: that in one or several attestations its measure is, in sum, at least a stated
//! value. Nothing else: no holdings, no position in the tree, and no account reference unless the account wants it shown.
//!
//! In goes a [`Claim`], the statements it speaks of, and a customer's inclusion file for each; out comes a file that
//! anybody can check against the attestations. `circuit` has the rules, `proof` proves and verifies. SPEC.md §12 argues
//! why it is sound, and what it does not show.

mod circuit;
mod proof;

use serde::{Deserialize, Serialize};

pub use circuit::{Opening, PublicInput, Slot, check, disclosure_gadget};
pub use proof::{DisclosureParameters, DisclosureReport, disclose, verify_disclosure};

use crate::{
    claims::{MEASURE_DECIMALS, MEASURE_NAMES},
    error::Error,
    field::{F, from_hex},
    identity::{SECRET_BYTES, identity},
    shape::Shape,
    statement::{Statement, draw, write_canonical},
};
use ff::Field;

/// Name and version of the format.
pub const DISCLOSURE_PROTOCOL: &str = "assay/disclosure/1";
/// Name under which the circuit is pinned.
pub const DISCLOSURE_CIRCUIT: &str = "disclosure-4";
/// Most attestations that one disclosure can speak of.
pub const MAX_ATTESTATIONS: usize = 4;
/// Thresholds are below 2^98 in magnitude, as is a sum of four measures.
const THRESHOLD_BITS: u32 = 98;
/// Longest text that ties a disclosure to its purpose, in bytes.
const MAX_CONTEXT_BYTES: usize = 256;
/// Largest disclosure file that is read, in bytes.
pub const MAX_DISCLOSURE_BYTES: usize = 1 << 20;

/// What is disclosed, in words that the proof is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// [`DISCLOSURE_PROTOCOL`].
    pub protocol: String,
    /// One of [`MEASURE_NAMES`].
    pub measure: String,
    /// What the sum of the measure over the attestations is at least, a decimal in the quote currency.
    pub at_least: String,
    /// The quote currency, that of all the attestations.
    pub quote: String,
    /// For whom and what it was made; may be empty. Whoever asks for a disclosure should name a text of their own here, or
    /// they may be shown one that was made for somebody else.
    pub context: String,
    /// The attestations, of different exchanges each and of one instant.
    pub attestations: Vec<Attested>,
}

/// One attestation that is disclosed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    /// SHA-256 of the statement, 64 hexadecimal digits.
    pub statement_digest: String,
    /// The account, where its owner shows who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<NamedAccount>,
}

/// An account whose owner shows who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedAccount {
    /// The exchange's reference of the account.
    pub reference: String,
    /// The account's salt in this snapshot, 64 hexadecimal digits.
    pub salt: String,
}

impl Claim {
    /// The canonical bytes, as in RFC 8785: what the proof is bound to.
    ///
    /// # Errors
    /// [`Error::Malformed`] never for a claim that was read.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let value = serde_json::to_value(self).map_err(|e| Error::Malformed(e.to_string()))?;
        let mut out = String::new();
        write_canonical(&value, &mut out);
        Ok(out.into_bytes())
    }

    /// The public input of the proof: the claim as field elements, with the roots of the attested statements.
    ///
    /// `statements` may hold others as well, in any order.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a claim that is not complete or speaks of a statement that is not there, of none or more
    /// than [`MAX_ATTESTATIONS`], of two of one exchange (one account would count twice) or of different instants (what moves
    /// from one to the other in between would), of different quote currencies, or of one without measures.
    pub fn public_input(&self, statements: &[&[u8]]) -> Result<PublicInput, Error> {
        let refuse = |reason: String| Error::Malformed(format!("the claim is refused: {reason}"));
        if self.protocol != DISCLOSURE_PROTOCOL {
            return Err(refuse(format!("its protocol is `{}`, not `{DISCLOSURE_PROTOCOL}`", self.protocol)));
        }
        let measure = MEASURE_NAMES.iter().position(|m| *m == self.measure);
        let measure = measure.ok_or_else(|| {
            refuse(format!("there is no measure `{}`; there are {}", self.measure, MEASURE_NAMES.join(", ")))
        })?;
        if self.context.len() > MAX_CONTEXT_BYTES || self.context.chars().any(char::is_control) {
            return Err(refuse(format!("its context is longer than {MAX_CONTEXT_BYTES} bytes or not plain text")));
        }
        if self.attestations.is_empty() || self.attestations.len() > MAX_ATTESTATIONS {
            return Err(refuse(format!("it speaks of no attestation, or of more than {MAX_ATTESTATIONS}")));
        }
        let threshold = parse_threshold(&self.at_least)?;
        let mut slots = [Slot::default(); MAX_ATTESTATIONS];
        let mut seen: Vec<Statement> = Vec::new();
        for (slot, attested) in slots.iter_mut().zip(&self.attestations) {
            let found = statements.iter().find(|s| hex::encode(Statement::digest(s)) == attested.statement_digest);
            let bytes = found.ok_or_else(|| {
                refuse(format!("no attestation with statement digest {} was given", attested.statement_digest))
            })?;
            let statement = Statement::parse(bytes)?;
            if Shape::named(&statement.shape)?.rules.is_none() {
                return Err(refuse(format!("{} attests no measures of single accounts", statement.shape)));
            }
            if statement.assets.iter().any(|a| a.quote != self.quote) {
                return Err(refuse(format!("{} is not valued in {}", statement.snapshot.id, self.quote)));
            }
            for other in &seen {
                if same_exchange(&statement, other) {
                    let exchange = &statement.exchange.domain;
                    return Err(refuse(format!("two attestations of {exchange}: one account could count twice")));
                }
                if statement.snapshot.taken_at != other.snapshot.taken_at {
                    return Err(refuse(format!(
                        "its attestations are of different instants, {} and {}: what was moved in between could count twice",
                        other.snapshot.taken_at, statement.snapshot.taken_at
                    )));
                }
            }
            let shown = attested.account.as_ref().map(|a| a.identity(&statement.snapshot.id)).transpose()?;
            *slot = Slot { active: true, root: from_hex(&statement.root)?, shown };
            seen.push(statement);
        }
        let context = draw(b"assay/disclosure/v1\0", &self.to_bytes()?);
        Ok(PublicInput { context, threshold, measure, slots })
    }
}

/// Whether two statements are of one exchange, or of one ledger, as far as they tell.
fn same_exchange(a: &Statement, b: &Statement) -> bool {
    let domain = |s: &Statement| s.exchange.domain.trim().trim_end_matches('.').to_ascii_lowercase();
    let same_lei = a.exchange.lei.is_some() && a.exchange.lei == b.exchange.lei;
    domain(a) == domain(b) || same_lei || a.root == b.root
}

impl NamedAccount {
    fn identity(&self, snapshot: &str) -> Result<F, Error> {
        if !(1..=128).contains(&self.reference.len()) || self.reference.chars().any(char::is_control) {
            return Err(Error::Malformed("the account reference is empty, too long or not plain text".to_owned()));
        }
        let mut salt = [0u8; SECRET_BYTES];
        hex::decode_to_slice(&self.salt, &mut salt)
            .map_err(|_| Error::Malformed("the salt is not 64 hexadecimal digits".to_owned()))?;
        let identity = identity(&salt, snapshot, &self.reference);
        if identity == F::ZERO {
            return Err(Error::Malformed("the identity is that of padding".to_owned()));
        }
        Ok(identity)
    }
}

/// A decimal in its shortest form, perhaps with a minus sign, in units of 10^-12.
///
/// # Errors
/// [`Error::Malformed`] for another spelling or more than 12 decimals, [`Error::OutOfBounds`] from 2^98 on.
pub fn parse_threshold(text: &str) -> Result<i128, Error> {
    let malformed = || {
        Error::Malformed(format!("`{text}` is not a decimal of at most {MEASURE_DECIMALS} decimals in shortest form"))
    };
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !crate::statement::is_decimal(digits) || fraction.len() > MEASURE_DECIMALS as usize || text == "-0" {
        return Err(malformed());
    }
    let padded = format!("{whole}{fraction:0<width$}", width = MEASURE_DECIMALS as usize);
    let units: i128 = padded.parse().map_err(|_| Error::OutOfBounds(format!("{text} is too large")))?;
    if units.unsigned_abs() >> THRESHOLD_BITS != 0 {
        return Err(Error::OutOfBounds(format!("{text} is too large: thresholds are below 2^98 units of 10^-12")));
    }
    Ok(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn thresholds_have_one_spelling_and_a_bound() {
        for (text, units) in [
            ("0", 0),
            ("1", 1_000_000_000_000),
            ("-1.5", -1_500_000_000_000),
            ("0.000000000001", 1),
            ("1000000", 1_000_000_000_000_000_000),
        ] {
            assert_eq!(parse_threshold(text).unwrap(), units);
        }
        for text in ["", "-", "+1", "01", "1.", ".5", "1.50", "-0", "1e3", "0.0000000000001", "--1", " 1", "1 "] {
            assert!(parse_threshold(text).is_err(), "{text}");
        }
        assert!(parse_threshold("400000000000000000").is_err());
    }
}
