//! The way of one attestation: check → plan → statement → fold → compress → verify → sign → publish, in a directory of its own
//! beside the goal, which gets its name only when everything in it was verified. What a crash leaves can be resumed.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use assay_core::identity::MasterSecret;
use assay_core::signature::SIGNATURE_FILE;
use assay_fold::keys::Keys;
use assay_programs::{
    ledger::{Ledger, fold::Fold, report::Report, statement::Statement},
    purpose::TestShapes,
};
use assay_verifier::attestation::{Attestation, MANIFEST_FILE, PROOF_FILE, STATEMENT_FILE};
use serde::{Deserialize, Serialize};

use super::{
    AttestError, Home,
    bundle::{README_FILE, manifest, readme},
    files::{
        BATCH_ROOTS_FILE, CHECKPOINT_FILE, PAGES_FILE, PRIVATE_DIR, RESERVES_FILE, SECRET_REFERENCE_FILE,
        create_private_dir, write_batch_roots, write_pages, write_whole, write_with,
    },
    plan::ShapeChoice,
    stages::{self, Prepared, begin_fold},
};
use crate::{
    durable::{self, Access},
    ledger::{self, Limits, RESERVES_HEADER},
    progress::Progress,
};

/// How to prove.
#[derive(Debug, Clone)]
pub struct ProveOptions {
    /// Which shape.
    pub shape: ShapeChoice,
    /// Go on with an unfinished run.
    pub resume: bool,
    /// How much work a crash may cost.
    pub checkpoint_every: Duration,
    /// Bounds on the ledger's files.
    pub limits: Limits,
}

/// A published attestation.
#[derive(Debug)]
pub struct Proved {
    /// Where it stands.
    pub out: PathBuf,
    /// Name of the shape.
    pub shape: &'static str,
    /// Accounts in the ledger.
    pub accounts: u64,
    /// Pages of these accounts.
    pub pages: u64,
    /// Steps that were folded.
    pub steps: u64,
    /// SHA-256 of the statement, 64 hexadecimal digits.
    pub statement_digest: String,
    /// What verifying it found. A ledger that breaks its policy is published as a true statement of that.
    pub report: Report,
}

/// Proves the ledger in `ledger` and publishes the attestation as the new directory `out`. `sign` gives the JWS over the
/// statement's canonical bytes.
///
/// # Errors
/// What `sign` says;
/// [`AttestError::Usage`] if `out` exists, or an unfinished run and no `resume`; [`AttestError::NotValid`] and
/// [`AttestError::Core`] for what cannot be proved; [`AttestError::Stopped`] or [`AttestError::StoppedEarly`] once `stop`
/// is set. After any error `out` does not exist; once the statement was written, an unfinished run stands beside it.
pub fn prove(
    ledger: &Path,
    out: &Path,
    home: &Home,
    options: &ProveOptions,
    sign: &dyn Fn(&[u8]) -> Result<String, AttestError>,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<Proved, AttestError> {
    let goal = Goal::new(out, options.resume)?;
    let go_on = || if stop.load(Ordering::Relaxed) { Err(AttestError::StoppedEarly) } else { Ok(()) };
    let snapshot = ledger::check(ledger, &options.limits, progress)?;
    go_on()?;
    let secret = home.master_secret()?;
    let prepared = Prepared::new(&snapshot, &secret, options.shape, stop, progress)?;
    go_on()?;
    // from here on something stands on disk
    let work = WorkDir::open(&goal)?;
    work.begin(&prepared, &secret, home, progress)?;
    go_on()?;

    progress.begin("preparing the circuit's parameters", 0, "");
    let parameters = home.parameters(prepared.shape())?;
    progress.end();
    let fold = fold_in(&work, &prepared, &parameters, options, stop, progress)?;

    progress.begin("compressing the proof", 0, "");
    let proof = fold.compress()?;
    drop(fold);
    write_whole(&work.path(PROOF_FILE), Access::Public, &proof)?;
    progress.end();

    progress.begin("verifying the attestation", 0, "");
    // the prover accepts the shape it was asked for; whether a verifier does is the verifier's choice
    let written = Attestation::read(&work.dir)?;
    let report = written.verify(&written.read_proof()?, TestShapes::Accepted, |_| Ok(parameters));
    progress.end();
    if report.statement.is_none() {
        let failed = report.checks.iter().find(|c| !c.passed).map_or("", |c| c.detail.as_str());
        return Err(AttestError::NotValid(format!("the proof does not verify, nothing is published: {failed}")));
    }
    // nothing is signed that was not verified
    work.finish(prepared.statement(), &sign(prepared.statement().bytes())?)?;
    work.publish(&goal)?;
    Ok(Proved {
        out: out.to_owned(),
        shape: prepared.shape().name,
        accounts: prepared.accounts(),
        pages: prepared.pages(),
        steps: prepared.steps() as u64,
        statement_digest: prepared.statement().digest().to_string(),
        report,
    })
}

/// Folds every batch, from the checkpoint if there is one.
fn fold_in<'a>(
    work: &WorkDir,
    prepared: &'a Prepared<'_>,
    parameters: &'a Keys<Ledger>,
    options: &ProveOptions,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<Fold<'a>, AttestError> {
    let checkpoint = work.private(CHECKPOINT_FILE);
    let kept = match fs::read(&checkpoint) {
        Ok(bytes) => Some(bytes),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(AttestError::File { path: checkpoint, source: e }),
    };
    let mut fold = begin_fold(prepared, parameters, kept.as_deref()).map_err(|e| match kept {
        Some(_) => AttestError::NotValid(format!(
            "{}: {e}; nothing was changed. Delete this file to fold anew",
            checkpoint.display()
        )),
        None => e.into(),
    })?;
    let batch = prepared.shape().batch() as u64;
    progress.begin("folding", (fold.steps() - fold.steps_done()) as u64 * batch, "pages");
    let keep = |fold: &Fold<'_>| write_whole(&checkpoint, Access::Private, &fold.checkpoint()?);
    stages::fold(&mut fold, prepared, options.checkpoint_every, stop, keep, |_| progress.advance(batch))?;
    progress.end();
    Ok(fold)
}

