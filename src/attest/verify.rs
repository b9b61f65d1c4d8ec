//! Verification of directories and bundles, with the parameters of the home directory.

use std::path::Path;

use assay_core::{opinion::AuditorKeys, sealed::Sealed, signature::Jwks};
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
    attestation::{
        Attestation, read_auditors, read_custodians, read_jwks, read_log_policy, read_log_proof, read_signatures,
    },
    attested::Attested,
    files::read_bounded,
    log::policy::Policy,
    trust::Trust,
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
    /// Signatures, opinions and notices that do not come with the attestation.
    pub later: Option<&'a Path>,
    /// The list of auditors' keys that the reader trusts.
    pub auditors: Option<&'a Path>,
}

/// What a reader asks of transparency logs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Logs<'a> {
    /// The logs and witnesses that the reader trusts.
    pub policy: Option<&'a Path>,
    /// A proof of logging that does not come with the attestation.
    pub proof: Option<&'a Path>,
}

/// What the reader's files say.
struct Asked {
    jwks: Option<Jwks>,
    signature_required: bool,
    policy: Option<Policy>,
    log_proof: Option<Vec<u8>>,
    signatures: Option<Vec<u8>>,
    auditors: Option<AuditorKeys>,
}

impl Asked {
    fn read((signatures, logs): (Signatures<'_>, Logs<'_>)) -> Result<Self, AttestError> {
        Ok(Self {
            jwks: signatures.jwks.map(read_jwks).transpose()?,
            signature_required: signatures.required,
            policy: logs.policy.map(read_log_policy).transpose()?,
            log_proof: logs.proof.map(read_log_proof).transpose()?,
            signatures: signatures.later.map(read_signatures).transpose()?,
            auditors: signatures.auditors.map(read_auditors).transpose()?,
        })
    }

    fn trust(&self) -> Trust<'_> {
        let Self { jwks, signature_required, policy, log_proof, signatures, auditors } = self;
        Trust {
            jwks: jwks.as_ref(),
            signature_required: *signature_required,
            log: policy.as_ref(),
            log_proof: log_proof.as_deref(),
            signatures: signatures.as_deref(),
            auditors: auditors.as_ref(),
        }
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
    asked: (Signatures<'_>, Logs<'_>),
    progress: &dyn Progress,
) -> Result<Report, AttestError> {
    let attestation = Attestation::read(out)?;
    verify_read(&attestation, Asked::read(asked)?.trust(), home, tests, progress)
}

/// Verifies an open attestation.
pub(super) fn verify_read(
    attestation: &Attestation,
    trust: Trust<'_>,
    home: &Home,
    tests: TestShapes,
    progress: &dyn Progress,
) -> Result<Report, AttestError> {
    let proof = attestation.read_proof()?;
    progress.begin("verifying", 0, "");
    let mut report = attestation.verify(&proof, tests, |shape| home.parameters(shape));
    progress.end();
    attestation.judge(&mut report, trust);
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
    asked: (Signatures<'_>, Logs<'_>),
    tests: TestShapes,
    proof: Option<(&Home, &dyn Progress)>,
) -> Result<InclusionVerdict, AttestError> {
    let file = read_bounded(file, MAX_INCLUSION_BYTES)?;
    let attestation = Attestation::read(out)?;
    let asked = Asked::read(asked)?;
    let inclusion = attestation.verify_inclusion(&file, account);
    let mut trust = asked.trust();
    trust.log_proof = trust.log_proof.or(inclusion.log.as_deref().map(str::as_bytes));
    let attested = match proof {
        None => Attested::unproved(&attestation, trust, tests),
        Some((home, progress)) => Attested::Proved(Box::new(verify_read(&attestation, trust, home, tests, progress)?)),
    };
    Ok(InclusionVerdict { attestation: attested, inclusion })
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

/// Checks disclosed reserve lines against the statement of the attestation, and what can be checked of that without verifying its proof.
/// `custodians` is a list of the third parties' keys that the reader accepts.
///
/// # Errors
/// [`AttestError::Unreadable`].
pub fn verify_reserves(
    file: &Path,
    out: &Path,
    custodians: Option<&Path>,
    asked: (Signatures<'_>, Logs<'_>),
    tests: TestShapes,
) -> Result<(ReservesReport, Attested), AttestError> {
    let file = read_bounded(file, MAX_DISCLOSURE_BYTES)?;
    let custodians = custodians.map(read_custodians).transpose()?;
    let attestation = Attestation::read(out)?;
    let asked = Asked::read(asked)?;
    let report = attestation.verify_reserves(&file, custodians.as_ref());
    Ok((report, Attested::unproved(&attestation, asked.trust(), tests)))
}

/// The statement of an attestation, without verifying its proof.
///
/// # Errors
/// [`AttestError::Unreadable`], [`AttestError::Core`].
pub fn statement(out: &Path) -> Result<Sealed<Statement>, AttestError> {
    Ok(Attestation::read(out)?.statement().map_err(Clone::clone)?.clone())
}
