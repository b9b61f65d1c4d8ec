//! The error of making and checking attestations, and its exit code.

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
    /// The ledger, the unfinished run or a file is not valid.
    #[error("{0}")]
    NotValid(String),
    /// The machine, the home directory or this build cannot do the work.
    #[error("{0}")]
    Environment(String),
    /// The arguments are wrong, or do not fit the existing files.
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
    /// The home directory cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A published file that cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The core or the proof system refused.
    #[error(transparent)]
    Core(#[from] assay_fold::Error),
    /// The operator stopped the run before the first step; it can be resumed.
    #[error("stopped before the first step; run the same command again (with --resume if OUT.partial exists)")]
    StoppedEarly,
    /// The operator stopped the run after some steps; it can be resumed.
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
    /// Adds `path` to an I/O error.
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// The command line's exit code: 1 not valid, 2 usage, 3 environment.
    pub fn exit_code(&self) -> u8 {
        match self {
            // parameters other than the pinned ones: this build is not the release it claims to be
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

    /// Why the ledger was refused; `None` for other errors.
    pub fn findings(&self) -> Option<&Findings> {
        match self {
            Self::Ledger(CheckError::NotValid(findings)) => Some(findings),
            _ => None,
        }
    }
}
