//! The units of a job: the fold and the proof of one shard each. Any number of workers work on them side by side.
//!
//! A unit is folded, then compressed. Whoever finishes the last unit of a stage moves the job, in the same transaction.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    error::{Conflict, Result, StoreError},
    jobs::{JobState, TASK_ATTEMPTS},
    sql::statements,
    tx::{Session, Tx},
};

/// How often a compression may give its unit back to the fold before the job fails.
const MOST_RETURNED: i32 = 3;

/// What is due of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitState {
    /// Its accounts are folded.
    Folding,
    /// The fold becomes a proof.
    Compressing,
    /// There is a proof.
    Proved,
}

impl UnitState {
    /// Its name in the database and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Folding => "folding",
            Self::Compressing => "compressing",
            Self::Proved => "proved",
        }
    }

    fn read(text: &str) -> Result<Self> {
        [Self::Folding, Self::Compressing, Self::Proved]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| StoreError::Corrupt(format!("{text} is no state of a unit")))
    }
}

/// A unit, without its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRow {
    /// The shard, from 0.
    pub shard: i32,
    /// What is due of it.
    pub state: UnitState,
    /// Number of steps of its fold.
    pub steps: i32,
    /// Steps folded.
    pub steps_done: i32,
    /// The worker that took it last, with [`take_unit`].
    pub worker: Option<String>,
}

statements! {
    ADD = "INSERT INTO units (job_id, shard, steps)
           SELECT $1, unit.number::int - 1, unit.steps FROM unnest($2::int4[]) WITH ORDINALITY AS unit (steps, number)
           ON CONFLICT (job_id, shard) DO NOTHING";
    ALL = "SELECT shard, state, steps, steps_done, worker FROM units WHERE job_id = $1 ORDER BY shard";
    ONE = "SELECT shard, state, steps, steps_done, worker FROM units WHERE job_id = $1 AND shard = $2";
    TAKE = "UPDATE units SET worker = $3, heartbeat_at = $4, begun = begun + 1
            WHERE job_id = $1 AND shard = $2 AND state <> 'proved'
              AND EXISTS (SELECT FROM jobs WHERE job_id = $1 AND NOT has_ended) RETURNING begun";
    PUT_DOWN = "UPDATE units SET begun = 0 WHERE job_id = $1 AND shard = $2";
    HEARTBEAT = "UPDATE units SET heartbeat_at = $5, steps_done = coalesce($4, steps_done)
                 WHERE job_id = $1 AND shard = $2 AND worker = $3
                   AND EXISTS (SELECT FROM jobs WHERE job_id = $1 AND NOT has_ended)";
    ENQUEUE = "SELECT enqueue_unit($1, $2, $3, $4)::text";
    FOLDED = "UPDATE units SET state = 'compressing', begun = 0, steps_done = steps
              WHERE job_id = $1 AND shard = $2 AND state = 'folding'";
    RETURN = "UPDATE units SET state = 'folding', begun = 0, steps_done = 0, returned = returned + 1
              WHERE job_id = $1 AND shard = $2 AND state = 'compressing' AND returned < $3";
    PROVED = "UPDATE units SET state = 'proved', begun = 0, proof = $3
              WHERE job_id = $1 AND shard = $2 AND state = 'compressing'";
    OPEN = "SELECT count(*) FILTER (WHERE state = 'folding'), count(*) FILTER (WHERE state = 'compressing')
            FROM units WHERE job_id = $1";
    MOVE = "UPDATE jobs SET state = $2, updated_at = $3
            WHERE job_id = $1 AND state IN ('folding', 'compressing') AND state <> $2";
    COLLECT = "UPDATE jobs SET state = 'verifying', begun = 0, updated_at = $2,
                   proof = (SELECT string_agg(proof, ''::bytea ORDER BY shard) FROM units WHERE job_id = $1)
               WHERE job_id = $1 AND state IN ('folding', 'compressing')";
    PUT_CHECKPOINT = "WITH kept AS (
                          INSERT INTO checkpoints (job_id, shard, steps, bytes, created_at)
                          SELECT job_id, $2, $3, $4, $5 FROM jobs
                          WHERE job_id = $1 AND NOT has_ended
                          FOR NO KEY UPDATE
                          ON CONFLICT (job_id, shard) DO UPDATE
                          SET steps = excluded.steps, bytes = excluded.bytes, created_at = excluded.created_at
                          WHERE checkpoints.steps <= excluded.steps
                          RETURNING job_id, shard
                      )
                      UPDATE units SET begun = 0 FROM kept
                      WHERE units.job_id = kept.job_id AND units.shard = kept.shard";
    CHECKPOINT = "SELECT steps, bytes FROM checkpoints WHERE job_id = $1 AND shard = $2";
    DROP_CHECKPOINT = "DELETE FROM checkpoints WHERE job_id = $1 AND shard = $2";
}

