//! Where a cluster is, and as whom it runs.
//!
//! Usually `<data>/postgres`. Postgres does not run as root; started by root it runs as the system's user `postgres`, who
//! cannot reach a data directory below one of root's own. The cluster is then below `/var/lib/assay`, under a name of its own
//! that `<data>/postgres` points to, so that a new data directory never meets an old cluster.

use std::{
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, symlink},
    },
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    error::ClusterError,
    user::{SYSTEM_USER, User},
};
use crate::durable;

/// The cluster, or what points to it.
const NAME: &str = "postgres";
/// Clusters of root's whose data directory the user `postgres` cannot reach.
const SYSTEM_DIR: &str = "/var/lib/assay";
/// The longest path that a socket can have, on Linux and on the BSDs.
const LONGEST_SOCKET: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Where the parts of a cluster are.
#[derive(Debug)]
pub(super) struct Place {
    /// Its files.
    pub dir: PathBuf,
    /// Its socket; `dir` itself unless that is too long.
    pub sockets: PathBuf,
    /// What the server said since its last start; in the data directory, where only this process's user writes.
    pub log: PathBuf,
    /// What points to `dir`, if it is elsewhere.
    pointer: Option<PathBuf>,
}

impl Place {
    /// The complete cluster of `data_dir`, if there is one.
    pub(super) fn existing(data_dir: &Path, user: &User) -> Result<Option<Self>, ClusterError> {
        let named = data_dir.join(NAME);
        let meta = match fs::symlink_metadata(&named) {
            Ok(meta) => meta,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(ClusterError::file(&named)(e)),
        };
        let dir = fs::canonicalize(&named).map_err(ClusterError::file(&named))?;
        let owner = fs::metadata(&dir).map_err(ClusterError::file(&dir))?.uid();
        if owner != user.uid() {
            return Err(ClusterError::Place(format!(
                "{}: the cluster belongs to user {owner}, and assay would run it as user {}; start assay as whoever made it",
                dir.display(),
                user.uid()
            )));
        }
        if !user.reaches(&dir) {
            return Err(ClusterError::Place(format!(
                "{}: the user {SYSTEM_USER}, who owns the cluster, cannot reach it any more; move it to a directory that \
                 everybody may enter and let {} be a symbolic link to it",
                dir.display(),
                named.display()
            )));
        }
        let pointer = meta.is_symlink().then_some(named);
        Self::new(data_dir, dir, pointer, *user).map(Some)
    }

    /// Where a new cluster is to be, and an empty directory to make it in.
    pub(super) fn choose(data_dir: &Path, user: &User) -> Result<(Self, PathBuf), ClusterError> {
        let named = data_dir.join(NAME);
        let unfinished = data_dir.join("postgres.unfinished");
        empty_dir(&unfinished, *user)?;
        let near = user.reaches(&unfinished) && (matches!(user, User::Own { .. }) || fits(&named));
        if near {
            return Ok((Self::new(data_dir, named, None, *user)?, unfinished));
        }
        fs::remove_dir(&unfinished).map_err(ClusterError::file(&unfinished))?;
        let parent = Path::new(SYSTEM_DIR);
        fs::DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(ClusterError::file(parent))?;
        let unfinished = parent.join(format!("{}.unfinished", short_digest(data_dir)));
        empty_dir(&unfinished, *user)?;
        if !user.reaches(&unfinished) {
            return Err(ClusterError::Place(format!(
                "neither {} nor {SYSTEM_DIR} can be reached by the user {SYSTEM_USER}, as whom PostgreSQL is to run; choose \
                 a data directory that everybody may enter, or run assay as another user",
                data_dir.display()
            )));
        }
        let dir = parent.join(uuid::Uuid::new_v4().simple().to_string());
        Ok((Self::new(data_dir, dir, Some(named), *user)?, unfinished))
    }

    /// Gives a complete cluster its name.
    pub(super) fn finish(&self, unfinished: &Path, data_dir: &Path) -> Result<(), ClusterError> {
        durable::name_directory(unfinished, &self.dir).map_err(ClusterError::file(&self.dir))?;
        let Some(pointer) = &self.pointer else { return Ok(()) };
        symlink(&self.dir, pointer)
            .and_then(|()| durable::sync_directory(data_dir))
            .map_err(ClusterError::file(pointer))
    }

    /// Deletes the cluster and what points to it; in this order, so that nothing points to half of one.
    pub(super) fn remove(&self) -> Result<(), ClusterError> {
        if let Some(pointer) = &self.pointer {
            fs::remove_file(pointer).map_err(ClusterError::file(pointer))?;
        }
        fs::remove_dir_all(&self.dir).map_err(ClusterError::file(&self.dir))
    }

    fn new(data_dir: &Path, dir: PathBuf, pointer: Option<PathBuf>, user: User) -> Result<Self, ClusterError> {
        let sockets = if fits(&dir) { dir.clone() } else { socket_dir(&dir, user)? };
        Ok(Self { dir, sockets, log: data_dir.join("postgres.log"), pointer })
    }
}

impl Drop for Place {
    /// The server has taken its socket away.
    fn drop(&mut self) {
        if self.sockets != self.dir {
            let _ = fs::remove_dir(&self.sockets);
        }
    }
}

/// Whether a socket in `dir` has a path short enough.
fn fits(dir: &Path) -> bool {
    dir.as_os_str().len() + "/.s.PGSQL.5432".len() <= LONGEST_SOCKET
}

/// A short directory for the socket of the cluster in `dir`: in the user's runtime directory or in /tmp. Its name can be
/// guessed, so one that is there already must be the user's own and closed to others.
fn socket_dir(dir: &Path, user: User) -> Result<PathBuf, ClusterError> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let candidates =
        runtime.into_iter().chain([PathBuf::from(format!("/run/user/{}", user.uid())), PathBuf::from("/tmp")]);
    let name = format!("assay-{}", short_digest(dir));
    let usable = |parent: &PathBuf| parent.is_absolute() && fits(&parent.join(&name)) && user.reaches(parent);
    let Some(parent) = candidates.into_iter().find(usable) else {
        return Err(ClusterError::Place(format!(
            "{}: the path is too long for a socket; choose a shorter data directory",
            dir.display()
        )));
    };
    let path = parent.join(name);
    if fs::symlink_metadata(&path).is_err() {
        user.make_dir(&path)?;
    }
    let meta = fs::symlink_metadata(&path).map_err(ClusterError::file(&path))?;
    if !meta.is_dir() || meta.uid() != user.uid() || meta.mode() & 0o077 != 0 {
        return Err(ClusterError::Place(format!(
            "{}: this must be a directory of your own that is closed to others",
            path.display()
        )));
    }
    Ok(path)
}

/// An empty directory of the user's at `path`, whatever an earlier try has left there.
fn empty_dir(path: &Path, user: User) -> Result<(), ClusterError> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(ClusterError::file(path)(e)),
        _ => user.make_dir(path),
    }
}

/// Tells directories apart in names.
fn short_digest(path: &Path) -> String {
    hex::encode(&Sha256::digest(path.as_os_str().as_bytes())[..8])
}
