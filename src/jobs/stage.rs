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
        Conflict, Session, StoreError,
        jobs::{self, End, JobRow, JobState, end_job, heartbeat, take_job},
        units::{UnitState, put_unit_down, take_unit, unit, unit_heartbeat},
        within,
    },
};

/// How many times a stage may start without progress (done, stopped, or a new checkpoint) before the job fails. Starts that
/// end in an error of the machine count.
const MOST_BEGUN: i32 = 20;

/// How long a heartbeat waits for the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a task works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) job_id: Uuid,
    /// The shard, where the task is about one unit of the job.
    pub(super) shard: Option<i32>,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.shard {
            None => write!(f, "{}", self.job_id),
            Some(shard) => write!(f, "{}, shard {shard}", self.job_id),
        }
    }
}

/// The six stages. Fold and compress are about one unit of a job each, the others about the whole job.
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

    /// State of a unit while this stage is due or running; `None` for the stages of a whole job.
    fn unit_state(self) -> Option<UnitState> {
        match self {
            Self::Fold => Some(UnitState::Folding),
            Self::Compress => Some(UnitState::Compressing),
            Self::Check | Self::Plan | Self::Verify | Self::Publish => None,
        }
    }

    /// Whether this stage is due, by what is stored of the job and the unit.
    async fn is_due(self, client: &impl Session, job: &JobRow, shard: Option<i32>) -> Result<bool, StoreError> {
        let Some(state) = self.unit_state() else {
            return Ok(job.state == self.state() || (self == Self::Check && job.state == JobState::Queued));
        };
        let shard = shard.ok_or_else(|| StoreError::Corrupt("a task of a unit without its shard".to_owned()))?;
        // some units are compressed while others are folded still
        let under_way = matches!(job.state, JobState::Folding | JobState::Compressing);
        Ok(under_way && unit(client, job.id, shard).await?.state == state)
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

/// Says that this worker is alive, and learns whether it still has the job or unit. Every transaction that stores a stage's
/// result asks this: if two workers believe that they have it, only the one that took it last can store anything.
pub(super) async fn still_ours(client: &impl Session, running: &Running) -> Result<bool, StoreError> {
    let (id, name, now) = (running.job.id, &running.context.name, running.context.now());
    let Some(shard) = running.shard else {
        return heartbeat(client, id, name, now).await;
    };
    let steps = Some(running.steps_done.load(Ordering::Relaxed)).filter(|s| *s >= 0);
    unit_heartbeat(client, id, shard, name, steps, now).await
}

/// A running stage: what its work reads and reports.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) context: Arc<Context>,
    pub(super) job: Arc<JobRow>,
    /// The shard, in the stages of one unit.
    pub(super) shard: Option<i32>,
    /// Set when the work must stop: the worker stops, or it no longer has the job.
    pub(super) stop: Arc<AtomicBool>,
    /// Steps of the unit's fold done, for heartbeats; −1 until the fold begins.
    pub(super) steps_done: Arc<AtomicI32>,
}

impl Running {
    /// The shard of a unit's stage.
    pub(super) fn shard(&self) -> Result<u32, StageError> {
        let shard = self.shard.and_then(|shard| u32::try_from(shard).ok());
        shard.ok_or_else(|| StageError::Failed("a task of a unit without its shard".to_owned()))
    }

    /// Runs CPU-bound `work` on the proving threads of one unit.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StageError> + Send + 'static,
    ) -> Result<T, StageError> {
        let own = self.clone();
        let threads = self.context.threads.take().await;
        let done = tokio::task::spawn_blocking(move || threads.install(move || work(&own)));
        done.await.unwrap_or_else(|e| Err(StageError::Machine(format!("the work ended unexpectedly: {e}"))))
    }
}

