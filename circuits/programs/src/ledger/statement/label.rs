//! By what a person tells one statement from another.

use assay_core::sealed::Sealed;
use serde::Serialize;

use super::types::Statement;

/// By what two readers find out whether they were shown the same statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementLabel {
    /// SHA-256 of the statement, 64 hexadecimal digits.
    pub statement_digest: String,
    /// The exchange's domain.
    pub domain: String,
    /// The snapshot's id.
    pub snapshot: String,
    /// The snapshot's instant, RFC 3339 in UTC.
    pub taken_at: String,
}

impl StatementLabel {
    /// That of a statement, proved or not.
    pub fn of(statement: &Sealed<Statement>) -> Self {
        Self {
            statement_digest: statement.digest().to_string(),
            domain: statement.exchange.domain.clone(),
            snapshot: statement.snapshot.id.clone(),
            taken_at: statement.snapshot.taken_at.clone(),
        }
    }
}

impl std::fmt::Display for StatementLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { statement_digest, domain, snapshot, taken_at } = self;
        write!(f, "Statement {statement_digest} of {domain}, snapshot {snapshot} at {taken_at}.")
    }
}
