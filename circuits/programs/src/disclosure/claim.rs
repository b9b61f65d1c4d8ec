//! What is claimed in a disclosure, in words that the proof is bound to; and the claim together with the statements it names.

use std::collections::BTreeSet;

use assay_core::{
    Error,
    decimal::parse_signed_shortest,
    field::{F, from_hex},
    identity::{SECRET_BYTES, Scope, identity, shard_of},
    sealed::{Document, Sealed, StatementDigest},
    transcript::draw,
    worth::VALUE_DECIMALS,
};
use ff::Field;
use serde::{Deserialize, Serialize};

pub use super::state::MAX_ATTESTATIONS;
use super::state::{PublicInput, Slot};
use crate::ledger::{
    shape::Family,
    statement::{MEASURE_NAMES, Statement},
};

/// Name and version of the format.
pub const DISCLOSURE_PROTOCOL: &str = "assay/disclosure/1";
/// Most decimals of a threshold.
const THRESHOLD_DECIMALS: u8 = *VALUE_DECIMALS.start();
/// Thresholds are below 2^98 in magnitude, as is a sum of four measures.
const THRESHOLD_BITS: u32 = 98;
/// Longest text that ties a disclosure to its purpose, in bytes.
const MAX_CONTEXT_BYTES: usize = 256;
/// Largest disclosure file that is read, in bytes.
pub const MAX_DISCLOSURE_BYTES: usize = 1 << 20;

/// What is disclosed, in words that the proof is bound to. Its canonical bytes are those of RFC 8785.
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
    /// The shard in which the account lies.
    pub shard: u32,
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

impl Document for Claim {
    const NAME: &'static str = "the claim";
    const MAX_BYTES: usize = MAX_DISCLOSURE_BYTES;

    fn validate(&self) -> Result<(), Error> {
        if self.protocol != DISCLOSURE_PROTOCOL {
            return refuse(format!("its protocol is `{}`, not `{DISCLOSURE_PROTOCOL}`", self.protocol));
        }
        self.measure_index()?;
        if self.context.len() > MAX_CONTEXT_BYTES || self.context.chars().any(char::is_control) {
            return refuse(format!("its context is longer than {MAX_CONTEXT_BYTES} bytes or not plain text"));
        }
        if self.attestations.is_empty() || self.attestations.len() > MAX_ATTESTATIONS {
            return refuse(format!("it speaks of no attestation, or of more than {MAX_ATTESTATIONS}"));
        }
        parse_threshold(&self.at_least).map(|_| ())
    }
}

fn refuse<T>(reason: impl std::fmt::Display) -> Result<T, Error> {
    Err(Error::Malformed(format!("the claim is refused: {reason}")))
}

/// A claim together with the roots of the statements it names: what is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundClaim {
    /// The claim.
    pub claim: Claim,
    /// The claim as field elements.
    pub public: PublicInput,
}

impl Claim {
    fn measure_index(&self) -> Result<usize, Error> {
        let index = MEASURE_NAMES.iter().position(|m| *m == self.measure);
        index.map_or_else(
            || refuse(format!("there is no measure `{}`; there are {}", self.measure, MEASURE_NAMES.join(", "))),
            Ok,
        )
    }

    /// Binds a claim to the statements that it names; `statements` may hold others as well, in any order.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a claim that speaks of a statement that is not there, of two of one exchange (one account would count twice) or of different instants (what moves
    /// from one to the other in between would), of different quote currencies, or of one without measures.
    pub fn bind(claim: Sealed<Self>, statements: &[&Sealed<Statement>]) -> Result<Sealed<BoundClaim>, Error> {
        let context = draw(b"assay/disclosure/v1\0", claim.bytes());
        claim.try_map(|claim| {
            let public = PublicInput {
                context,
                threshold: claim.threshold(statements)?,
                measure: claim.measure_index()?,
                slots: claim.slots(statements)?,
            };
            Ok(BoundClaim { claim, public })
        })
    }

    /// The threshold in the unit that the attestations value accounts in.
    fn threshold(&self, statements: &[&Sealed<Statement>]) -> Result<i128, Error> {
        let mut decimals = self.named(statements).map(|named| named.map(|statement| statement.value_decimals()));
        let first = decimals.next().unwrap_or(Ok(THRESHOLD_DECIMALS))?;
        for other in decimals {
            let other = other?;
            if other != first {
                return refuse(format!(
                    "its attestations value accounts in different units, 10^-{first} and 10^-{other}"
                ));
            }
        }
        let factor = 10i128.pow(u32::from(first - THRESHOLD_DECIMALS));
        let units = parse_threshold(&self.at_least)?.checked_mul(factor);
        units.filter(|units| units.unsigned_abs() >> THRESHOLD_BITS == 0).ok_or_else(|| {
            Error::OutOfBounds(format!("{} is too large for accounts valued in 10^-{first}", self.at_least))
        })
    }

