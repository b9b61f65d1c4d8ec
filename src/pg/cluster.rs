//! A cluster from its start to its end.

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
    /// Unlocked when the server has stopped: fields are dropped in their order.
    _lock: Lock,
}

impl Cluster {
    /// Starts the cluster of `data_dir`, made first if there is none (some two seconds). Blocks until it takes connections.
    ///
    /// # Errors
    /// [`ClusterError`]; nothing runs then.
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
        let url = format!("postgres://{DATABASE}@{}/{DATABASE}", percent_encoded(&place.sockets));
        Ok(Self { server, url, place, _lock: lock })
    }

    /// Where the programs are that a new cluster would run on.
    ///
    /// # Errors
    /// [`ClusterError::NotInstalled`].
    pub fn find_programs() -> Result<PathBuf, ClusterError> {
        binaries::installed().into_iter().next().map(|b| b.dir).ok_or_else(binaries::not_installed)
    }

    /// The database's address, `postgres://…`; holds no secret.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the cluster's files are: in the data directory, or where it points to.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.place.dir
    }

    /// The installation it runs on, with `psql` and `pg_dump`.
    #[must_use]
    pub fn programs(&self) -> &Path {
        self.server.programs()
    }

    /// Stops the server: connections are closed and everything is written. Up to half a minute.
    ///
    /// # Errors
    /// [`ClusterError::Program`] if it does not stop.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.server.stop()
    }

    /// Stops the server and starts it again.
    ///
    /// # Errors
    /// [`ClusterError`]; the server does not run then.
    pub fn restart(&mut self) -> Result<(), ClusterError> {
        self.server.stop()?;
        self.server.start_again(&self.place, &User::find()?)
    }

    /// Starts the server again if it has ended by itself, as it does where its disk is full. `false` if it runs.
    ///
    /// # Errors
    /// [`ClusterError`]; the server does not run then, and this can be tried again.
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

/// Makes a cluster with an empty database. It gets its name only once it is complete.
fn make(data_dir: &Path, user: &User, binaries: &Binaries) -> Result<Place, ClusterError> {
    let (place, unfinished) = Place::choose(data_dir, user)?;
    tracing::info!(directory = %place.dir.display(), "a private Postgres cluster is made");
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

/// A path as the host of an address.
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