/// Runs one stage of a job or unit. On `Err` the queue retries later; `last` is set on the queue's last attempt.
pub(super) async fn run<F, Fut>(
    context: Arc<Context>,
    stage: Stage,
    subject: Subject,
    last: bool,
    work: F,
) -> Result<(), String>
where
    F: FnOnce(Running) -> Fut,
    Fut: Future<Output = Result<(), StageError>>,
{
    let job_id = subject.job_id;
    let outcome = attempt(&context, stage, subject, work).await;
    let end = |state: JobState, detail: String, findings: Option<Value>| {
        let context = Arc::clone(&context);
        async move {
            let (detail, findings, now) = (&detail, &findings, context.now());
            let ended = context.store.run_tx("end job", async |tx| {
                let end = End { state, detail: Some(detail), findings: findings.as_ref() };
                end_job(&tx, job_id, &end, &context.name, subject.shard, now).await
            });
            if !ended.await.map_err(|e| e.to_string())? {
                return put_down(&context, stage, subject).await;
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
            tracing::warn!(job = %subject, stage = stage.task(), reason, "to be tried again");
            Err(reason)
        }
        Err(StageError::PutDown | StageError::Lost) => put_down(&context, stage, subject).await,
    }
}

/// Makes a stopped stage due again, for any worker. Does nothing if the job has ended (cancelled, for example) or moved on;
/// fails if another worker has it.
async fn put_down(context: &Context, stage: Stage, subject: Subject) -> Result<(), String> {
    let Subject { job_id, shard } = subject;
    let client = context.store.read().await.map_err(|e| e.to_string())?;
    let job = jobs::job(&client, job_id).await.map_err(|e| e.to_string())?;
    if job.state.is_final() {
        return Ok(());
    }
    let worker = match shard {
        None => job.worker.clone(),
        Some(shard) => unit(&client, job_id, shard).await.map_err(|e| e.to_string())?.worker,
    };
    if worker.as_deref() != Some(&context.name) {
        // The task belongs to another worker now. On success the queue would delete it anyway and leave the other worker's
        // queue locked. On failure it changes only tasks that this worker holds.
        return Err("another worker has taken the job".to_owned());
    }
    if !stage.is_due(&client, &job, shard).await.map_err(|e| e.to_string())? {
        return Ok(());
    }
    drop(client);
    tracing::info!(job = %subject, stage = stage.task(), "put down; whoever is free goes on with it");
    let again = context.store.run_tx("put job down", async |tx| match shard {
        None => jobs::put_down(&tx, stage.task(), job_id).await,
        Some(shard) => put_unit_down(&tx, stage.task(), job_id, shard).await,
    });
    again.await.map_err(|e| e.to_string())
}

async fn attempt<F, Fut>(context: &Arc<Context>, stage: Stage, subject: Subject, work: F) -> Result<(), StageError>
where
    F: FnOnce(Running) -> Fut,
    Fut: Future<Output = Result<(), StageError>>,
{
    let Subject { job_id, shard } = subject;
    let client = context.store.read().await?;
    let job = jobs::job(&client, job_id).await?;
    if !stage.is_due(&client, &job, shard).await? {
        // an earlier attempt finished this stage and enqueued the next task, but the queue did not learn of it
        return Ok(());
    }
    let now = context.now();
    let begun = match shard {
        None => take_job(&client, job_id, &context.name, now).await?,
        Some(shard) => take_unit(&client, job_id, shard, &context.name, now).await?,
    };
    let begun = begun.ok_or(StageError::Lost)?;
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
    tracing::info!(job = %subject, stage = stage.task(), "begun");
    let running = Running {
        context: Arc::clone(context),
        job: Arc::new(job),
        shard,
        stop: Arc::new(AtomicBool::new(false)),
        steps_done: Arc::new(AtomicI32::new(-1)),
    };
    let (_alive, ended) = oneshot::channel::<()>();
    let _stop = StopWhenDropped(Arc::clone(&running.stop));
    tokio::spawn(heartbeats(running.clone(), ended));
    let outcome = work(running.clone()).await;
    if outcome.is_ok() {
        tracing::info!(job = %subject, stage = stage.task(), "done");
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
    let mut next = tokio::time::interval(Duration::from_secs(context.config.worker.heartbeat_seconds));
    let mut look = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            _ = &mut ended => return,
            _ = look.tick() => {
                if context.stop.load(Ordering::Relaxed) {
                    running.stop.store(true, Ordering::Relaxed);
                }
            }
            _ = next.tick() => {
                // a database that does not answer must not keep this loop from stopping the work
                let alive = within(PATIENCE, async {
                    let client = context.store.read().await?;
                    still_ours(&client, &running).await
                });
                match alive.await {
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
            let of_units = matches!(a, Stage::Fold | Stage::Compress);
            assert_eq!(a.unit_state().map(UnitState::as_str), of_units.then(|| a.state().as_str()));
        }
        assert_eq!(Stage::Check.task(), jobs::FIRST_TASK);
    }
}
