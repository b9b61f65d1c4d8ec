//! What was found about an attestation that another file refers to: an inclusion file, or reserve lines.

use assay_core::{
    check::{Check, Checks},
    signature::SignatureState,
};
use assay_programs::ledger::report::{LogState, Report};

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
        /// What is known of transparency logs; nothing where no reader was asked for a policy.
        log: Option<LogState>,
    },
}

impl Attested {
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
            Self::Unproved { log, .. } => *log,
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
