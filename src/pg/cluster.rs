//! A cluster's life cycle: made, started, stopped, restarted, removed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    binaries::{self, Binaries},
    error::ClusterError,
    lock::{Lock, lock},
    place::Place,
    server::{self, Server},
    user::User,
};
use crate::durable;

/// The one database of the cluster, and its owner.
const DATABASE: &str = "assay";

/// A running private cluster. It is stopped when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    url: String,
    place: Place,
    /// Declared last, so that it is dropped after the server has stopped.
    _lock: Lock,
}

impl Cluster {
    /// Starts the cluster of `data_dir`. If there is none, makes it first, which takes about two seconds. Blocks until the server
    /// accepts connections.
    ///
    /// # Errors
    /// [`ClusterError`]; no server is left running.
    pub fn start(data_dir: &Path) -> Result<Self, ClusterError> {
        durable::create_private_directory(data_dir).map_err(ClusterError::file(data_dir))?;
        let data_dir = fs::canonicalize(data_dir).map_err(ClusterError::file(data_dir))?;
        let lock = lock(&data_dir)?;
        let user = User::find()?;
        let installed = binaries::installed();
        let place = match Place::existing(&data_dir, &user)? {
            Some(place) => place,
            None => make(&data_dir, &user, installed.first().ok_or_else(binaries::not_installed)?)?,
        };
        let binaries = Binaries::of_cluster(&place.dir, &installed)?;
        server::stop_orphan(&place.dir)?;
        let server = Server::start(binaries, &place, &user)?;
        let url = url(&place.sockets);
        Ok(Self { server, url, place, _lock: lock })
    }

    /// Whether [`Cluster::start`] could start the cluster of `data_dir`. Makes and starts nothing.
    ///
    /// # Errors
    /// [`ClusterError`], as far as it can be told beforehand.
    pub fn inspect(data_dir: &Path) -> Result<ClusterFound, ClusterError> {
        let user = User::find()?;
        let installed = binaries::installed();
        let newest = installed.first().ok_or_else(binaries::not_installed)?;
        let found = match fs::canonicalize(data_dir) {
            Ok(data_dir) => Place::find(&data_dir, &user)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(ClusterError::file(data_dir)(e)),
        };
        let Some((dir, _)) = found else {
            return Ok(ClusterFound { dir: None, programs: newest.dir.clone(), url: None });
        };
        let programs = Binaries::of_cluster(&dir, &installed)?.dir;
        // the server itself says it: whoever started it may have had another place for a socket
        let url = server::sockets(&dir).map(|sockets| url(&sockets));
        Ok(ClusterFound { dir: Some(dir), programs, url })
    }

    /// The database's address, `postgres://…`. It contains no secret.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The directory of the cluster's files: `postgres` in the data directory, or the target of that link.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.place.dir
    }

    /// The directory of the installation's programs, among them `psql` and `pg_dump`.
    #[must_use]
    pub fn programs(&self) -> &Path {
        self.server.programs()
    }

    /// Stops the server: it closes connections and writes everything to disk. Takes up to half a minute.
    ///
    /// # Errors
    /// [`ClusterError::Program`] if it does not stop.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.server.stop()
    }

    /// Stops the server and starts it again.
    ///
    /// # Errors
    /// [`ClusterError`]; the server is not running.
    pub fn restart(&mut self) -> Result<(), ClusterError> {
        self.server.stop()?;
        self.server.start_again(&self.place, &User::find()?)
    }

    /// Starts the server again if it has ended by itself, for example because its disk is full. `false` if it was running.
    ///
    /// # Errors
    /// [`ClusterError`]; the server is not running, and the call can be repeated.
    pub fn revive(&mut self) -> Result<bool, ClusterError> {
        if !self.server.has_ended()? {
            return Ok(false);
        }
        server::stop_orphan(&self.place.dir)?;
        self.server.start_again(&self.place, &User::find()?)?;
        Ok(true)
    }

    /// Stops the server and deletes everything it holds.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub fn remove(mut self) -> Result<(), ClusterError> {
        self.server.stop()?;
        self.place.remove()
    }
}

/// What [`Cluster::inspect`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFound {
    /// The cluster's directory; `None` if it will be made.
    pub dir: Option<PathBuf>,
    /// The directory of the programs that it is or will be run with.
    pub programs: PathBuf,
    /// The database's address, if a server seems to run.
    pub url: Option<String>,
}

fn url(sockets: &Path) -> String {
    format!("postgres://{DATABASE}@{}/{DATABASE}", percent_encoded(sockets))
}

/// Makes a cluster with an empty database. It gets its name only once it is complete.
fn make(data_dir: &Path, user: &User, binaries: &Binaries) -> Result<Place, ClusterError> {
    let (place, unfinished) = Place::choose(data_dir, user)?;
    tracing::info!(directory = %place.dir.display(), "a private Postgres cluster is made");
    if !place.dir.starts_with(data_dir) {
        tracing::warn!(
            data = %place.dir.display(),
            link = %data_dir.join("postgres").display(),
            "the user postgres cannot enter the home directory, so the database is elsewhere: include it in backups, and delete it \
             by hand if you delete the home directory"
        );
    }
    binaries.run(
        "initdb",
        user,
        &[
            "--pgdata".as_ref(),
            unfinished.as_ref(),
            "--username=assay".as_ref(),
            "--encoding=UTF8".as_ref(),
            "--locale=C".as_ref(),
            "--auth-local=trust".as_ref(),
            "--auth-host=reject".as_ref(),
            "--data-checksums".as_ref(),
            "--no-instructions".as_ref(),
        ],
        "",
    )?;
    binaries.run(
        "postgres",
        user,
        &[
            "--single".as_ref(),
            "-D".as_ref(),
            unfinished.as_ref(),
            "-c".as_ref(),
            "exit_on_error=true".as_ref(),
            "postgres".as_ref(),
        ],
        &format!("CREATE DATABASE {DATABASE}\n"),
    )?;
    place.finish(&unfinished, data_dir)?;
    Ok(place)
}

/// Percent-encodes a path for the host part of a URL.
fn percent_encoded(path: &Path) -> String {
    use std::{fmt::Write as _, os::unix::ffi::OsStrExt};
    let mut encoded = String::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes everything");
        }
    }
    encoded
}
