//! Where a cluster's files, socket and log are.
//!
//! The files are usually in `<data>/postgres`. Postgres refuses to run as root, so under root it runs as the system's user
//! `postgres`. If that user cannot reach the data directory, or its path is too long for a socket, the cluster is in
//! `/var/lib/assay` and `<data>/postgres` is a symbolic link to it. Its name there is unique, so that a new data directory never
//! meets an old cluster. Such a cluster stays when the data directory is deleted; the log says so when it is made.

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

/// Name of the cluster in the data directory, or of the link to it.
const NAME: &str = "postgres";
/// Contains clusters that the user `postgres` cannot run from their data directory.
const SYSTEM_DIR: &str = "/var/lib/assay";
/// The longest path that a socket can have, on Linux and on the BSDs.
const LONGEST_SOCKET: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Where the parts of a cluster are.
#[derive(Debug)]
pub(super) struct Place {
    /// The directory of its files.
    pub dir: PathBuf,
    /// The directory of its socket: `dir`, unless that path is too long.
    pub sockets: PathBuf,
    /// The server's log since its last start, in the data directory, where only this process's user writes.
    pub log: PathBuf,
    /// The link to `dir`, if `dir` is not in the data directory.
    pointer: Option<PathBuf>,
}

impl Place {
    /// The complete cluster of `data_dir`, if there is one.
    pub(super) fn existing(data_dir: &Path, user: &User) -> Result<Option<Self>, ClusterError> {
        let Some((dir, pointer)) = Self::find(data_dir, user)? else { return Ok(None) };
        Self::new(data_dir, dir, pointer, *user).map(Some)
    }

    /// The directory of the complete cluster of `data_dir`, if there is one, and the link to it if it is elsewhere. Makes nothing.
    pub(super) fn find(data_dir: &Path, user: &User) -> Result<Option<(PathBuf, Option<PathBuf>)>, ClusterError> {
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
        Ok(Some((dir, meta.is_symlink().then_some(named))))
    }

    /// The place for a new cluster, and an empty directory to make it in.
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

    /// Gives a complete cluster its final name, and makes the link to it if it needs one.
    pub(super) fn finish(&self, unfinished: &Path, data_dir: &Path) -> Result<(), ClusterError> {
        durable::name_directory(unfinished, &self.dir).map_err(ClusterError::file(&self.dir))?;
        let Some(pointer) = &self.pointer else { return Ok(()) };
        symlink(&self.dir, pointer)
            .and_then(|()| durable::sync_directory(data_dir))
            .map_err(ClusterError::file(pointer))
    }

    /// Deletes the link, if there is one, and then the cluster, so that the link never points to half a cluster.
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
    /// Removes the socket's directory, which is empty once the server has stopped.
    fn drop(&mut self) {
        if self.sockets != self.dir {
            let _ = fs::remove_dir(&self.sockets);
        }
    }
}

/// Whether the path of a socket in `dir` is short enough.
fn fits(dir: &Path) -> bool {
    dir.as_os_str().len() + "/.s.PGSQL.5432".len() <= LONGEST_SOCKET
}

/// A directory with a short path for the socket of the cluster in `dir`: in the user's runtime directory or in /tmp. Its name
/// can be guessed, so an existing directory must belong to the user and be closed to others.
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

/// Makes an empty directory of `user` at `path`, and first deletes what an earlier attempt left there.
fn empty_dir(path: &Path, user: User) -> Result<(), ClusterError> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(ClusterError::file(path)(e)),
        _ => user.make_dir(path),
    }
}

/// 16 hexadecimal digits that identify a directory in names.
fn short_digest(path: &Path) -> String {
    hex::encode(&Sha256::digest(path.as_os_str().as_bytes())[..8])
}