/// Adds the units of a planned job, shard after shard with the steps of each. Those that are there stay as they are.
///
/// # Errors
/// Those of the database.
pub async fn add_units(tx: &Tx, job_id: Uuid, steps: &[i32]) -> Result<()> {
    ADD.execute(tx, &[&job_id, &steps]).await?;
    Ok(())
}

/// All units of a job, by shard; none before the plan.
///
/// # Errors
/// Those of the database.
pub async fn units(client: &impl Session, job_id: Uuid) -> Result<Vec<UnitRow>> {
    ALL.rows(client, &[&job_id]).await?.iter().map(unit_row).collect()
}

/// The unit of `shard`.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn unit(client: &impl Session, job_id: Uuid, shard: i32) -> Result<UnitRow> {
    unit_row(&ONE.row(client, &[&job_id, &shard]).await?.ok_or(StoreError::NotFound)?)
}

fn unit_row(row: &tokio_postgres::Row) -> Result<UnitRow> {
    Ok(UnitRow {
        shard: row.get(0),
        state: UnitState::read(row.get(1))?,
        steps: row.get(2),
        steps_done: row.get(3),
        worker: row.get(4),
    })
}

/// Makes a task of a unit due once the transaction is committed.
///
/// # Errors
/// Those of the database.
pub async fn enqueue_unit(tx: &Tx, task: &str, job_id: Uuid, shard: i32) -> Result<()> {
    ENQUEUE.rows(tx, &[&task, &job_id, &shard, &TASK_ATTEMPTS]).await?;
    Ok(())
}

/// Gives a unit to `worker`, as [`super::jobs::take_job`] gives a job. `None` if the job has ended or the unit is proved.
///
/// # Errors
/// Those of the database.
pub async fn take_unit(
    client: &impl Session,
    job_id: Uuid,
    shard: i32,
    worker: &str,
    now: OffsetDateTime,
) -> Result<Option<i32>> {
    Ok(TAKE.row(client, &[&job_id, &shard, &worker, &now]).await?.map(|r| r.get(0)))
}

/// Gives a unit back without an error: makes `task` due again and resets the count of starts.
///
/// # Errors
/// Those of the database.
pub async fn put_unit_down(tx: &Tx, task: &str, job_id: Uuid, shard: i32) -> Result<()> {
    PUT_DOWN.execute(tx, &[&job_id, &shard]).await?;
    enqueue_unit(tx, task, job_id, shard).await
}

/// Records that the unit's worker is alive, and its progress. `false` if it must stop: the job has ended, or another worker
/// has taken the unit.
///
/// # Errors
/// Those of the database.
pub async fn unit_heartbeat(
    client: &impl Session,
    job_id: Uuid,
    shard: i32,
    worker: &str,
    steps_done: Option<i32>,
    now: OffsetDateTime,
) -> Result<bool> {
    Ok(HEARTBEAT.execute(client, &[&job_id, &shard, &worker, &steps_done, &now]).await? == 1)
}

