//! Verification of directories and bundles, with the parameters of the home directory.

use std::path::Path;

use assay_core::{check::Check, sealed::Sealed, signature::Jwks};
use assay_programs::{
    ledger::{
        inclusion::{InclusionReport, MAX_INCLUSION_BYTES},
        report::{LogState, Report},
        statement::Statement,
    },
    purpose::TestShapes,
    reserves::{MAX_DISCLOSURE_BYTES, ReservesReport},
};
use assay_verifier::{
    attestation::{Attestation, read_custodians, read_jwks, read_log_policy, read_log_proof},
    attested::Attested,
    files::read_bounded,
    log::policy::Policy,
};

use super::error::AttestError;
use crate::{home::Home, progress::Progress};

/// What a reader asks of an attestation's signatures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signatures<'a> {
    /// The list of public keys that the reader trusts.
    pub jwks: Option<&'a Path>,
    /// Whether an attestation that no listed key signed is not valid.
    pub required: bool,
}

impl Signatures<'_> {
    fn keys(self) -> Result<Option<Jwks>, AttestError> {
        Ok(self.jwks.map(read_jwks).transpose()?)
    }
}

/// What a reader asks of transparency logs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Logs<'a> {
    /// The logs and witnesses that the reader trusts.
    pub policy: Option<&'a Path>,
    /// A proof of logging that does not come with the attestation.
    pub proof: Option<&'a Path>,
}

impl Logs<'_> {
    fn read(self) -> Result<(Option<Policy>, Option<Vec<u8>>), AttestError> {
        let policy = self.policy.map(read_log_policy).transpose()?;
        Ok((policy, self.proof.map(read_log_proof).transpose()?))
    }
}

/// Verifies an attestation directory or bundle, and its signatures and its place in a log as far as the reader's keys tell.
///
/// # Errors
/// [`AttestError::Unreadable`]. An invalid attestation is not an error: the report says so.
pub fn verify(
    out: &Path,
    home: &Home,
    tests: TestShapes,
    (signatures, logs): (Signatures<'_>, Logs<'_>),
    progress: &dyn Progress,
) -> Result<Report, AttestError> {
    let attestation = Attestation::read(out)?;
    let jwks = signatures.keys()?;
    let (policy, log_proof) = logs.read()?;
    let mut report = verify_read(&attestation, home, tests, progress)?;
    attestation.sign_report(&mut report, jwks.as_ref(), signatures.required);
    attestation.log_report(&mut report, policy.as_ref(), log_proof.as_deref());
    Ok(report)
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

/// Checks a customer's inclusion file, which must be `account`'s if that is given, and the attestation's signatures. With a home
/// of parameters, it also verifies the attestation's proof.
///
/// # Errors
/// [`AttestError::Unreadable`].
pub fn verify_inclusion(
    file: &Path,
    out: &Path,
    account: Option<&str>,
    (signatures, logs): (Signatures<'_>, Logs<'_>),
    proof: Option<(&Home, TestShapes, &dyn Progress)>,
) -> Result<InclusionVerdict, AttestError> {
    let file = read_bounded(file, MAX_INCLUSION_BYTES)?;
    let attestation = Attestation::read(out)?;
    let jwks = signatures.keys()?;
    let (policy, log_proof) = logs.read()?;
    let inclusion = attestation.verify_inclusion(&file, account);
    let log_proof = log_proof.as_deref().or(inclusion.log.as_deref().map(str::as_bytes));
    let attested = match proof {
        None => {
            let (log, check) = attestation.log(policy.as_ref(), log_proof);
            unproved(&attestation, jwks.as_ref(), signatures.required, (Some(log), check))
        }
        Some((home, tests, progress)) => {
            let mut report = verify_read(&attestation, home, tests, progress)?;
            attestation.sign_report(&mut report, jwks.as_ref(), signatures.required);
            attestation.log_report(&mut report, policy.as_ref(), log_proof);
            Attested::Proved(Box::new(report))
        }
    };
    Ok(InclusionVerdict { attestation: attested, inclusion })
}

/// What the reader's keys and the state of the log tell of an attestation whose proof is not verified.
fn unproved(
    attestation: &Attestation,
    jwks: Option<&Jwks>,
    required: bool,
    (log, log_check): (Option<LogState>, Option<Check>),
) -> Attested {
    let (signature, check) = attestation.signature(jwks, required);
    Attested::Unproved { checks: [check, log_check].into_iter().flatten().collect(), signature, log }
}

/// What was found about an inclusion file and its attestation.
#[derive(Debug)]
pub struct InclusionVerdict {
    /// About the attestation.
    pub attestation: Attested,
    /// The inclusion's own report.
    pub inclusion: InclusionReport,
}

impl InclusionVerdict {
    /// Whether everything that was checked holds.
    pub fn holds(&self) -> bool {
        self.inclusion.is_valid() && self.attestation.holds()
    }
}

/// Checks disclosed reserve lines against the statement of the attestation, and its signatures, without verifying its proof. `custodians`
/// is a list of the third parties' keys that the reader accepts.
///
/// # Errors
/// [`AttestError::Unreadable`].
pub fn verify_reserves(
    file: &Path,
    out: &Path,
    custodians: Option<&Path>,
    signatures: Signatures<'_>,
) -> Result<(ReservesReport, Attested), AttestError> {
    let file = read_bounded(file, MAX_DISCLOSURE_BYTES)?;
    let custodians = custodians.map(read_custodians).transpose()?;
    let attestation = Attestation::read(out)?;
    let jwks = signatures.keys()?;
    let report = attestation.verify_reserves(&file, custodians.as_ref());
    Ok((report, unproved(&attestation, jwks.as_ref(), signatures.required, (None, None))))
}

/// The statement of an attestation, without verifying its proof.
///
/// # Errors
/// [`AttestError::Unreadable`], [`AttestError::Core`].
pub fn statement(out: &Path) -> Result<Sealed<Statement>, AttestError> {
    Ok(Attestation::read(out)?.statement().map_err(Clone::clone)?.clone())
}
