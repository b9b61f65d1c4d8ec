//! What can go wrong on the way to an attestation.

use std::path::{Path, PathBuf};

use assay_verifier::files::Unreadable;

use crate::{
    home::HomeError,
    ledger::{CheckError, Findings},
};

/// An error of this module; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum AttestError {
    /// The ledger was refused, or could not be read.
    #[error(transparent)]
    Ledger(#[from] CheckError),
    /// The ledger, the run or a file is not what it must be.
    #[error("{0}")]
    NotValid(String),
    /// The machine, the home directory or this build does not give what is needed.
    #[error("{0}")]
    Environment(String),
    /// The call does not fit what is there.
    #[error("{0}")]
    Usage(String),
    /// A file that cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The home directory does not hold what is needed.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A published file that cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The core refused.
    #[error(transparent)]
    Core(#[from] assay_fold::Error),
    /// The operator stopped the run; it can be taken up again.
    #[error("stopped before the first step; run the same command again (with --resume if OUT.partial exists)")]
    StoppedEarly,
    /// The operator stopped the run; it can be taken up again.
    #[error("stopped after {done} of {steps} steps; run the same command with --resume to continue")]
    Stopped {
        /// Steps done.
        done: usize,
        /// Steps in all.
        steps: usize,
    },
}

impl From<assay_core::Error> for AttestError {
    fn from(error: assay_core::Error) -> Self {
        Self::Core(error.into())
    }
}

impl AttestError {
    /// An error at `path`.
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// The command line's exit code: 1 not valid, 2 usage, 3 environment.
    pub fn exit_code(&self) -> u8 {
        match self {
            // another digest than the pinned one: this build is not the release it says it is
            Self::Core(assay_fold::Error::ParameterDigest { .. }) => 3,
            Self::Ledger(CheckError::NotValid(_)) | Self::NotValid(_) | Self::Core(_) => 1,
            Self::Home(HomeError::SnapshotIdUsed { .. }) => 1,
            Self::Usage(_) => 2,
            Self::Ledger(CheckError::Environment(_))
            | Self::Environment(_)
            | Self::File { .. }
            | Self::Home(_)
            | Self::Unreadable(_)
            | Self::StoppedEarly
            | Self::Stopped { .. } => 3,
        }
    }

    /// What a refused ledger was refused for.
    pub fn findings(&self) -> Option<&Findings> {
        match self {
            Self::Ledger(CheckError::NotValid(findings)) => Some(findings),
            _ => None,
        }
    }
}
