//! A job's life cycle, from a sealed snapshot to its attestation or to the reason why there is none.
//!
//! The queue (graphile_worker) only holds the next task, which becomes due in the transaction that changes the job's state. A
//! task may run twice or late, so each begins with [`advance`] or [`job`] and stops if the job is in another state.

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    error::{Conflict, Result, StoreError},
    ids::digest,
    sql::statements,
    tx::{Session, Tx},
};

/// The first task of a new job.
pub const FIRST_TASK: &str = "check";
/// How many times a task is attempted before it is given up; a worker's death does not count.
pub const TASK_ATTEMPTS: i32 = 10;

/// A job's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// The ledger is checked.
    Checking,
    /// Pages, tree and statement are made.
    Planning,
    /// Accounts are folded.
    Folding,
    /// The fold becomes a proof.
    Compressing,
    /// The proof is verified.
    Verifying,
    /// The attestation is signed and published.
    Publishing,
    /// There is an attestation.
    Published,
    /// The ledger is not valid.
    Refused,
    /// It failed for a reason other than the ledger.
    Failed,
    /// It was cancelled on request.
    Cancelled,
}

impl JobState {
    /// All states, in the order of a job's life cycle.
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Checking,
        Self::Planning,
        Self::Folding,
        Self::Compressing,
        Self::Verifying,
        Self::Publishing,
        Self::Published,
        Self::Refused,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Its name in the database and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Checking => "checking",
            Self::Planning => "planning",
            Self::Folding => "folding",
            Self::Compressing => "compressing",
            Self::Verifying => "verifying",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a job never leaves this state.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Published | Self::Refused | Self::Failed | Self::Cancelled)
    }

    fn read(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| StoreError::Corrupt(format!("{text} is no state of a job")))
    }
}

/// A job to create.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// From [`super::new_id`].
    pub id: Uuid,
    /// The snapshot to attest.
    pub snapshot_id: Uuid,
    /// Name of the shape, or `auto`.
    pub shape: String,
    /// Number of shards; `None` lets the plan choose.
    pub shards: Option<i32>,
    /// The subject of the request.
    pub created_by: String,
    /// The current time.
    pub now: OffsetDateTime,
}

/// A job, without its statement and proof.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    /// Its id.
    pub id: Uuid,
    /// The snapshot to attest.
    pub snapshot_id: Uuid,
    /// Domain of its exchange.
    pub exchange_domain: String,
    /// Name of the shape, or `auto` until the plan has chosen.
    pub shape: String,
    /// Number of shards, once asked for or chosen.
    pub shards: Option<i32>,
    /// Its state.
    pub state: JobState,
    /// Steps folded, over all shards.
    pub steps_done: i32,
    /// Total number of steps over all shards, once planned.
    pub steps: Option<i32>,
    /// Accounts, once planned.
    pub accounts: Option<i64>,
    /// Pages, once planned.
    pub pages: Option<i64>,
    /// Why it was refused or failed, or which policies its statement breaks, as a sentence. None once it is cancelled: nothing
    /// that was said before is the reason.
    pub detail: Option<String>,
    /// What is wrong with the ledger.
    pub findings: Option<Value>,
    /// Its attestation, once published.
    pub attestation_id: Option<[u8; 32]>,
    /// The worker that took it last, with [`take_job`].
    pub worker: Option<String>,
    /// Time of the last heartbeat, of the job's worker or one of its units'.
    pub heartbeat_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When its state last changed.
    pub updated_at: OffsetDateTime,
}

/// How a job ends that is not published.
#[derive(Debug, Clone)]
pub struct End<'a> {
    /// [`JobState::Refused`] or [`JobState::Failed`].
    pub state: JobState,
    /// Why, as a sentence.
    pub detail: Option<&'a str>,
    /// What is wrong with the ledger.
    pub findings: Option<&'a Value>,
}

/// The result of the plan.
#[derive(Debug, Clone)]
pub struct PlanInfo {
    /// Name of the chosen shape.
    pub shape: String,
    /// Number of steps of each shard.
    pub steps: Vec<i32>,
    /// Number of accounts.
    pub accounts: i64,
    /// Number of pages.
    pub pages: i64,
    /// The statement's canonical bytes.
    pub statement: Vec<u8>,
}