    /// The statement of each attestation.
    fn named<'s>(
        &self,
        statements: &[&'s Sealed<Statement>],
    ) -> impl Iterator<Item = Result<&'s Sealed<Statement>, Error>> {
        self.attestations.iter().map(|attested| {
            let digest = StatementDigest::parse(&attested.statement_digest)?;
            let named = statements.iter().find(|statement| statement.digest() == digest).copied();
            named.map_or_else(|| refuse(format!("no attestation with statement digest {digest} was given")), Ok)
        })
    }

    fn slots(&self, statements: &[&Sealed<Statement>]) -> Result<[Slot; MAX_ATTESTATIONS], Error> {
        let mut slots = [Slot::default(); MAX_ATTESTATIONS];
        let mut seen: Vec<&Statement> = Vec::new();
        for ((slot, attested), statement) in slots.iter_mut().zip(&self.attestations).zip(self.named(statements)) {
            let statement = statement?;
            if statement.shape()?.family != Family::Compliance {
                return refuse(format!("{} attests no measures of single accounts", statement.shape));
            }
            if statement.assets.iter().any(|a| a.quote != self.quote) {
                return refuse(format!("{} is not valued in {}", statement.snapshot.id, self.quote));
            }
            for other in &seen {
                if same_exchange(statement, other) {
                    let exchange = &statement.exchange.domain;
                    return refuse(format!("two attestations of {exchange}: one account could count twice"));
                }
                if statement.snapshot.taken_at != other.snapshot.taken_at {
                    return refuse(format!(
                        "its attestations are of different instants, {} and {}: what was moved in between could count twice",
                        other.snapshot.taken_at, statement.snapshot.taken_at
                    ));
                }
            }
            let Some(shard) = statement.shards.get(attested.shard as usize) else {
                return refuse(format!("{} has no shard {}", statement.snapshot.id, attested.shard));
            };
            let shown = attested.account.as_ref().map(|a| a.identity(statement.scope())).transpose()?;
            if shown.is_some_and(|own| shard_of(&own, statement.shard_count()) != u64::from(attested.shard)) {
                return refuse(format!("the account shown does not lie in shard {}", attested.shard));
            }
            *slot = Slot { active: true, root: from_hex(&shard.root)?, shown };
            seen.push(statement);
        }
        Ok(slots)
    }
}

/// Whether two statements are of one exchange, or of one ledger, as far as they tell: domains and identifiers have one
/// spelling each in a statement.
fn same_exchange(a: &Statement, b: &Statement) -> bool {
    let same_lei = a.exchange.lei.is_some() && a.exchange.lei == b.exchange.lei;
    let roots: BTreeSet<&str> = a.shards.iter().map(|shard| shard.root.as_str()).collect();
    let same_root = b.shards.iter().any(|shard| roots.contains(shard.root.as_str()));
    a.exchange.domain == b.exchange.domain || same_lei || same_root
}

impl NamedAccount {
    fn identity(&self, scope: Scope<'_>) -> Result<F, Error> {
        if !(1..=128).contains(&self.reference.len()) || self.reference.chars().any(char::is_control) {
            return Err(Error::Malformed("the account reference is empty, too long or not plain text".to_owned()));
        }
        let mut salt = [0u8; SECRET_BYTES];
        hex::decode_to_slice(&self.salt, &mut salt)
            .map_err(|_| Error::Malformed("the salt is not 64 hexadecimal digits".to_owned()))?;
        let identity = identity(&salt, scope, &self.reference);
        if identity == F::ZERO {
            return Err(Error::Malformed("the identity is that of padding".to_owned()));
        }
        Ok(identity)
    }
}

/// A decimal in its shortest form, perhaps with a minus sign, in units of 10^-12: no more decimals, whatever the attestations' unit.
///
/// # Errors
/// [`Error::Malformed`] for another spelling or more than 12 decimals, [`Error::OutOfBounds`] from 2^98 on.
pub fn parse_threshold(text: &str) -> Result<i128, Error> {
    let units = parse_signed_shortest(text, THRESHOLD_DECIMALS)?;
    if units.unsigned_abs() >> THRESHOLD_BITS != 0 {
        return Err(Error::OutOfBounds(format!("{text} is too large: thresholds are below 2^98 units of 10^-12")));
    }
    Ok(units)
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
