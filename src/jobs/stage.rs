//! What all stages have in common: taking the job, sending heartbeats while it runs, and handling errors.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::context::Context;
use crate::{
    attest::AttestError,
    store::{
        Conflict, StoreError, Tx,
        jobs::{self, JobRow, JobState, end_job, heartbeat, take_job},
        within,
    },
};

/// How many times a stage may start without progress (done, stopped, or a new checkpoint) before the job fails. Starts that
/// end in an error of the machine count.
const MOST_BEGUN: i32 = 20;

/// How long a heartbeat waits for the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// The six stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Check,
    Plan,
    Fold,
    Compress,
    Verify,
    Publish,
}

impl Stage {
    /// Name of its queue task.
    pub(super) fn task(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Plan => "plan",
            Self::Fold => "fold",
            Self::Compress => "compress",
            Self::Verify => "verify",
            Self::Publish => "publish",
        }
    }

    /// State of a job while this stage is due or running.
    pub(super) fn state(self) -> JobState {
        match self {
            Self::Check => JobState::Checking,
            Self::Plan => JobState::Planning,
            Self::Fold => JobState::Folding,
            Self::Compress => JobState::Compressing,
            Self::Verify => JobState::Verifying,
            Self::Publish => JobState::Publishing,
        }
    }
}

/// Why a stage did not finish.
#[derive(Debug)]
pub(super) enum StageError {
    /// An error of this machine or the database; the queue retries.
    Machine(String),
    /// The ledger is not valid or may not be attested: the reason, and the findings if there are any.
    Refused(String, Option<Value>),
    /// The job cannot succeed, and a retry would not help.
    Failed(String),
    /// The work was stopped; the next attempt resumes from what is stored.
    PutDown,
    /// The job has moved on without this worker.
    Lost,
}

impl From<StoreError> for StageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Conflict::JobEnded) => Self::Lost,
            StoreError::Conflict(Conflict::EpochNotAfterPublished | Conflict::AttestationExists) => {
                Self::Refused("an attestation for this epoch or a later one is published already".to_owned(), None)
            }
            StoreError::Conflict(Conflict::StatementDiffers) => Self::Failed(CHANGED.to_owned()),
            other => Self::Machine(other.to_string()),
        }
    }
}

/// Why a job cannot continue with another statement.
pub(super) const CHANGED: &str = "the job was started for another statement, because the master secret or this program changed; request a new attestation";

impl From<AttestError> for StageError {
    fn from(error: AttestError) -> Self {
        if let Some(findings) = error.findings() {
            return Self::Refused("the ledger is not valid".to_owned(), serde_json::to_value(findings).ok());
        }
        match error {
            AttestError::Stopped { .. } | AttestError::StoppedEarly => Self::PutDown,
            AttestError::NotValid(_) | AttestError::Core(_) if error.exit_code() == 1 => {
                Self::Refused(error.to_string(), None)
            }
            other => Self::Machine(other.to_string()),
        }
    }
}

impl From<assay_core::Error> for StageError {
    fn from(error: assay_core::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<assay_fold::Error> for StageError {
    fn from(error: assay_fold::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Whether this worker still has the job. Every transaction that stores a stage's result asks this, so if two workers believe
/// that they have the job, only the one that took it last can store anything.
pub(super) async fn still_ours(tx: &Tx, running: &Running) -> Result<bool, StoreError> {
    let steps = Some(running.steps_done.load(Ordering::Relaxed)).filter(|s| *s >= 0);
    heartbeat(tx, running.job.id, &running.context.name, steps, running.context.now()).await
}

/// A running stage: what its work reads and reports.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) context: Arc<Context>,
    pub(super) job: Arc<JobRow>,
    /// Set when the work must stop: the worker stops, or it no longer has the job.
    pub(super) stop: Arc<AtomicBool>,
    /// Steps of the fold done, for heartbeats; −1 until the fold begins.
    pub(super) steps_done: Arc<AtomicI32>,
}

impl Running {
    /// Runs CPU-bound `work` on the proving threads.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StageError> + Send + 'static,
    ) -> Result<T, StageError> {
        let own = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let context = Arc::clone(&own.context);
            context.pool.install(move || work(&own))
        });
        done.await.unwrap_or_else(|e| Err(StageError::Machine(format!("the work ended unexpectedly: {e}"))))
    }
}

/// Runs one stage of a job. On `Err` the queue retries later; `last` is set on the queue's last attempt.
pub(super) async fn run<F, Fut>(
    context: Arc<Context>,
    stage: Stage,
    job_id: Uuid,
    last: bool,
    work: F,
) -> Result<(), String>
where
    F: FnOnce(Running) -> Fut,
    Fut: Future<Output = Result<(), StageError>>,
{
    let outcome = attempt(&context, stage, job_id, work).await;
    let end = |state: JobState, detail: String, findings: Option<Value>| {
        let context = Arc::clone(&context);
        async move {
            let (detail, findings, now) = (&detail, &findings, context.now());
            let ended = context.store.run_tx("end job", async |tx| {
                end_job(&tx, job_id, state, Some(detail), findings.as_ref(), &context.name, now).await
            });
            if !ended.await.map_err(|e| e.to_string())? {
                return put_down(&context, stage, job_id).await;
            }
            tracing::warn!(job = %job_id, stage = stage.task(), state = state.as_str(), "the job has ended");
            metrics::counter!("assay_jobs_total", "state" => state.as_str()).increment(1);
            Ok(())
        }
    };
    match outcome {
        Ok(()) => Ok(()),
        Err(StageError::Refused(detail, findings)) => end(JobState::Refused, detail, findings).await,
        Err(StageError::Failed(detail)) => end(JobState::Failed, detail, None).await,
        Err(StageError::Machine(reason)) if last => {
            end(JobState::Failed, format!("{} failed too often; the last error was: {reason}", stage.task()), None)
                .await
        }
        Err(StageError::Machine(reason)) => {
            tracing::warn!(job = %job_id, stage = stage.task(), reason, "to be tried again");
            Err(reason)
        }
        Err(StageError::PutDown | StageError::Lost) => put_down(&context, stage, job_id).await,
    }
}

