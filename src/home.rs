//! The operator's directory, by convention `~/.assay`, which outlives single attestations.
//!
//! **In:** its path. **Out:** the master secret, the circuits' parameters, claims on snapshot ids, and the paths of what other modules
//! fill (keys, Postgres, scratch, measured rates). Only [`Home::master_secret`], [`Home::claim_snapshot_id`] and the cache of
//! parameters write.
//!
//! **Never:** copy, replace or show the secret, or read it from a file that other users may read.

use std::{
    fs,
    io::{ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use assay_core::identity::{MasterSecret, SECRET_BYTES};
use assay_fold::{Error, Program, keys::Keys};
use assay_programs::{
    disclosure::{Disclosure, SHAPE},
    ledger::{Ledger, shape::Shape},
};
use assay_verifier::parameters::{load, path_of};
use zeroize::Zeroizing;

use crate::{
    durable::{self, Access},
    files,
};

/// Bound on what is read. A secret file holds 64 digits and the end of a line.
const MAX_SECRET_BYTES: u64 = 1024;

/// Why the home directory cannot be used; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Other users may read the master secret.
    #[error("{}: other users can read the master secret; run chmod 600", .0.display())]
    SecretReadableByOthers(PathBuf),
    /// The file does not hold 64 hexadecimal digits.
    #[error("{}: not a master secret of 64 hexadecimal digits", .0.display())]
    NotASecret(PathBuf),
    /// The system's random source failed.
    #[error("the system's random source failed: {0}")]
    NoRandomNumbers(getrandom::Error),
    /// The snapshot id was used for another ledger.
    #[error(
        "snapshot id `{id}` was used for another ledger before ({}); give every snapshot an id of its own, or customers could be \
         recognised from one to the next",
        path.display()
    )]
    SnapshotIdUsed {
        /// The id.
        id: String,
        /// The file that records its ledger.
        path: PathBuf,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl HomeError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// The directory; it need not exist yet.
#[derive(Debug, Clone)]
pub struct Home {
    dir: PathBuf,
}

impl Home {
    /// The home in `dir`.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The directory itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The signing keys of the service.
    pub fn keys_dir(&self) -> PathBuf {
        self.dir.join("keys")
    }

    /// The private cluster of Postgres, where there is one.
    pub fn postgres_dir(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// The workers' scratch directory; everything in it can be made again.
    pub fn work_dir(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// What the transparency log keeps outside the database.
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The rates that `assay bench` measured.
    pub fn bench_file(&self) -> PathBuf {
        self.dir.join("bench.json")
    }

    /// The file with the master secret: 64 hexadecimal digits, readable by its owner only.
    pub fn secret_file(&self) -> PathBuf {
        self.dir.join("master.secret")
    }

    /// The master secret, made from the system's random source if there is none yet. Processes that make one at the same
    /// time all get the same secret.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn master_secret(&self) -> Result<MasterSecret, HomeError> {
        let path = self.secret_file();
        match self.existing_secret() {
            Err(HomeError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            other => return other,
        }
        let mut bytes = Zeroizing::new([0u8; SECRET_BYTES]);
        getrandom::fill(&mut *bytes).map_err(HomeError::NoRandomNumbers)?;
        let text = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(*bytes))));
        durable::create_private_directory(&self.dir).map_err(HomeError::file(&self.dir))?;
        match durable::create_new(&path, Access::Private, text.as_bytes()) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(HomeError::File { path, source: e }),
            _ => {}
        }
        self.existing_secret()
    }

    /// The master secret, which must exist.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn existing_secret(&self) -> Result<MasterSecret, HomeError> {
        let path = self.secret_file();
        let file = files::open_file(&path).map_err(HomeError::file(&path))?;
        // checks the open file and not the path, which could lead to another file by now
        let mode = file.metadata().map_err(HomeError::file(&path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(HomeError::SecretReadableByOthers(path));
        }
        let mut text = Zeroizing::new(Vec::new());
        file.take(MAX_SECRET_BYTES).read_to_end(&mut text).map_err(HomeError::file(&path))?;
        let mut bytes = Zeroizing::new([0u8; SECRET_BYTES]);
        match hex::decode_to_slice(text.trim_ascii_end(), &mut *bytes) {
            Ok(()) => Ok(MasterSecret::new(*bytes)),
            Err(_) => Err(HomeError::NotASecret(path)),
        }
    }

    /// Records that snapshot `id` is the ledger with this digest. Identities derive from the id: in two ledgers under one
    /// id a customer would have the same identity, and could be recognised from one to the next.
    ///
    /// # Errors
    /// [`HomeError::SnapshotIdUsed`] if `id` was used for another ledger; [`HomeError::File`].
    pub fn claim_snapshot_id(&self, id: &str, ledger_digest: &str) -> Result<(), HomeError> {
        let dir = self.dir.join("snapshots");
        durable::create_private_directory(&dir).map_err(HomeError::file(&dir))?;
        // safe to join: the ledger's check allows letters, digits, dots, underscores and hyphens
        let path = dir.join(id);
        match durable::create_new(&path, Access::Private, format!("{ledger_digest}\n").as_bytes()) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            other => return other.map_err(HomeError::file(&path)),
        }
        let before = fs::read_to_string(&path).map_err(HomeError::file(&path))?;
        if before.trim_end() == ledger_digest {
            return Ok(());
        }
        Err(HomeError::SnapshotIdUsed { id: id.to_owned(), path })
    }

    /// The parameters of `shape`, from the cache or derived.
    ///
    /// # Errors
    /// [`Error::ParameterDigest`] if this build's circuit does not have the parameters that it pins.
    pub fn parameters(&self, shape: &'static Shape) -> Result<Keys<Ledger>, Error> {
        load(shape, &self.parameters_dir())
    }

    /// The parameters of the disclosure circuit, from the cache or derived.
    ///
    /// # Errors
    /// As [`Home::parameters`].
    pub fn disclosure_parameters(&self) -> Result<Keys<Disclosure>, Error> {
        load(&SHAPE, &self.parameters_dir())
    }

    /// Whether the cache has a parameter file for this shape. Only loading it checks its content.
    pub fn has_parameters<P: Program>(&self, shape: &P::Shape) -> bool {
        path_of::<P>(shape, &self.parameters_dir()).is_ok_and(|path| path.exists())
    }

    fn parameters_dir(&self) -> PathBuf {
        self.dir.join("parameters")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{sync::Barrier, thread};

    use super::*;

    fn at_once<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let all_are_there = Barrier::new(8);
        let run = |number| {
            all_are_there.wait();
            work(number)
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|number| {
                    scope.spawn({
                        let run = &run;
                        move || run(number)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn all_that_make_a_secret_at_once_get_the_same() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::new(place.path().join("home"));
        let made = at_once(|_| home.master_secret().unwrap().fingerprint());
        assert!(made.iter().all(|fingerprint| *fingerprint == made[0]));
        assert_eq!(home.existing_secret().unwrap().fingerprint(), made[0]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(home.dir()), mode(&home.secret_file())), (0o700, 0o600));
        assert_eq!(fs::read_dir(home.dir()).unwrap().count(), 1);
    }

    #[test]
    fn of_two_ledgers_that_claim_one_id_at_once_one_gets_it() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::new(place.path().to_owned());
        let claims = at_once(|number| home.claim_snapshot_id("2026-01", ["digest a", "digest b"][number % 2]));
        let (got, refused): (Vec<_>, Vec<_>) = claims.into_iter().partition(Result::is_ok);
        assert_eq!((got.len(), refused.len()), (4, 4));
        assert!(refused.iter().all(|r| matches!(r, Err(HomeError::SnapshotIdUsed { id, .. }) if id == "2026-01")));
    }

    #[test]
    fn a_secret_that_others_may_read_or_that_is_none_is_refused_and_left() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::new(place.path().to_owned());
        durable::replace(&home.secret_file(), Access::Public, "00".repeat(32).as_bytes()).unwrap();
        assert!(matches!(home.master_secret(), Err(HomeError::SecretReadableByOthers(_))));
        for wrong in [String::new(), "00".repeat(31), "00".repeat(33), "x".repeat(64)] {
            durable::replace(&home.secret_file(), Access::Private, wrong.as_bytes()).unwrap();
            assert!(matches!(home.master_secret(), Err(HomeError::NotASecret(_))), "{wrong}");
            assert_eq!(fs::read_to_string(home.secret_file()).unwrap(), wrong);
        }
    }

    #[test]
    fn what_only_reads_makes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::new(place.path().join("home"));
        assert!(matches!(home.existing_secret(), Err(HomeError::File { .. })));
        assert!(!home.has_parameters::<Ledger>(Shape::named("solvency-64").unwrap()));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
