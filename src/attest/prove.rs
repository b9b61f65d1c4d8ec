//! One attestation from start to end: check → plan → statement → fold → compress → verify → sign → publish, in a work
//! directory beside the goal. After a crash the run can be resumed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use assay_fold::keys::Keys;
use assay_programs::{
    ledger::{
        Ledger,
        fold::{Fold, compress},
        report::{Report, Verified},
    },
    purpose::TestShapes,
};
use assay_verifier::attestation::{Attestation, PROOF_FILE};

use super::{
    error::AttestError,
    private_files::{CHECKPOINT_FILE, write_whole},
    rates::{MachineRates, Rates},
    shapes::ShapeChoice,
    stages::{self, Prepared, begin_fold},
    work_dir::{Goal, WorkDir},
};
use crate::{
    durable::Access,
    home::Home,
    ledger::{self, Limits},
    progress::Progress,
};

/// Options of [`prove`].
#[derive(Debug, Clone)]
pub struct ProveOptions {
    /// The shape to prove with.
    pub shape: ShapeChoice,
    /// Whether to continue an unfinished run.
    pub resume: bool,
    /// Time between checkpoints, which is about the most work that a crash can cost.
    pub checkpoint_every: Duration,
    /// Bounds on the ledger's files.
    pub limits: Limits,
}

/// A published attestation.
#[derive(Debug)]
pub struct Proved {
    /// Its directory.
    pub out: PathBuf,
    /// Name of the shape.
    pub shape: &'static str,
    /// Number of accounts in the ledger.
    pub accounts: u64,
    /// Number of pages of these accounts.
    pub pages: u64,
    /// Number of steps that were folded.
    pub steps: u64,
    /// SHA-256 of the statement, 64 hexadecimal digits.
    pub statement_digest: String,
    /// The report of its verification. A ledger that breaks its policy is published too, with a statement that says so.
    pub report: Report,
}

/// Proves the ledger in `ledger` and publishes the attestation as the new directory `out`. `sign` gives the JWS over the
/// statement's canonical bytes.
///
/// # Errors
/// The error of `sign`; [`AttestError::Usage`] if `out` exists, or an unfinished run without `resume`;
/// [`AttestError::NotValid`] and [`AttestError::Core`] for what cannot be proved; [`AttestError::Stopped`] or
/// [`AttestError::StoppedEarly`] once `stop` is set. An error leaves `out` as it was, except that `out` may exist
/// if the final sync fails. An unfinished run beside it can be resumed.
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
    let rates = MachineRates::read(home, rayon::current_num_threads());
    let choice = options.shape.clone().by(rates.clone()).or_begun(goal.begun_shape(), &snapshot);
    let prepared = Prepared::new(&snapshot, &secret, choice, stop, progress)?;
    go_on()?;
    // from here on, an error leaves an unfinished run on disk
    let work = WorkDir::open(&goal)?;
    work.begin(&snapshot, &prepared, &secret, home, progress)?;
    // frees memory: proving needs much, and does not need the ledger
    drop(snapshot);
    go_on()?;

    progress.begin("preparing the circuit's parameters", 0, "");
    let keys = home.parameters(prepared.shape())?;
    progress.end();
    let rates = rates.of(prepared.shape());
    fold_in(&work, &prepared, &keys, options, rates, stop, progress)?;
    let (shape, accounts, pages) = (prepared.shape().name, prepared.accounts(), prepared.pages());
    let statement = prepared.into_statement();

    progress.begin("compressing the proof", 0, "");
    if let Some(rates) = rates {
        progress.expect(rates.compression);
    }
    let checkpoint = work.private(CHECKPOINT_FILE);
    let proof = compress(&keys, &statement, &fs::read(&checkpoint).map_err(AttestError::file(&checkpoint))?)?;
    write_whole(&work.path(PROOF_FILE), Access::Public, &proof)?;
    progress.end();

    progress.begin("verifying the attestation", 0, "");
    // the prover accepts a test shape if that was chosen; each verifier decides for itself
    let written = Attestation::read(work.dir())?;
    let report = written.verify(&written.read_proof()?, TestShapes::Accepted, |_| Ok(keys));
    progress.end();
    let Some(verified) = report.statement.as_ref().map(Verified::get) else {
        let failed = report.checks.iter().find(|c| !c.passed).map_or("", |c| c.detail.as_str());
        return Err(AttestError::NotValid(format!("the proof does not verify, nothing is published: {failed}")));
    };
    // signs only what was verified
    work.finish(verified, &sign(verified.bytes())?)?;
    work.publish(&goal)?;
    let (steps, statement_digest) = (verified.steps, verified.digest().to_string());
    Ok(Proved { out: out.to_owned(), shape, accounts, pages, steps, statement_digest, report })
}

/// Folds all batches, continuing from the checkpoint if there is one.
fn fold_in(
    work: &WorkDir,
    prepared: &Prepared,
    keys: &Keys<Ledger>,
    options: &ProveOptions,
    rates: Option<&Rates>,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<(), AttestError> {
    let checkpoint = work.private(CHECKPOINT_FILE);
    let kept = match fs::read(&checkpoint) {
        Ok(bytes) => Some(bytes),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(AttestError::File { path: checkpoint, source: e }),
    };
    let mut fold = begin_fold(prepared, keys, kept.as_deref()).map_err(|e| match kept {
        Some(_) => AttestError::NotValid(format!(
            "{}: {e}; nothing was changed. Delete this file to fold anew",
            checkpoint.display()
        )),
        None => e.into(),
    })?;
    let batch = prepared.shape().batch() as u64;
    let steps = fold.steps() - fold.steps_done();
    progress.begin("folding", steps as u64 * batch, "pages");
    if let Some(rates) = rates {
        progress.expect(rates.step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX)));
    }
    let keep = |fold: &Fold<'_>| write_whole(&checkpoint, Access::Private, &fold.checkpoint()?);
    stages::fold(&mut fold, prepared, options.checkpoint_every, stop, keep, |_| progress.advance(batch))?;
    progress.end();
    Ok(())
}
