//! The work directory of an attestation, beside the goal and locked by one process at a time. It is renamed to the goal only
//! after everything in it was verified.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use assay_core::{
    identity::MasterSecret,
    sealed::{MAX_STATEMENT_BYTES, Sealed},
    signature::SIGNATURE_FILE,
};
use assay_programs::ledger::statement::Statement;
use assay_verifier::{
    attestation::{MANIFEST_FILE, PROOF_FILE, STATEMENT_FILE},
    files::read_bounded,
};

use super::{
    bundle::{README_FILE, manifest, readme},
    error::AttestError,
    private_files::{
        BATCH_ROOTS_FILE, PAGES_FILE, PRIVATE_DIR, RESERVES_FILE, SECRET_REFERENCE_FILE, SecretReference,
        checkpoint_file, create_private_dir, proof_file, write_batch_roots, write_pages, write_reserves, write_whole,
    },
    stages::Prepared,
};
use crate::{
    durable::{self, Access},
    files,
    home::Home,
    ledger::{Snapshot, is_ledger},
    progress::Progress,
};

/// Whether a directory looks like an attestation.
pub fn is_attestation(dir: &Path) -> bool {
    [STATEMENT_FILE, PROOF_FILE].iter().all(|name| dir.join(name).is_file())
}

/// The attestation's final directory, and the work directory beside it, so that one rename finishes the attestation.
pub struct Goal {
    out: PathBuf,
    work: PathBuf,
}

impl Goal {
    /// Refuses an existing `out`, and an unfinished run without `resume`, before anything is written.
    pub fn new(out: &Path, resume: bool) -> Result<Self, AttestError> {
        let name = out
            .file_name()
            .ok_or_else(|| AttestError::Usage(format!("{} does not name a new directory", out.display())))?;
        let mut partial = name.to_owned();
        partial.push(".partial");
        let goal = Self { out: out.with_file_name(name), work: out.with_file_name(partial) };
        goal.check_free()?;
        if let Some(ledger) = files::enclosing(out, is_ledger) {
            let (out, ledger) = (out.display(), ledger.display());
            return Err(AttestError::Usage(format!("{out} is inside the ledger {ledger}; choose a place outside")));
        }
        if goal.work.symlink_metadata().is_ok() && !resume {
            return Err(AttestError::Usage(format!(
                "{} holds an unfinished run: go on with --resume, or delete it",
                goal.work.display()
            )));
        }
        Ok(goal)
    }

    /// The statement of the unfinished run; `None` if there is no such run, or none with a statement that can be read.
    pub fn begun(&self) -> Option<Statement> {
        let bytes = read_bounded(&self.work.join(STATEMENT_FILE), MAX_STATEMENT_BYTES).ok()?;
        Sealed::<Statement>::parse(&bytes).ok().map(Sealed::into_value)
    }

    /// Refuses a taken name, even that of a dangling link.
    fn check_free(&self) -> Result<(), AttestError> {
        if self.out.symlink_metadata().is_ok() {
            return Err(self.taken());
        }
        Ok(())
    }

    fn taken(&self) -> AttestError {
        AttestError::Usage(format!("{} exists already; choose another place", self.out.display()))
    }