statements! {
    UNDER_WAY = "SELECT state FROM jobs WHERE snapshot_id = $1 AND (NOT has_ended OR state = 'published')";
    SEAL_FOR_JOB = "UPDATE snapshots SET sealed_at = coalesce(sealed_at, $2), holds_epoch = true WHERE snapshot_id = $1";
    ADD = "INSERT INTO jobs (job_id, snapshot_id, shape, shards, state, created_by, created_at, updated_at)
           VALUES ($1, $2, $3, $6, 'queued', $4, $5, $5)";
    BY_ID = "SELECT j.job_id, j.snapshot_id, e.domain, j.shape, j.state, coalesce(u.steps_done, 0), j.steps, j.accounts,
                    j.pages, j.detail, j.findings, a.attestation_id, j.worker,
                    greatest(j.heartbeat_at, u.heartbeat_at), j.created_at, j.updated_at, j.shards
             FROM jobs j JOIN snapshots s USING (snapshot_id) JOIN exchanges e USING (exchange_id)
             LEFT JOIN attestations a USING (job_id)
             LEFT JOIN (SELECT job_id, sum(steps_done)::int AS steps_done, max(heartbeat_at) AS heartbeat_at
                        FROM units WHERE job_id = $1 GROUP BY job_id) u USING (job_id)
             WHERE j.job_id = $1";
    ADVANCE = "UPDATE jobs SET state = $3, begun = CASE state WHEN $3 THEN begun ELSE 0 END, updated_at = $4
               WHERE job_id = $1 AND state = ANY ($2) AND NOT has_ended";
    ENQUEUE = "SELECT enqueue_task($1, $2, $3)::text";
    TAKE = "UPDATE jobs SET worker = $2, heartbeat_at = $3, begun = begun + 1
            WHERE job_id = $1 AND NOT has_ended RETURNING begun";
    PUT_DOWN = "UPDATE jobs SET begun = 0
                WHERE job_id = $1 AND NOT has_ended";
    HEARTBEAT = "UPDATE jobs SET heartbeat_at = $3
                 WHERE job_id = $1 AND (worker IS NULL OR worker = $2) AND NOT has_ended";
    STATE = "SELECT state FROM jobs WHERE job_id = $1";
    CANCEL = "UPDATE jobs SET state = 'cancelled', detail = NULL, updated_at = $2
              WHERE job_id = $1 AND NOT has_ended RETURNING state, snapshot_id";
    END = "UPDATE jobs SET state = $2, detail = $3, findings = $4, updated_at = $5
           WHERE job_id = $1 AND NOT has_ended
             AND CASE WHEN $7::int IS NULL THEN worker IS NULL OR worker = $6
                      ELSE EXISTS (SELECT FROM units WHERE job_id = $1 AND shard = $7 AND worker = $6) END
           RETURNING snapshot_id";
    YIELD_EPOCH = "UPDATE snapshots SET holds_epoch = false WHERE snapshot_id = $1";
    SET_PLAN = "UPDATE jobs SET shape = $2, accounts = $3, pages = $4, steps = $5, statement = $6, updated_at = $7, shards = $8
                WHERE job_id = $1 AND NOT has_ended";
    WARN = "UPDATE jobs SET detail = $2 WHERE job_id = $1 AND NOT has_ended";
    STATEMENT_AND_PROOF = "SELECT statement, proof FROM jobs WHERE job_id = $1";
}

/// Seals the snapshot, creates the job and makes its first task due.
///
/// # Errors
/// [`Conflict::JobUnderWay`]; [`Conflict::AttestationExists`] if the snapshot is published; [`Conflict::SnapshotEpoch`] if
/// the snapshot had given up its epoch and another one holds it now; [`StoreError::NotFound`] without the snapshot.
pub async fn create_job(tx: &Tx, new: &NewJob) -> Result<()> {
    if let Some(row) = UNDER_WAY.row(tx, &[&new.snapshot_id]).await? {
        return Err(match JobState::read(row.get(0))? {
            JobState::Published => Conflict::AttestationExists.into(),
            _ => Conflict::JobUnderWay.into(),
        });
    }
    if SEAL_FOR_JOB.execute(tx, &[&new.snapshot_id, &new.now]).await? == 0 {
        return Err(StoreError::NotFound);
    }
    ADD.execute(tx, &[&new.id, &new.snapshot_id, &new.shape, &new.created_by, &new.now, &new.shards]).await?;
    enqueue(tx, FIRST_TASK, new.id).await
}

/// The job `id`.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn job(client: &impl Session, id: Uuid) -> Result<JobRow> {
    job_row(&BY_ID.row(client, &[&id]).await?.ok_or(StoreError::NotFound)?)
}

fn job_row(row: &Row) -> Result<JobRow> {
    Ok(JobRow {
        id: row.get(0),
        snapshot_id: row.get(1),
        exchange_domain: row.get(2),
        shape: row.get(3),
        state: JobState::read(row.get(4))?,
        steps_done: row.get(5),
        steps: row.get(6),
        accounts: row.get(7),
        pages: row.get(8),
        detail: row.get(9),
        findings: row.get(10),
        attestation_id: row.get::<_, Option<&[u8]>>(11).map(digest).transpose()?,
        worker: row.get(12),
        heartbeat_at: row.get(13),
        created_at: row.get(14),
        updated_at: row.get(15),
        shards: row.get(16),
    })
}

/// Moves the job from one of the states `from` to `to`. `false`, with no change, if it is in another state.
/// A move to [`JobState::Published`] can only be committed together with the attestation.
///
/// # Errors
/// Those of the database.
pub async fn advance(tx: &Tx, job_id: Uuid, from: &[JobState], to: JobState, now: OffsetDateTime) -> Result<bool> {
    let from: Vec<&str> = from.iter().map(|s| s.as_str()).collect();
    Ok(ADVANCE.execute(tx, &[&job_id, &from, &to.as_str(), &now]).await? == 1)
}

