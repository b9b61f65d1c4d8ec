//! A private Postgres for a newcomer: found among what is installed, kept in the data directory, reached only through a
//! socket that nobody else can open, and stopped with this process.
//!
//! In comes the data directory, out goes an address for [`super::Store`]. What is kept there is as precious as in any other
//! database; nothing here ever deletes a finished cluster unless it is told to ([`Cluster::remove`]).
//!
//! Where a process can die: a cluster is made under another name and renamed when it is complete; the lock in the data
//! directory goes with the process that holds it; the server gets SIGINT from the kernel when its parent dies, and what still
//! runs after that is stopped by the next start, which holds the lock and knows the server by its arguments. A stale
//! `postmaster.pid` is recognised by what the process of that number really is.

mod binaries;
mod place;
mod server;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use binaries::Binaries;
use place::{Place, User};
use server::Server;

/// The one database of the cluster, and its owner.
const DATABASE: &str = "assay";
/// Held by the process that runs the cluster.
const LOCK_FILE: &str = "postgres.lock";

/// Why there is no private cluster; a sentence for the person at the terminal, who gets exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// PostgreSQL is not installed.
    #[error(
        "PostgreSQL {} or later is not installed here: {install}, or give a database's address as DATABASE_URL",
        binaries::OLDEST
    )]
    NotInstalled {
        /// What to do.
        install: &'static str,
    },
    /// The cluster was made by a version that is not installed.
    #[error("{} was made by PostgreSQL {made_by}, which is not installed here any more", dir.display())]
    OtherVersion {
        /// The cluster.
        dir: PathBuf,
        /// The version that made it.
        made_by: u32,
    },
    /// Another process runs the cluster.
    #[error("{} is in use by {by}; stop that first, or give a database's address as DATABASE_URL", dir.display())]
    InUse {
        /// The cluster or its data directory.
        dir: PathBuf,
        /// Who.
        by: String,
    },
    /// A program of PostgreSQL did not do what it should.
    #[error("{program}: {reason}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it said last.
        reason: String,
    },
    /// The place or the user is not fit for a cluster.
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
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

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
        place::create_dir(data_dir)?;
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

    /// The address for [`super::Store::connect`]; holds no secret.
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

/// A data directory that is this process's, at most until it ends.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// Closing is not enough: a program that another thread starts just now holds the file, too, until it is running.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Takes the data directory for this process.
fn lock(data_dir: &Path) -> Result<Lock, ClusterError> {
    let path = data_dir.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(ClusterError::file(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(ClusterError::InUse { dir: data_dir.to_owned(), by: format!("process {}", holder.trim()) });
        }
        Err(TryLockError::Error(e)) => return Err(ClusterError::file(&path)(e)),
    }
    let mut lock = Lock(file);
    let file = &mut lock.0;
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(ClusterError::file(&path))?;
    Ok(lock)
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
