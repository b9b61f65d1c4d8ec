//! One attestation from start to end: check → plan → statement → fold → compress → verify → sign → publish, in a work
//! directory beside the goal. After a crash the run can be resumed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use assay_core::signature::{Jws, SignatureState, Signers};
use assay_fold::keys::Keys;
use assay_programs::{
    ledger::{
        Ledger,
        fold::{Fold, compress},
        report::{Report, Verified},
        verify::is_proof_of,
    },
    purpose::TestShapes,
};
use assay_verifier::attestation::{Attestation, PROOF_FILE};

use super::{
    error::AttestError,
    private_files::{checkpoint_file, proof_file, write_whole},
    rates::{MachineRates, Rates},
    shards::{CORES_A_SHARD, Choice},
    stages::{self, Prepared, begin_fold},
    work_dir::{Goal, WorkDir},
};
use crate::{
    durable::Access,
    home::Home,
    ledger::{self, Finding, Limits},
    progress::Progress,
};

/// Options of [`prove`].
#[derive(Debug, Clone)]
pub struct ProveOptions {
    /// The shape to prove with, and the number of shards.
    pub choice: Choice,
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
    /// Number of shards.
    pub shards: u32,
    /// Number of steps that were folded, over all shards.
    pub steps: u64,
    /// SHA-256 of the statement, 64 hexadecimal digits.
    pub statement_digest: String,
    /// What the check of the ledger warned of.
    pub warnings: Vec<Finding>,
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
    let warnings = snapshot.warnings().to_vec();
    warnings.iter().for_each(|warning| progress.warn(&warning.to_string()));
    let secret = home.master_secret()?;
    let rates = MachineRates::read(home, rayon::current_num_threads());
    let choice = options.choice.clone().by(rates.clone()).or_begun(goal.begun(), &snapshot);
    let prepared = Prepared::new(&snapshot, &secret, &choice, stop, progress)?;
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
    prove_shards(&work, &prepared, &keys, options, rates.of(prepared.shape()).copied(), stop, progress)?;
    let (shape, accounts, pages) = (prepared.shape().name, prepared.accounts(), prepared.pages());
    let shards = prepared.shards();
    drop(prepared);
    let mut proof = Vec::new();
    for shard in 0..shards {
        let own = work.private(&proof_file(shard));
        proof.extend(fs::read(&own).map_err(AttestError::file(&own))?);
    }
    write_whole(&work.path(PROOF_FILE), Access::Public, &proof)?;

    progress.begin("verifying the attestation", 0, "");
    // the prover accepts a test shape if that was chosen; each verifier decides for itself
    let written = Attestation::read(work.dir())?;
    let mut report = written.verify(&written.read_proof()?, TestShapes::Accepted, |_| Ok(keys));
    progress.end();
    let Some(verified) = report.statement.as_ref().map(Verified::get) else {
        let failed = report.checks.iter().find(|c| !c.passed).map_or("", |c| c.detail.as_str());
        return Err(AttestError::NotValid(format!("the proof does not verify, nothing is published: {failed}")));
    };
    // signs only what was verified
    let jws = sign(verified.bytes())?;
    work.finish(verified, &jws)?;
    work.publish(&goal, shards)?;
    let (steps, statement_digest) = (verified.all_steps(), verified.digest().to_string());
    let signers = Jws::parse(jws.as_bytes()).and_then(|jws| jws.kids());
    let signers = signers.map_err(|e| AttestError::NotValid(e.to_string()))?;
    report.signature = SignatureState::Signed(Signers { known: signers, unknown: Vec::new() });
    Ok(Proved { out: out.to_owned(), shape, accounts, pages, shards, steps, statement_digest, warnings, report })
}