    fn parent(&self) -> &Path {
        self.out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

/// The unfinished attestation, locked by one process at a time.
pub struct WorkDir {
    dir: PathBuf,
    /// Locks the directory itself, so the lock follows a rename.
    lock: File,
}

impl WorkDir {
    pub fn open(goal: &Goal) -> Result<Self, AttestError> {
        let dir = goal.work.clone();
        let parent = goal.parent();
        fs::create_dir_all(parent).map_err(AttestError::file(parent))?;
        fs::create_dir_all(&dir).map_err(AttestError::file(&dir))?;
        let lock = File::open(&dir).map_err(AttestError::file(&dir))?;
        lock.try_lock().map_err(|_| AttestError::Usage(format!("another process is working on {}", dir.display())))?;
        let work = Self { dir, lock };
        // the last holder of the lock may just have renamed the directory
        if !work.is_in_place() {
            return Err(AttestError::Usage(format!("another process has just finished {}", goal.out.display())));
        }
        goal.check_free()?;
        let private = work.dir.join(PRIVATE_DIR);
        create_private_dir(&private)?;
        for dir in [&work.dir, &private] {
            // left by a run that died
            durable::remove_partial_files(dir).map_err(AttestError::file(dir))?;
        }
        Ok(work)
    }

    /// Whether the locked directory still has the name under which it was opened.
    fn is_in_place(&self) -> bool {
        match (self.lock.metadata(), fs::metadata(&self.dir)) {
            (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
            _ => false,
        }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file of the published part.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A file of the private part.
    pub fn private(&self, name: &str) -> PathBuf {
        self.dir.join(PRIVATE_DIR).join(name)
    }

    /// Writes the private files and, once they are on disk, the statement. A resumed run writes them again: they follow
    /// from the ledger, and with a damaged one some customers would get no inclusion file.
    pub fn begin(
        &self,
        snapshot: &Snapshot,
        prepared: &Prepared,
        secret: &MasterSecret,
        home: &Home,
        progress: &dyn Progress,
    ) -> Result<(), AttestError> {
        let statement = prepared.statement().bytes();
        let path = self.path(STATEMENT_FILE);
        match fs::read(&path) {
            Ok(before) if before == statement => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Ok(_) => {
                return Err(AttestError::NotValid(format!(
                    "{} was begun for another statement: the ledger, the master secret, the shape or this program changed",
                    self.dir.display()
                )));
            }
            Err(source) => return Err(AttestError::File { path, source }),
        }
        home.claim_snapshot_id(&snapshot.manifest().snapshot.id, &snapshot.digest())?;
        SecretReference::new(secret, home).write(&self.private(SECRET_REFERENCE_FILE))?;
        progress.begin("writing the pages", prepared.pages(), "pages");
        let records = prepared.page_records().map(|(_, record)| record).inspect(|_| progress.advance(1));
        write_pages(&self.private(PAGES_FILE), &prepared.page_counts(), records)?;
        progress.end();
        let roots = (0..prepared.shards()).flat_map(|shard| prepared.batch_roots(shard));
        write_batch_roots(&self.private(BATCH_ROOTS_FILE), roots)?;
        write_reserves(&self.private(RESERVES_FILE), snapshot.reserves())?;
        write_whole(&path, Access::Public, statement)
    }

    /// Writes the signature, the README and the manifest.
    pub fn finish(&self, statement: &Statement, jws: &str) -> Result<(), AttestError> {
        write_whole(&self.path(SIGNATURE_FILE), Access::Public, jws.as_bytes())?;
        write_whole(&self.path(README_FILE), Access::Public, readme(statement).as_bytes())?;
        let mut files = Vec::new();
        for name in [STATEMENT_FILE, PROOF_FILE, SIGNATURE_FILE, README_FILE] {
            let path = self.path(name);
            files.push((name, fs::read(&path).map_err(AttestError::file(&path))?));
        }
        let manifest = manifest(files.iter().map(|(name, bytes)| (*name, bytes.as_slice())));
        write_whole(&self.path(MANIFEST_FILE), Access::Public, manifest.as_bytes())
    }

    /// Renames the finished directory to the goal, then deletes what only the folds of the shards needed.
    pub fn publish(&self, goal: &Goal, shards: u32) -> Result<(), AttestError> {
        durable::name_directory(&self.dir, &goal.out).map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => goal.taken(),
            _ => AttestError::File { path: goal.out.clone(), source },
        })?;
        let private = goal.out.join(PRIVATE_DIR);
        for file in (0..shards).flat_map(|shard| [checkpoint_file(shard), proof_file(shard)]) {
            let _ = fs::remove_file(private.join(file));
        }
        Ok(())
    }
}
