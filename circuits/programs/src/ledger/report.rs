//! What a verification of an attestation found.

use assay_core::{check::Checks, sealed::Sealed, signature::SignatureState};

use super::{
    policy::AssetLine,
    statement::{Statement, StatementLabel},
};

/// A value that a verifier has checked; there is no other way to get one.
#[derive(Debug, Clone)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    #[cfg(feature = "proof")]
    pub(super) fn new(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// What a verification found.
#[derive(Debug, Clone)]
pub struct Report {
    /// The checks, in order; after a failed one, later checks that need it are left out.
    pub checks: Checks,
    /// The statement, once the proof of it has been verified, whatever its policy says.
    pub statement: Option<Verified<Sealed<Statement>>>,
    /// Per asset, in the order of the book; empty while there is no statement.
    pub assets: Vec<AssetLine>,
    /// Who signed the statement, as far as the reader's keys tell.
    pub signature: SignatureState,
}

impl Report {
    /// A report with nothing checked yet.
    pub fn new() -> Self {
        Self { checks: Checks::default(), statement: None, assets: Vec::new(), signature: SignatureState::Missing }
    }

    /// What the statement is compared by, once it is proved.
    pub fn label(&self) -> Option<StatementLabel> {
        self.statement.as_ref().map(|statement| StatementLabel::of(statement.get()))
    }

    /// Whether the attestation is valid: everything was checked, everything holds.
    pub fn is_valid(&self) -> bool {
        self.statement.is_some() && self.checks.all_passed()
    }
}

impl Default for Report {
    fn default() -> Self {
        Self::new()
    }
}
