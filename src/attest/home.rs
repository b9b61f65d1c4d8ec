//! Where an operator keeps what outlives single attestations: the master secret and the circuit's parameters.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use assay_core::identity::{MasterSecret, SECRET_BYTES};
use assay_fold::keys::Keys;
use assay_programs::{disclosure::Disclosure, ledger::shape::Shape};
use assay_verifier::parameters::{Kept, load, load_disclosure};

use super::{
    AttestError,
    files::{Access, create_private_dir, sync_dir, write_whole},
};

/// A directory of the operator's own, by convention `~/.assay`.
#[derive(Debug, Clone)]
pub struct Home {
    dir: PathBuf,
}

impl Home {
    /// The home in `dir`, which need not exist yet.
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

    /// Scratch of the service's workers; whatever stands there can be made again.
    pub fn work_dir(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// The file with the master secret: 64 hexadecimal digits, readable by its owner only.
    pub fn secret_file(&self) -> PathBuf {
        self.dir.join("master.secret")
    }

    /// The master secret, made from the system's random source if there is none yet.
    ///
    /// # Errors
    /// [`AttestError::Environment`] if the file is not a secret or others may read it; [`AttestError::File`].
    pub fn master_secret(&self) -> Result<MasterSecret, AttestError> {
        let path = self.secret_file();
        if !path.exists() {
            self.create_secret(&path)?;
        }
        self.existing_secret()
    }

    /// The master secret, which must exist.
    ///
    /// # Errors
    /// As [`Home::master_secret`].
    pub fn existing_secret(&self) -> Result<MasterSecret, AttestError> {
        let path = self.secret_file();
        let text = fs::read_to_string(&path).map_err(AttestError::file(&path))?;
        let mode = fs::metadata(&path).map_err(AttestError::file(&path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(AttestError::Environment(format!(
                "{}: others may read the master secret; make it yours alone with chmod 600",
                path.display()
            )));
        }
        let mut bytes = [0u8; SECRET_BYTES];
        hex::decode_to_slice(text.trim_end(), &mut bytes).map_err(|_| {
            AttestError::Environment(format!("{}: this is no master secret of 64 hexadecimal digits", path.display()))
        })?;
        Ok(MasterSecret::new(bytes))
    }

    /// Two runs that start together make two secrets but keep one: whoever links the name first wins.
    fn create_secret(&self, path: &Path) -> Result<(), AttestError> {
        create_private_dir(&self.dir)?;
        let mut bytes = [0u8; SECRET_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|e| AttestError::Environment(format!("the system gives no random numbers: {e}")))?;
        let partial = self.dir.join(format!("master.secret.partial-{}", std::process::id()));
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
            file.write_all(hex::encode(bytes).as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            match fs::hard_link(&partial, path) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
                other => other,
            }
        })();
        let _ = fs::remove_file(&partial);
        written.map_err(AttestError::file(path))?;
        sync_dir(&self.dir)
    }

    /// Notes that the snapshot called `id` is the ledger with this digest. Salts depend on the id, so two ledgers under one
    /// id would have the same identities, and customers could follow each other from one to the next.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if `id` stands for another ledger; [`AttestError::File`].
    pub fn claim_snapshot_id(&self, id: &str, ledger_digest: &str) -> Result<(), AttestError> {
        let dir = self.dir.join("snapshots");
        create_private_dir(&dir)?;
        // an id is letters, digits, dots, underscores and hyphens: the ledger checked that
        let path = dir.join(id);
        match fs::read_to_string(&path) {
            Ok(before) if before.trim_end() == ledger_digest => Ok(()),
            Ok(_) => Err(AttestError::NotValid(format!(
                "snapshot id `{id}` was used for another ledger before ({}); give every snapshot an id of its own, or \
                 customers could be recognised from one to the next",
                path.display()
            ))),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                write_whole(&path, Access::Private, format!("{ledger_digest}\n").as_bytes())?;
                sync_dir(&dir)
            }
            Err(source) => Err(AttestError::File { path, source }),
        }
    }

    /// The parameters of `shape`, from the cache or derived.
    ///
    /// # Errors
    /// [`AttestError::Core`].
    pub fn parameters(&self, shape: &'static Shape) -> Result<Kept, assay_fold::Error> {
        load(shape, &self.dir.join("parameters"))
    }

    /// The parameters of the circuit of disclosures, from the cache or derived.
    ///
    /// # Errors
    /// [`AttestError::Core`].
    pub fn disclosure_parameters(&self) -> Result<Kept<DisclosureParameters>, assay_fold::Error> {
        load_disclosure(&self.dir.join("parameters"))
    }
}
