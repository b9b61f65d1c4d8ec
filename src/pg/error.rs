//! Why there is no private cluster.

use std::path::{Path, PathBuf};

/// The oldest major version that this program is tested with.
pub(super) const OLDEST: u32 = 15;

/// Why there is no private cluster; a sentence for the person at the terminal, who gets exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// PostgreSQL is not installed.
    #[error(
        "PostgreSQL {} or later is not installed here: {install}, or give a database's address as DATABASE_URL",
        OLDEST
    )]
    NotInstalled {
        /// How to install it.
        install: &'static str,
    },
    /// The cluster was made by a version that is not installed.
    #[error("{} belongs to PostgreSQL {made_by}, which is no longer installed", dir.display())]
    OtherVersion {
        /// The cluster.
        dir: PathBuf,
        /// The version that made it.
        made_by: u32,
    },
    /// Another process runs the cluster.
    #[error("{} is in use by {by}; stop that process, or set DATABASE_URL", dir.display())]
    InUse {
        /// The cluster or its data directory.
        dir: PathBuf,
        /// That process.
        by: String,
    },
    /// A program of PostgreSQL failed.
    #[error("{program}: {reason}")]
    Program {
        /// Its name.
        program: &'static str,
        /// Its error message.
        reason: String,
    },
    /// The directory or the user is not suitable for a cluster.
    #[error("{0}")]
    Place(String),
    /// A file that cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl ClusterError {
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
