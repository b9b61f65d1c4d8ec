//! Copies the snapshot's files from the database to this machine, and derives from them what the stages need.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use assay_core::time::parse_instant;
use assay_programs::ledger::shape::Shape;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::stage::{CHANGED, Running, StageError};
use crate::{
    attest::{AttestError, Choice, MachineRates, Prepared, ShapeChoice, ShardChoice},
    ledger::{self, Limits, Manifest, Snapshot},
    progress::Silent,
    store::{
        StoreError,
        snapshots::{FileRow, SnapshotRow, read_file, snapshot, snapshot_files},
    },
};

const MANIFEST: &str = "manifest.toml";

/// The scratch directory of the job.
pub(super) fn scratch(running: &Running) -> PathBuf {
    running.context.home.work_dir().join(running.job.id.to_string())
}

/// Writes the snapshot's files to a directory that the ledger's reader accepts, and returns it. Existing files with the right
/// content are left alone. Other workers on this home may do the same at the same time.
pub(super) async fn materialise(running: &Running) -> Result<PathBuf, StageError> {
    let scratch = scratch(running);
    let dir = scratch.join("ledger");
    let client = running.context.store.read().await?;
    let snapshot = snapshot(&client, running.job.snapshot_id).await?;
    same_snapshot(&snapshot)?;
    let files = snapshot_files(&client, running.job.snapshot_id).await?;
    fs::create_dir_all(&dir).map_err(|e| at(&dir, &e))?;
    // the ledger is private
    fs::set_permissions(&scratch, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(|e| at(&dir, &e))?;
    let manifest = Partial::new(&scratch, dir.join(MANIFEST))?;
    manifest.write(snapshot.manifest.as_bytes()).map_err(|e| at(&manifest.path, &e))?;
    manifest.finish()?;
    for file in &files {
        // the name becomes part of a path: a hostile row must not cause a write outside `dir`
        if ledger::table_of(&file.name).is_none() {
            return Err(StageError::Failed("the snapshot contains a file that does not belong to a ledger".to_owned()));
        }
        let path = dir.join(&file.name);
        if is_there(&path, file) {
            continue;
        }
        let partial = Partial::new(&scratch, path)?;
        let written = read_file(&client, file, |bytes| partial.write(bytes).map_err(Unwritten::File)).await;
        written.map_err(|e| match e {
            Unwritten::File(e) => at(&partial.path, &e),
            Unwritten::Store(e) => e.into(),
        })?;
        partial.finish()?;
    }
    Ok(dir)
}

/// A file that is being written under a name of its own, and gets its real one once it is complete. Whoever else writes the same
/// file neither meets it nor sees half of it. Deleted if it is dropped before. What a power cut takes is fetched again.
struct Partial {
    path: PathBuf,
    file: NamedTempFile,
}

impl Partial {
    /// The beginning of the file `path`, in the directory `scratch` on the same file system, where nobody reads a ledger.
    fn new(scratch: &Path, path: PathBuf) -> Result<Self, StageError> {
        let file = NamedTempFile::new_in(scratch).map_err(|e| at(scratch, &e))?;
        Ok(Self { path, file })
    }

    fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.as_file().write_all(bytes)
    }

    fn finish(self) -> Result<(), StageError> {
        let Self { path, file } = self;
        file.persist(&path).map_err(|e| at(&path, &e.error))?;
        Ok(())
    }
}

/// Refuses a row whose exchange, name or instant differs from its manifest's. An attestation is listed under the row's values,
/// but its statement contains the manifest's.
fn same_snapshot(row: &SnapshotRow) -> Result<(), StageError> {
    let manifest: Manifest =
        toml::from_str(&row.manifest).map_err(|e| StageError::Failed(format!("{MANIFEST}: {}", e.message())))?;
    let taken_at = parse_instant(&manifest.snapshot.taken_at).ok();
    // both are whole microseconds
    let same_instant = taken_at == Some(row.epoch);
    let same_names = (&manifest.exchange.domain, &manifest.snapshot.id) == (&row.exchange_domain, &row.name);
    if same_instant && same_names {
        return Ok(());
    }
    Err(StageError::Failed(format!("{MANIFEST} has another exchange, snapshot id or time than the snapshot")))
}

enum Unwritten {
    File(std::io::Error),
    Store(StoreError),
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn at(path: &Path, error: &std::io::Error) -> StageError {
    StageError::Machine(format!("{}: {error}", path.display()))
}

fn is_there(path: &Path, file: &FileRow) -> bool {
    let Ok(mut found) = File::open(path) else {
        return false;
    };
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match found.read(&mut buffer) {
            Ok(0) => return hash.finalize().as_slice() == file.sha256,
            Ok(n) => hash.update(&buffer[..n]),
            Err(_) => return false,
        }
    }
}

