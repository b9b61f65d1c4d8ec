//! Verification of what stands in a directory or a bundle.

use std::path::Path;

use assay_programs::{ledger::{inclusion::{InclusionReport, MAX_INCLUSION_BYTES}, report::Report, statement::Statement}, purpose::TestShapes};
use assay_verifier::attestation::{Attestation, read_bounded, read_jwks, read_statement};

use super::{AttestError, Home, MAX_DISCLOSURE_BYTES, ReservesReport, verify_reserve_disclosure};
use crate::progress::Progress;

/// Verifies an attestation directory or bundle; where `jwks` names a list of keys, also that one of them signed it. Beside
/// the report comes what to tell a reader who gave no keys although there are signatures.
///
/// # Errors
/// [`AttestError::Unreadable`]; an attestation that is not valid is no error but a report that says so.
pub fn verify(
    out: &Path,
    home: &Home,
    tests: TestShapes,
    jwks: Option<&Path>,
    progress: &dyn Progress,
) -> Result<(Report, Option<String>), AttestError> {
    let attestation = Attestation::read(out)?;
    let jwks = jwks.map(read_jwks).transpose()?;
    let mut report = verify_read(&attestation, home, tests, progress);
    Ok(match jwks {
        Some(jwks) => {
            report.checks.push(attestation.check_signature(&jwks));
            (report, None)
        }
        None => (report, attestation.unchecked_signatures()),
    })
}

fn verify_read(attestation: &Attestation, home: &Home, tests: TestShapes, progress: &dyn Progress) -> Report {
    progress.begin("verifying", 0, "");
    let report = attestation.verify(tests, |shape| home.parameters(shape));
    progress.end();
    report
}

/// Checks a customer's file, which must be `account`'s where that is given, and, unless `skip_proof`, verifies the
/// attestation it belongs to.
///
/// # Errors
/// [`AttestError::Unreadable`].
pub fn verify_inclusion(
    file: &Path,
    out: &Path,
    home: &Home,
    tests: TestShapes,
    skip_proof: bool,
    account: Option<&str>,
    progress: &dyn Progress,
) -> Result<(Option<Report>, InclusionReport), AttestError> {
    let file = read_bounded(file, MAX_INCLUSION_BYTES)?;
    let attestation = Attestation::read(out)?;
    let report = (!skip_proof).then(|| verify_read(&attestation, home, tests, progress));
    Ok((report, assay_programs::ledger::inclusion::verify_inclusion(&attestation.statement, &file, account)))
}

/// Checks disclosed reserve lines against the statement of the attestation they belong to, which is not verified here.
///
/// # Errors
/// [`AttestError::Unreadable`].
pub fn verify_reserves(file: &Path, out: &Path) -> Result<ReservesReport, AttestError> {
    let file = read_bounded(file, MAX_DISCLOSURE_BYTES)?;
    Ok(verify_reserve_disclosure(&file, &read_statement(out)?))
}

/// The statement of an attestation, read but not proved.
///
/// # Errors
/// [`AttestError::Unreadable`], [`AttestError::Core`].
pub fn statement(out: &Path) -> Result<Statement, AttestError> {
    Ok(Statement::parse(&read_statement(out)?)?)
}
