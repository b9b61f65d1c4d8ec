//! What was found about an attestation that another file refers to: an inclusion file, or reserve lines.

use assay_core::{
    check::{Check, Checks},
    later::Later,
    signature::SignatureState,
};
use assay_programs::{
    ledger::report::{LogState, Report},
    purpose::TestShapes,
};

use crate::{
    attestation::{Attestation, Judged},
    trust::Trust,
};

/// What was found about an attestation.
#[derive(Debug)]
pub enum Attested {
    /// Its proof was verified.
    Proved(Box<Report>),
    /// Its proof was not.
    Unproved {
        /// What was checked without it.
        checks: Checks,
        /// What is known of the signatures.
        signature: SignatureState,
        /// What is known of transparency logs.
        log: LogState,
        /// What was said about the attestation later.
        later: Later,
    },
}

impl Attested {
    /// Checks what needs no proof: the statement, its shape, its signatures, its place in a log, and the manifest of what somebody signed.
    pub fn unproved(attestation: &Attestation, trust: Trust<'_>, tests: TestShapes) -> Self {
        let mut checks = Checks::default();
        checks.step("statement", "the statement is complete and in canonical form", attestation.statement(), |s| {
            format!("{} of {}", s.snapshot.id, s.exchange.name)
        });
        let admitted = attestation.statement().map_err(Clone::clone).and_then(|statement| {
            let shape = statement.shape()?;
            shape.purpose.admit_verifying(shape.name, tests).map(|()| shape.name)
        });
        checks.step("shape", "its shape is one that this release accepts", admitted, |name| (*name).to_owned());
        let Judged { checks: judged, signature, log, later } = attestation.judged(trust);
        // only for what somebody stands behind: hashing files of anybody's choice is no work to do for nothing
        let stands = matches!(signature, SignatureState::Signed(_));
        let manifest = if stands { attestation.check_manifest() } else { None };
        judged.into_iter().chain(manifest).for_each(|check| checks.push(check));
        Self::Unproved { checks, signature, log, later }
    }

    /// The report on the whole attestation, if its proof was verified.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Proved(report) => Some(report),
            Self::Unproved { .. } => None,
        }
    }

    /// All that was checked.
    pub fn checks(&self) -> &[Check] {
        match self {
            Self::Proved(report) => &report.checks,
            Self::Unproved { checks, .. } => checks,
        }
    }

    /// What is known of the signatures.
    pub fn signature(&self) -> &SignatureState {
        match self {
            Self::Proved(report) => &report.signature,
            Self::Unproved { signature, .. } => signature,
        }
    }

    /// What is known of transparency logs; nothing where no reader was asked for a policy.
    pub fn log(&self) -> Option<LogState> {
        match self {
            Self::Proved(report) => report.log,
            Self::Unproved { log, .. } => Some(*log),
        }
    }

    /// What was said about the attestation later.
    pub fn later(&self) -> &Later {
        match self {
            Self::Proved(report) => &report.later,
            Self::Unproved { later, .. } => later,
        }
    }

    /// Whether all that was checked holds. Without the proof that does not make the statement true.
    pub fn holds(&self) -> bool {
        match self {
            Self::Proved(report) => report.is_valid(),
            Self::Unproved { checks, .. } => checks.all_passed(),
        }
    }
}