/// The plan of the job's ledger, which must give the statement `planned`. The units that this process works on share it.
pub(super) async fn shared_plan(running: &Running, planned: Vec<u8>) -> Result<Arc<Prepared>, StageError> {
    let mut shared = running.context.planned.lock().await;
    if let Some((id, prepared)) = &*shared
        && *id == running.job.id
    {
        return Ok(Arc::clone(prepared));
    }
    // memory may not hold two plans at once
    *shared = None;
    let dir = materialise(running).await?;
    let prepared = running.blocking(move |running| {
        // drops the snapshot: folding needs the memory
        let (_, prepared) = prepare(running, &dir)?;
        same_statement(&planned, &prepared)?;
        Ok(Arc::new(prepared))
    });
    let prepared = prepared.await?;
    *shared = Some((running.job.id, Arc::clone(&prepared)));
    Ok(prepared)
}

/// Drops the plan that the units of a job share, once none of them needs it.
pub(super) async fn drop_shared_plan(running: &Running) {
    let mut shared = running.context.planned.lock().await;
    if shared.as_ref().is_some_and(|(id, _)| *id == running.job.id) {
        *shared = None;
    }
}

/// Checks the ledger in `dir` again, plans it and makes its statement. Call it on the proving threads.
pub(super) fn prepare(running: &Running, dir: &Path) -> Result<(Snapshot, Prepared), StageError> {
    let context = &running.context;
    let snapshot = checked(running, dir)?;
    let secret = context.home.existing_secret().map_err(AttestError::from)?;
    if secret.fingerprint() != context.secret_fingerprint {
        let file = context.home.secret_file();
        let sentence = format!("{}: another master secret has taken the place of the one at the start", file.display());
        return Err(StageError::Machine(sentence));
    }
    // decides only before the plan: once planned, the job names its shape, whatever this machine's rates are
    let rates = MachineRates::read(&context.home, rayon::current_num_threads());
    let shards = running.job.shards.and_then(|shards| u32::try_from(shards).ok());
    // by itself, a job takes no more shards than its ledger needs: whoever has many workers says how many
    let shards = shards.map_or(ShardChoice::Auto { cores: 1 }, ShardChoice::Count);
    let choice = Choice { shape: choice(running)?.by(rates), shards };
    let prepared = Prepared::new(&snapshot, &secret, &choice, &running.stop, &Silent)?;
    Ok((snapshot, prepared))
}

/// The ledger in `dir`, if it is valid.
pub(super) fn checked(running: &Running, dir: &Path) -> Result<Snapshot, StageError> {
    let limits = Limits {
        max_decompressed_bytes: running.context.config.upload_max_decompressed_bytes,
        max_ratio: running.context.config.upload_max_ratio,
        ..Limits::default()
    };
    let snapshot = ledger::check(dir, &limits, &Silent).map_err(AttestError::from)?;
    if running.stop.load(Ordering::Relaxed) {
        return Err(StageError::PutDown);
    }
    Ok(snapshot)
}

/// The job's shape: the requested one or, once planned, the chosen one.
pub(super) fn choice(running: &Running) -> Result<ShapeChoice, StageError> {
    let name = running.job.shape.as_str();
    if name == "auto" {
        return Ok(ShapeChoice::Auto);
    }
    let shape = Shape::named(name)?;
    let admitted = shape.purpose.admit_proving(shape.name, running.context.tests());
    admitted.map_err(|e| StageError::Refused(e.to_string(), None))?;
    Ok(ShapeChoice::Named(shape))
}

/// Fails if the ledger's statement is not the planned one.
fn same_statement(planned: &[u8], prepared: &Prepared) -> Result<(), StageError> {
    if planned == prepared.statement().bytes() { Ok(()) } else { Err(StageError::Failed(CHANGED.to_owned())) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{sync::Barrier, thread};

    use super::*;

    #[test]
    fn workers_that_fetch_one_file_at_once_all_end_with_the_whole_of_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("balances.csv");
        let piece = [7; 1 << 10];
        let (pieces, every_step) = (64, Barrier::new(4));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let partial = Partial::new(scratch.path(), path.clone()).unwrap();
                    for _ in 0..pieces {
                        every_step.wait();
                        partial.write(&piece).unwrap();
                    }
                    partial.finish().unwrap();
                    assert_eq!(fs::metadata(&path).unwrap().len(), pieces * piece.len() as u64);
                });
            }
        });
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_fetch_that_breaks_off_leaves_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let partial = Partial::new(scratch.path(), scratch.path().join("balances.csv")).unwrap();
        partial.write(b"half").unwrap();
        drop(partial);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    }
}
