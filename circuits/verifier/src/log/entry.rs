//! What an entry of our log says: that an exchange published a statement about an instant, or that something was signed about a statement
//! later. Exchange and instant are in the entry, so that a monitor sees two statements about one instant without fetching either.

use assay_core::{
    Error,
    domain::domain_defect,
    sealed::{Document, Sealed, StatementDigest},
    text::is_name,
    time::parse_instant,
};
use assay_programs::ledger::statement::Statement;
use serde::{Deserialize, Serialize};

/// Name and version of the format.
pub const ENTRY_PROTOCOL: &str = "assay/log/1";
/// Largest entry, in bytes: its length is 16 bits in the bundles of a log.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// The kind of an entry for a published attestation.
pub const ATTESTATION_KIND: &str = "attestation";

/// The kinds of entries for what is signed about an attestation later.
pub const LATER_KINDS: [&str; 3] = ["countersignature", "notice", "opinion"];

/// The entry of a published attestation, as canonical JSON (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The exchange's domain.
    pub exchange: String,
    /// [`ATTESTATION_KIND`].
    pub kind: String,
    /// [`ENTRY_PROTOCOL`].
    pub protocol: String,
    /// The snapshot's id.
    pub snapshot: String,
    /// SHA-256 of the statement, 64 hexadecimal digits.
    pub statement: String,
    /// The snapshot's instant, as the statement writes it.
    pub taken_at: String,
}

impl Document for Entry {
    const NAME: &'static str = "the log entry";
    const MAX_BYTES: usize = MAX_ENTRY_BYTES;

    fn validate(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Malformed(format!("the log entry {reason}")));
        if self.protocol != ENTRY_PROTOCOL || self.kind != ATTESTATION_KIND {
            return refuse(format!("is not of the protocol {ENTRY_PROTOCOL} and the kind {ATTESTATION_KIND}"));
        }
        if let Some(defect) = domain_defect(&self.exchange) {
            return refuse(format!("names an exchange that {defect}"));
        }
        if !is_name(&self.snapshot) {
            return refuse("names no snapshot".to_owned());
        }
        StatementDigest::parse(&self.statement)?;
        parse_instant(&self.taken_at).map(|_| ())
    }
}

impl Entry {
    /// The entry of this statement.
    ///
    /// # Errors
    /// [`Error::Malformed`] if a name in the statement cannot stand in an entry.
    pub fn of(statement: &Sealed<Statement>) -> Result<Sealed<Self>, Error> {
        Sealed::seal(Self {
            exchange: statement.exchange.domain.clone(),
            kind: ATTESTATION_KIND.to_owned(),
            protocol: ENTRY_PROTOCOL.to_owned(),
            snapshot: statement.snapshot.id.clone(),
            statement: statement.digest().to_string(),
            taken_at: statement.snapshot.taken_at.clone(),
        })
    }
}

/// The entry of a document that was signed about an attestation later, as canonical JSON (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaterEntry {
    /// SHA-256 of the JWS without spaces; of a countersignature without the statement. 64 hexadecimal digits.
    pub document: String,
    /// The exchange's domain.
    pub exchange: String,
    /// One of [`LATER_KINDS`].
    pub kind: String,
    /// [`ENTRY_PROTOCOL`].
    pub protocol: String,
    /// SHA-256 of the statement, 64 hexadecimal digits.
    pub statement: String,
}

impl Document for LaterEntry {
    const NAME: &'static str = "the log entry";
    const MAX_BYTES: usize = MAX_ENTRY_BYTES;

    fn validate(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Malformed(format!("the log entry {reason}")));
        if self.protocol != ENTRY_PROTOCOL || !LATER_KINDS.contains(&self.kind.as_str()) {
            return refuse(format!("is not of the protocol {ENTRY_PROTOCOL} and a kind for what is signed later"));
        }
        if let Some(defect) = domain_defect(&self.exchange) {
            return refuse(format!("names an exchange that {defect}"));
        }
        StatementDigest::parse(&self.document)?;
        StatementDigest::parse(&self.statement).map(|_| ())
    }
}