/// Makes a stopped stage due again, for any worker. Does nothing if the job has ended (cancelled, for example) or moved on;
/// fails if another worker has it.
async fn put_down(context: &Context, stage: Stage, job_id: Uuid) -> Result<(), String> {
    let client = context.store.read().await.map_err(|e| e.to_string())?;
    let job = jobs::job(&client, job_id).await.map_err(|e| e.to_string())?;
    drop(client);
    if job.state.is_final() {
        return Ok(());
    }
    if job.worker.as_deref() != Some(&context.name) {
        // The task belongs to another worker now. On success the queue would delete it anyway and leave the other worker's
        // queue locked. On failure it changes only tasks that this worker holds.
        return Err("another worker has taken the job".to_owned());
    }
    let queued = stage == Stage::Check && job.state == JobState::Queued;
    if job.state != stage.state() && !queued {
        return Ok(());
    }
    tracing::info!(job = %job_id, stage = stage.task(), "put down; whoever is free goes on with it");
    let again = context.store.run_tx("put job down", async |tx| jobs::put_down(&tx, stage.task(), job_id).await);
    again.await.map_err(|e| e.to_string())
}

async fn attempt<F, Fut>(context: &Arc<Context>, stage: Stage, job_id: Uuid, work: F) -> Result<(), StageError>
where
    F: FnOnce(Running) -> Fut,
    Fut: Future<Output = Result<(), StageError>>,
{
    let client = context.store.read().await?;
    let job = jobs::job(&client, job_id).await?;
    let due = job.state == stage.state() || (stage == Stage::Check && job.state == JobState::Queued);
    if !due {
        // an earlier attempt finished this stage and enqueued the next task, but the queue did not learn of it
        return Ok(());
    }
    let begun = take_job(&client, job_id, &context.name, context.now()).await?.ok_or(StageError::Lost)?;
    drop(client);
    if begun > MOST_BEGUN {
        // a ledger that needs more memory than there is would otherwise kill one worker after another
        let task = stage.task();
        let detail = format!("{task} was started {MOST_BEGUN} times without progress");
        return Err(StageError::Failed(detail));
    }
    if context.stop.load(Ordering::Relaxed) {
        return Err(StageError::PutDown);
    }
    tracing::info!(job = %job_id, stage = stage.task(), "begun");
    let running = Running {
        context: Arc::clone(context),
        job: Arc::new(job),
        stop: Arc::new(AtomicBool::new(false)),
        steps_done: Arc::new(AtomicI32::new(-1)),
    };
    let (_alive, ended) = oneshot::channel::<()>();
    let _stop = StopWhenDropped(Arc::clone(&running.stop));
    tokio::spawn(heartbeats(running.clone(), ended));
    let outcome = work(running.clone()).await;
    if outcome.is_ok() {
        tracing::info!(job = %job_id, stage = stage.task(), "done");
    }
    outcome
}

/// Stops the work when the stage's future is dropped. An interrupted queue drops the future, but not the thread of the work.
struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends heartbeats to the database until the work ends. Stops the work when the worker stops or no longer has the job.
async fn heartbeats(running: Running, mut ended: oneshot::Receiver<()>) {
    let context = &running.context;
    let mut beat = tokio::time::interval(Duration::from_secs(context.config.worker.heartbeat_seconds.max(1)));
    let mut look = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            _ = &mut ended => return,
            _ = look.tick() => {
                if context.stop.load(Ordering::Relaxed) {
                    running.stop.store(true, Ordering::Relaxed);
                }
            }
            _ = beat.tick() => {
                let steps = Some(running.steps_done.load(Ordering::Relaxed)).filter(|s| *s >= 0);
                // a database that does not answer must not keep this loop from stopping the work
                let beat = within(PATIENCE, async {
                    let client = context.store.read().await?;
                    heartbeat(&client, running.job.id, &context.name, steps, context.now()).await
                });
                match beat.await {
                    Ok(true) => {}
                    Ok(false) => running.stop.store(true, Ordering::Relaxed),
                    // a short outage of the database is no reason to lose work
                    Err(e) => tracing::warn!(job = %running.job.id, error = %e, "no heartbeat"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_a_task_and_a_state_of_its_own() {
        let all = [Stage::Check, Stage::Plan, Stage::Fold, Stage::Compress, Stage::Verify, Stage::Publish];
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert!(a.task() != b.task() && a.state() != b.state());
            }
            assert!(!a.state().is_final());
        }
        assert_eq!(Stage::Check.task(), jobs::FIRST_TASK);
    }
}