/// Makes a task of the job due once the transaction is committed. The tasks of one job never run at the same time; a task that
/// is due already is not added again.
///
/// # Errors
/// Those of the database.
pub async fn enqueue(tx: &Tx, task: &str, job_id: Uuid) -> Result<()> {
    ENQUEUE.rows(tx, &[&task, &job_id, &TASK_ATTEMPTS]).await?;
    Ok(())
}

/// Gives the job to `worker`. [`heartbeat`] of every other worker then returns `false`, so a worker that was presumed dead
/// learns that it has lost the job. Returns how many times in a row the stage was started, this time included, without
/// progress: done, stopped, or a new checkpoint. `None` if the job has ended.
///
/// # Errors
/// Those of the database.
pub async fn take_job(client: &impl Session, job_id: Uuid, worker: &str, now: OffsetDateTime) -> Result<Option<i32>> {
    Ok(TAKE.row(client, &[&job_id, &worker, &now]).await?.map(|r| r.get(0)))
}

/// Gives the job back without an error: makes `task` due again and resets the count of starts.
///
/// # Errors
/// Those of the database.
pub async fn put_down(tx: &Tx, task: &str, job_id: Uuid) -> Result<()> {
    PUT_DOWN.execute(tx, &[&job_id]).await?;
    enqueue(tx, task, job_id).await
}

/// Records that the worker is alive. `false` if the worker must stop: the job has ended (cancelled, for
/// example), or another worker has taken it ([`take_job`]).
///
/// # Errors
/// Those of the database.
pub async fn heartbeat(client: &impl Session, job_id: Uuid, worker: &str, now: OffsetDateTime) -> Result<bool> {
    Ok(HEARTBEAT.execute(client, &[&job_id, &worker, &now]).await? == 1)
}

/// Cancels the job and returns its state; a job that has ended stays as it is. The cancelled job's snapshot gives up its epoch,
/// and what was said of the job is forgotten.
/// The job's worker learns of this at its next heartbeat, and can store no result until then.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn cancel(tx: &Tx, job_id: Uuid, now: OffsetDateTime) -> Result<JobState> {
    let row = match CANCEL.row(tx, &[&job_id, &now]).await? {
        Some(row) => {
            YIELD_EPOCH.execute(tx, &[&row.get::<_, Uuid>(1)]).await?;
            row
        }
        None => STATE.row(tx, &[&job_id]).await?.ok_or(StoreError::NotFound)?,
    };
    JobState::read(row.get(0))
}

/// Ends the job of `worker`, or the job of which `worker` has the unit of `shard`, as refused or failed. The snapshot gives up its epoch, so that a corrected one can be uploaded.
/// `false`, with no change, if the job has ended before or another worker has it.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::Corrupt`] if `state` is neither refused nor failed; those of the database.
pub async fn end_job(
    tx: &Tx,
    job_id: Uuid,
    end: &End<'_>,
    worker: &str,
    shard: Option<i32>,
    now: OffsetDateTime,
) -> Result<bool> {
    let End { state, detail, findings } = end;
    if !matches!(state, JobState::Refused | JobState::Failed) {
        return Err(StoreError::Corrupt(format!("a job cannot be ended as {}", state.as_str())));
    }
    let Some(row) = END.row(tx, &[&job_id, &state.as_str(), &detail, &findings, &now, &worker, &shard]).await? else {
        STATE.row(tx, &[&job_id]).await?.ok_or(StoreError::NotFound)?;
        return Ok(false);
    };
    YIELD_EPOCH.execute(tx, &[&row.get::<_, Uuid>(0)]).await?;
    Ok(true)
}

/// Stores the result of the plan; [`super::units::add_units`] adds its units. Once there is a statement, only the same one can
/// be set again.
///
/// # Errors
/// [`Conflict::StatementDiffers`]; [`Conflict::JobEnded`], also if there is no such job.
pub async fn set_plan(tx: &Tx, job_id: Uuid, plan: &PlanInfo, now: OffsetDateTime) -> Result<()> {
    let PlanInfo { shape, accounts, pages, steps, statement } = plan;
    let (all, shards) = (steps.iter().sum::<i32>(), steps.len() as i32);
    let changed = SET_PLAN.execute(tx, &[&job_id, shape, accounts, pages, &all, statement, &now, &shards]).await?;
    if changed == 0 { Err(Conflict::JobEnded.into()) } else { Ok(()) }
}

/// Stores a sentence for the exchange about a job that goes on.
///
/// # Errors
/// Those of the database.
pub async fn warn(tx: &Tx, job_id: Uuid, detail: &str) -> Result<()> {
    WARN.execute(tx, &[&job_id, &detail]).await?;
    Ok(())
}

/// The statement and the proof, each `None` until stored. The caller must verify both before it publishes.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn statement_and_proof(client: &impl Session, job_id: Uuid) -> Result<(Option<Vec<u8>>, Option<Vec<u8>>)> {
    let row = STATEMENT_AND_PROOF.row(client, &[&job_id]).await?.ok_or(StoreError::NotFound)?;
    Ok((row.get(0), row.get(1)))
}
