//! Verification of what stands in a directory.

use std::path::Path;

use assay_circuits::{
    inclusion::{InclusionReport, MAX_INCLUSION_BYTES},
    statement::{MAX_STATEMENT_BYTES, Statement},
    verifier::{Report, TestShapes},
};
use assay_verifier::attestation::{Attestation, STATEMENT_FILE, read_bounded};

use super::{AttestError, Home};
use crate::progress::Progress;

/// Verifies an attestation directory.
///
/// # Errors
/// [`AttestError::Unreadable`]; an attestation that is not valid is no error but a report that says so.
pub fn verify(out: &Path, home: &Home, tests: TestShapes, progress: &dyn Progress) -> Result<Report, AttestError> {
    let attestation = Attestation::read(out)?;
    progress.begin("verifying", 0, "");
    let report = attestation.verify(tests, |shape| home.parameters(shape));
    progress.end();
    Ok(report)
}

/// Checks a customer's file and, unless `skip_proof`, verifies the attestation it belongs to.
///
/// # Errors
/// [`AttestError::Unreadable`].
pub fn verify_inclusion(
    file: &Path,
    out: &Path,
    home: &Home,
    tests: TestShapes,
    skip_proof: bool,
    progress: &dyn Progress,
) -> Result<(Option<Report>, InclusionReport), AttestError> {
    let file = read_bounded(file, MAX_INCLUSION_BYTES)?;
    let statement = read_bounded(&out.join(STATEMENT_FILE), MAX_STATEMENT_BYTES)?;
    let report = if skip_proof { None } else { Some(verify(out, home, tests, progress)?) };
    Ok((report, assay_circuits::inclusion::verify_inclusion(&statement, &file)))
}

/// The statement of an attestation, read but not proved.
///
/// # Errors
/// [`AttestError::Unreadable`], [`AttestError::Core`].
pub fn statement(out: &Path) -> Result<Statement, AttestError> {
    Ok(Statement::parse(&read_bounded(&out.join(STATEMENT_FILE), MAX_STATEMENT_BYTES)?)?)
}