/// How to recognise the master secret again without knowing it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretReference {
    /// The file that held it.
    file: PathBuf,
    /// Its fingerprint.
    fingerprint: String,
}

impl SecretReference {
    pub(super) fn read(path: &Path) -> Result<Self, AttestError> {
        let bytes = fs::read(path).map_err(AttestError::file(path))?;
        serde_json::from_slice(&bytes).map_err(|e| AttestError::NotValid(format!("{}: {e}", path.display())))
    }

    pub(super) fn check(&self, secret: &MasterSecret, home: &Home) -> Result<(), AttestError> {
        if self.fingerprint == secret.fingerprint() {
            return Ok(());
        }
        Err(AttestError::NotValid(format!(
            "this attestation was made with the master secret of {} (fingerprint {}), {} holds another",
            self.file.display(),
            self.fingerprint,
            home.secret_file().display()
        )))
    }
}

/// Where the attestation will stand, and where it is made: beside it, so that a rename finishes it.
struct Goal {
    out: PathBuf,
    work: PathBuf,
}

impl Goal {
    /// Refuses what would end badly, before anything is written.
    fn new(out: &Path, resume: bool) -> Result<Self, AttestError> {
        let name = out
            .file_name()
            .ok_or_else(|| AttestError::Usage(format!("{} does not name a new directory", out.display())))?;
        let mut partial = name.to_owned();
        partial.push(".partial");
        let goal = Self { out: out.with_file_name(name), work: out.with_file_name(partial) };
        goal.check_free()?;
        if goal.work.symlink_metadata().is_ok() && !resume {
            return Err(AttestError::Usage(format!(
                "{} holds an unfinished run: go on with --resume, or delete it",
                goal.work.display()
            )));
        }
        Ok(goal)
    }

    /// Not even a dangling link may be in the way.
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

/// The unfinished attestation, held by one process at a time.
struct WorkDir {
    dir: PathBuf,
    /// The directory itself is locked: the lock goes wherever the directory is renamed to.
    lock: File,
}

impl WorkDir {
    fn open(goal: &Goal) -> Result<Self, AttestError> {
        let dir = goal.work.clone();
        let parent = goal.parent();
        fs::create_dir_all(parent).map_err(AttestError::file(parent))?;
        fs::create_dir_all(&dir).map_err(AttestError::file(&dir))?;
        let lock = File::open(&dir).map_err(AttestError::file(&dir))?;
        lock.try_lock().map_err(|_| AttestError::Usage(format!("another process is working on {}", dir.display())))?;
        let work = Self { dir, lock };
        // whoever held the lock before may just have finished
        if !work.is_in_place() {
            return Err(AttestError::Usage(format!("another process has just finished {}", goal.out.display())));
        }
        goal.check_free()?;
        let private = work.dir.join(PRIVATE_DIR);
        create_private_dir(&private)?;
        for dir in [&work.dir, &private] {
            // of a run that died
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

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn private(&self, name: &str) -> PathBuf {
        self.dir.join(PRIVATE_DIR).join(name)
    }

    /// Writes the private files and, when they are safe, the statement. A resumed run writes the same ones again: they
    /// follow from the ledger, and must be whole for every customer's sake.
    fn begin(
        &self,
        prepared: &Prepared<'_>,
        secret: &MasterSecret,
        home: &Home,
        progress: &dyn Progress,
    ) -> Result<(), AttestError> {
        let (snapshot, plan, statement) = (prepared.snapshot, &prepared.plan, prepared.statement().bytes());
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
        let reference = SecretReference { file: home.secret_file(), fingerprint: secret.fingerprint() };
        let reference = serde_json::to_vec_pretty(&reference).map_err(|e| AttestError::NotValid(e.to_string()))?;
        write_whole(&self.private(SECRET_REFERENCE_FILE), Access::Private, &reference)?;
        progress.begin("writing the pages", plan.steps() as u64 * plan.shape().batch() as u64, "pages");
        write_pages(&self.private(PAGES_FILE), plan.pages(), plan.steps(), |step| {
            progress.advance(plan.shape().batch() as u64);
            plan.batch(step)
        })?;
        progress.end();
        write_batch_roots(&self.private(BATCH_ROOTS_FILE), plan.batch_roots())?;
        write_with(&self.private(RESERVES_FILE), Access::Private, |writer| {
            let mut csv = csv::Writer::from_writer(writer);
            csv.write_record(RESERVES_HEADER)?;
            for line in snapshot.reserves() {
                csv.write_record(&line.fields)?;
            }
            csv.flush()
        })?;
        write_whole(&path, Access::Public, statement)
    }

    /// Writes what accompanies statement and proof.
    fn finish(&self, statement: &Statement, jws: &str) -> Result<(), AttestError> {
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

    /// Gives the finished directory its name. Only then is the checkpoint of no more use.
    fn publish(&self, goal: &Goal) -> Result<(), AttestError> {
        durable::name_directory(&self.dir, &goal.out).map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => goal.taken(),
            _ => AttestError::File { path: goal.out.clone(), source },
        })?;
        let _ = fs::remove_file(goal.out.join(PRIVATE_DIR).join(CHECKPOINT_FILE));
        Ok(())
    }
}