/// Folds and compresses every shard, as many at the same time as there are cores for. Each goes on from what is on disk.
fn prove_shards(
    work: &WorkDir,
    prepared: &Prepared,
    keys: &Keys<Ledger>,
    options: &ProveOptions,
    rates: Option<Rates>,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<(), AttestError> {
    let threads = rayon::current_num_threads();
    let units = (threads / CORES_A_SHARD).clamp(1, prepared.shards() as usize);
    let run = ShardRun { work, prepared, keys, options, rates, progress, stop, halt: AtomicBool::new(false) };
    if prepared.shards() == 1 {
        return run.prove(0, true);
    }
    progress.begin("folding", prepared.all_steps() * prepared.shape().batch() as u64, "pages");
    if let Some(rates) = rates {
        let folds = rates.step.saturating_mul(u32::try_from(prepared.all_steps()).unwrap_or(u32::MAX));
        progress.expect(folds.saturating_add(rates.compression.saturating_mul(prepared.shards())));
    }
    let next = AtomicU32::new(0);
    let outcomes = std::thread::scope(|scope| {
        let unit = || {
            // threads of its own: so that a unit waits for its own work and never for another's
            let pool = rayon::ThreadPoolBuilder::new().num_threads((threads / units).max(1)).build();
            let pool = pool.map_err(|e| AttestError::Environment(format!("cannot start the threads: {e}")))?;
            loop {
                let shard = next.fetch_add(1, Ordering::Relaxed);
                if shard >= prepared.shards() {
                    return Ok(());
                }
                let outcome = pool.install(|| run.prove(shard, false));
                if outcome.is_err() {
                    // the others stop at a checkpoint
                    run.halt.store(true, Ordering::Relaxed);
                    return outcome;
                }
            }
        };
        let threads: Vec<_> = (0..units).map(|_| scope.spawn(unit)).collect();
        let lost = || AttestError::Environment("a proving thread ended by itself".to_owned());
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(lost()))).collect::<Vec<_>>()
    });
    // what stopped the others matters, not that they stopped
    let mut errors: Vec<AttestError> = outcomes.into_iter().filter_map(Result::err).collect();
    errors.sort_by_key(|e| matches!(e, AttestError::Stopped { .. }));
    progress.end();
    errors.into_iter().next().map_or(Ok(()), Err)
}

/// What the proofs of all shards share.
struct ShardRun<'a> {
    work: &'a WorkDir,
    prepared: &'a Prepared,
    keys: &'a Keys<Ledger>,
    options: &'a ProveOptions,
    /// What this machine measured of the shape.
    rates: Option<Rates>,
    progress: &'a dyn Progress,
    /// Set from outside.
    stop: &'a AtomicBool,
    /// Set once the folds must stop, whoever asked for it.
    halt: AtomicBool,
}

impl ShardRun<'_> {
    /// The proof of a shard, on disk: found there, or folded from the checkpoint and compressed. `alone` says that progress
    /// can be told in phases.
    fn prove(&self, shard: u32, alone: bool) -> Result<(), AttestError> {
        let (prepared, statement) = (self.prepared, self.prepared.statement());
        let (checkpoint, proof) = (self.work.private(&checkpoint_file(shard)), self.work.private(&proof_file(shard)));
        let batch = prepared.shape().batch() as u64;
        if kept(&proof)?.is_some_and(|bytes| is_proof_of(statement, shard, &bytes)) {
            if !alone {
                self.progress.advance(prepared.steps(shard) as u64 * batch);
            }
            return Ok(());
        }
        let before = kept(&checkpoint)?;
        let mut fold = begin_fold(prepared, self.keys, shard, before.as_deref()).map_err(|e| match before {
            Some(_) => AttestError::NotValid(format!(
                "{}: {e}; nothing was changed. Delete this file to fold anew",
                checkpoint.display()
            )),
            None => e.into(),
        })?;
        drop(before);
        if alone {
            let steps = fold.steps() - fold.steps_done();
            self.progress.begin("folding", steps as u64 * batch, "pages");
            if let Some(rates) = self.rates {
                self.progress.expect(rates.step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX)));
            }
        } else {
            self.progress.advance(fold.steps_done() as u64 * batch);
        }
        let keep = |fold: &Fold<'_>| write_whole(&checkpoint, Access::Private, &fold.checkpoint()?);
        let step = |_| {
            self.progress.advance(batch);
            if self.stop.load(Ordering::Relaxed) {
                self.halt.store(true, Ordering::Relaxed);
            }
        };
        stages::fold(&mut fold, prepared, shard, self.options.checkpoint_every, &self.halt, keep, step)?;
        drop(fold);
        if alone {
            self.progress.end();
            self.progress.begin("compressing the proof", 0, "");
            if let Some(rates) = self.rates {
                self.progress.expect(rates.compression);
            }
        }
        let folded = fs::read(&checkpoint).map_err(AttestError::file(&checkpoint))?;
        write_whole(&proof, Access::Private, &compress(self.keys, statement, shard, &folded)?)?;
        if alone {
            self.progress.end();
        } else {
            // in a run of many shards, their checkpoints would fill the disk
            let _ = fs::remove_file(&checkpoint);
        }
        Ok(())
    }
}

/// The file at `path`, if there is one.
fn kept(path: &Path) -> Result<Option<Vec<u8>>, AttestError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AttestError::File { path: path.to_owned(), source }),
    }
}
