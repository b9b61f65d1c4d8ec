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

/// Verifies an attestation directory or bundle. If `jwks` names a key list, a key in it must have signed the statement;
/// otherwise a note is returned beside the report if there are signatures that were not checked.
///
/// # Errors
/// [`AttestError::Unreadable`]. An invalid attestation is not an error: the report says so.
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

/// Verifies an open attestation.
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

/// Checks a customer's inclusion file, which must be `account`'s if that is given. Unless `skip_proof`, also verifies the
/// attestation.
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

/// Checks disclosed reserve lines against the statement of the attestation, without verifying the attestation.
///
/// # Errors
/// [`AttestError::Unreadable`].
pub fn verify_reserves(file: &Path, out: &Path) -> Result<ReservesReport, AttestError> {
    let file = read_bounded(file, MAX_DISCLOSURE_BYTES)?;
    Ok(Attestation::read(out)?.verify_reserves(&file))
}

/// The statement of an attestation, without verifying its proof.
///
/// # Errors
/// [`AttestError::Unreadable`], [`AttestError::Core`].
pub fn statement(out: &Path) -> Result<Sealed<Statement>, AttestError> {
    Ok(Attestation::read(out)?.statement().map_err(Clone::clone)?.clone())
}
