//! Verification of directories and bundles, with the parameters of the home directory.

use std::path::Path;

use assay_core::sealed::Sealed;
use assay_programs::{
    ledger::{
        inclusion::{InclusionReport, MAX_INCLUSION_BYTES},
        report::Report,
        statement::Statement,
    },
    purpose::TestShapes,
    reserves::{MAX_DISCLOSURE_BYTES, ReservesReport},
};
use assay_verifier::{
    attestation::{Attestation, read_jwks},
    files::read_bounded,
};

use super::error::AttestError;
use crate::{home::Home, progress::Progress};

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
    let mut report = verify_read(&attestation, home, tests, progress)?;
    Ok(match jwks {
        Some(jwks) => {
            report.checks.push(attestation.check_signature(&jwks));
            (report, None)
        }
        None => (report, attestation.unchecked_signatures()),
    })
}

/// Verifies an attestation that was read.
pub(super) fn verify_read(
    attestation: &Attestation,
    home: &Home,
    tests: TestShapes,
    progress: &dyn Progress,
) -> Result<Report, AttestError> {
    let proof = attestation.read_proof()?;
    progress.begin("verifying", 0, "");
    let report = attestation.verify(&proof, tests, |shape| home.parameters(shape));
    progress.end();
    Ok(report)
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
    let report = if skip_proof { None } else { Some(verify_read(&attestation, home, tests, progress)?) };
    Ok((report, attestation.verify_inclusion(&file, account)))
}

/// Checks disclosed reserve lines against the statement of the attestation they belong to, which is not verified here.
///
/// # Errors
/// [`AttestError::Unreadable`].
pub fn verify_reserves(file: &Path, out: &Path) -> Result<ReservesReport, AttestError> {
    let file = read_bounded(file, MAX_DISCLOSURE_BYTES)?;
    Ok(Attestation::read(out)?.verify_reserves(&file))
}

/// The statement of an attestation, read but not proved.
///
/// # Errors
/// [`AttestError::Unreadable`], [`AttestError::Core`].
pub fn statement(out: &Path) -> Result<Sealed<Statement>, AttestError> {
    Ok(Attestation::read(out)?.statement().map_err(Clone::clone)?.clone())
}