/// The unit is folded: makes `next`, its compression, due. Once no unit is folding, the job is compressing. Returns whether
/// some units still are; `None`, with no change, if the unit is in another state.
///
/// # Errors
/// Those of the database.
pub async fn unit_folded(tx: &Tx, job_id: Uuid, shard: i32, next: &str, now: OffsetDateTime) -> Result<Option<bool>> {
    if FOLDED.execute(tx, &[&job_id, &shard]).await? != 1 {
        return Ok(None);
    }
    enqueue_unit(tx, next, job_id, shard).await?;
    let (folding, _) = open(tx, job_id).await?;
    if folding == 0 {
        MOVE.execute(tx, &[&job_id, &JobState::Compressing.as_str(), &now]).await?;
    }
    Ok(Some(folding > 0))
}

/// The unit's checkpoint is not the end of its fold: makes `task`, the fold, due again. `false` if that has happened too
/// often: then nothing changes, so that whoever takes the unit next finds the same.
///
/// # Errors
/// [`Conflict::JobEnded`] if the unit is in another state; those of the database.
pub async fn return_unit(tx: &Tx, job_id: Uuid, shard: i32, task: &str, now: OffsetDateTime) -> Result<bool> {
    if RETURN.execute(tx, &[&job_id, &shard, &MOST_RETURNED]).await? != 1 {
        let compressing = unit(tx, job_id, shard).await?.state == UnitState::Compressing;
        return if compressing { Ok(false) } else { Err(Conflict::JobEnded.into()) };
    }
    MOVE.execute(tx, &[&job_id, &JobState::Folding.as_str(), &now]).await?;
    enqueue_unit(tx, task, job_id, shard).await?;
    Ok(true)
}

/// Stores a unit's proof. Once all units have theirs, the job has the proof of all of them, one after the other, and is
/// verifying. Returns whether it is.
///
/// # Errors
/// [`Conflict::JobEnded`] if the unit is in another state; those of the database.
pub async fn unit_proved(tx: &Tx, job_id: Uuid, shard: i32, proof: &[u8], now: OffsetDateTime) -> Result<bool> {
    if PROVED.execute(tx, &[&job_id, &shard, &proof]).await? != 1 {
        return Err(Conflict::JobEnded.into());
    }
    DROP_CHECKPOINT.execute(tx, &[&job_id, &shard]).await?;
    let (folding, compressing) = open(tx, job_id).await?;
    let all = folding == 0 && compressing == 0;
    if all && COLLECT.execute(tx, &[&job_id, &now]).await? != 1 {
        return Err(Conflict::JobEnded.into());
    }
    Ok(all)
}

/// How many units are folding, and how many compressing.
async fn open(tx: &Tx, job_id: Uuid) -> Result<(i64, i64)> {
    let row = OPEN.row(tx, &[&job_id]).await?.ok_or(StoreError::NotFound)?;
    Ok((row.get(0), row.get(1)))
}

/// Stores a unit's fold after `steps` steps, unless one with more steps is stored or the job has ended.
///
/// # Errors
/// Those of the database.
pub async fn put_checkpoint(
    client: &impl Session,
    job_id: Uuid,
    shard: i32,
    steps: i32,
    bytes: &[u8],
    now: OffsetDateTime,
) -> Result<()> {
    PUT_CHECKPOINT.execute(client, &[&job_id, &shard, &steps, &bytes, &now]).await?;
    Ok(())
}

/// The stored fold of a unit: its claimed number of steps, and its bytes. Neither is trusted until verified.
///
/// # Errors
/// Those of the database.
pub async fn checkpoint(client: &impl Session, job_id: Uuid, shard: i32) -> Result<Option<(i32, Vec<u8>)>> {
    Ok(CHECKPOINT.row(client, &[&job_id, &shard]).await?.map(|r| (r.get(0), r.get(1))))
}

/// Deletes the stored fold of a unit, if there is one.
///
/// # Errors
/// Those of the database.
pub async fn drop_checkpoint(tx: &Tx, job_id: Uuid, shard: i32) -> Result<()> {
    DROP_CHECKPOINT.execute(tx, &[&job_id, &shard]).await?;
    Ok(())
}
