//! The user that the server runs as.

use std::{
    fs,
    os::unix::{
        fs::{DirBuilderExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Stdio,
};

use super::{command::plain, error::ClusterError};

/// The user that Postgres runs as when this process is root.
pub(super) const SYSTEM_USER: &str = "postgres";

/// The owner of the server's files and processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    /// This process's own user.
    Own { uid: u32 },
    /// `postgres`, because this process is root.
    Other { uid: u32, gid: u32 },
}

impl User {
    pub(super) fn find() -> Result<Self, ClusterError> {
        let own = nix::unistd::geteuid();
        if !own.is_root() {
            return Ok(Self::Own { uid: own.as_raw() });
        }
        let found = nix::unistd::User::from_name(SYSTEM_USER).ok().flatten().filter(|u| !u.uid.is_root());
        let found = found.ok_or_else(|| {
            ClusterError::Place(format!(
                "PostgreSQL does not run as root, and this machine has no user {SYSTEM_USER} for it; run assay as another user"
            ))
        })?;
        Ok(Self::Other { uid: found.uid.as_raw(), gid: found.gid.as_raw() })
    }

    pub(super) fn uid(self) -> u32 {
        match self {
            Self::Own { uid } | Self::Other { uid, .. } => uid,
        }
    }

    /// Whether the user can enter `dir`, through all directories above it, and write there.
    pub(super) fn reaches(self, dir: &Path) -> bool {
        let mut command = plain(Path::new("/bin/sh"));
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        let status = command
            .args(["-c", "cd -- \"$1\" && test -w .", "sh"])
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|s| s.success())
    }

    /// Makes a directory that only the user may enter.
    pub(super) fn make_dir(self, path: &Path) -> Result<(), ClusterError> {
        fs::DirBuilder::new().mode(0o700).create(path).map_err(ClusterError::file(path))?;
        match self {
            Self::Own { .. } => Ok(()),
            Self::Other { uid, gid } => chown(path, Some(uid), Some(gid)).map_err(ClusterError::file(path)),
        }
    }
}
