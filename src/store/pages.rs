//! The input of inclusion paths: a job's pages, upper tree and reserve lines.
//!
//! All of it is private. It is loaded with binary COPY in [`super::Store::run_load`], in the transaction that stores the plan.
//! Once the job has ended, no load can change it; if the job was not published, it is swept.

use std::pin::pin;

use assay_core::lines::LineFields;
use tokio_postgres::{Row, binary_copy::BinaryCopyInWriter, types::Type};
use uuid::Uuid;

use super::{
    error::{Conflict, Result, StoreError},
    ids::digest,
    sql::statements,
    tx::{Session, Tx},
};

/// Number of children of a node.
const ARITY: i64 = 8;

/// A node of the upper tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeRow {
    /// Levels above the batch roots.
    pub height: i16,
    /// Index within its level.
    pub position: i64,
    /// Its digest.
    pub digest: [u8; 32],
}

statements! {
    ISOLATION = "SELECT current_setting('transaction_isolation')";
    // does not lock the job's row, so that heartbeats continue during the load
    LOCK_LOADS = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))::text";
    OPEN_JOB = "SELECT FROM jobs WHERE job_id = $1 AND NOT has_ended";
    CLEAR_PAGES = "DELETE FROM pages WHERE job_id = $1";
    COPY_PAGES = "COPY pages (job_id, position, record) FROM STDIN (FORMAT binary)";
    CLEAR_TREE = "DELETE FROM tree_nodes WHERE job_id = $1";
    COPY_TREE = "COPY tree_nodes (job_id, height, position, digest) FROM STDIN (FORMAT binary)";
    CLEAR_RESERVES = "DELETE FROM reserve_lines WHERE job_id = $1";
    COPY_RESERVES = "COPY reserve_lines (job_id, position, fields) FROM STDIN (FORMAT binary)";
    BETWEEN = "SELECT position, record FROM pages WHERE job_id = $1 AND position >= $2 AND position < $3 ORDER BY position";
    BATCH_STARTS = "SELECT p.position, substring(p.record FROM 1 FOR 32)
                    FROM unnest($2::int8[]) AS batch (first)
                    JOIN pages p ON p.job_id = $1 AND p.position = batch.first ORDER BY p.position";
    PATH_NODES = "SELECT n.height, n.position, n.digest
                  FROM unnest($2::int2[], $3::int8[]) AS wanted (height, first)
                  JOIN tree_nodes n ON n.job_id = $1 AND n.height = wanted.height
                                    AND n.position >= wanted.first AND n.position < wanted.first + $4
                  ORDER BY n.height, n.position";
    RESERVES = "SELECT position, fields FROM reserve_lines
                WHERE job_id = $1 AND ($2::text IS NULL OR fields[1] = $2) ORDER BY position";
    ENDED_WITH_PAGES = "SELECT job_id FROM jobs j WHERE has_ended AND state <> 'published' AND updated_at < $1
                        AND (EXISTS (SELECT FROM pages p WHERE p.job_id = j.job_id)
                             OR EXISTS (SELECT FROM tree_nodes t WHERE t.job_id = j.job_id)
                             OR EXISTS (SELECT FROM reserve_lines r WHERE r.job_id = j.job_id))";
}

/// Loads the pages of a job, `records` with their positions, and replaces those of an earlier attempt. Returns how many.
/// Takes each record only after sending the one before, so memory holds one record and the connection's buffers.
///
/// # Errors
/// [`Conflict::JobEnded`], also if there is no such job; [`StoreError::Corrupt`] if the transaction is not read committed;
/// those of the database.
pub async fn load_pages(tx: &Tx, job_id: Uuid, records: impl Iterator<Item = (i64, Vec<u8>)> + Send) -> Result<u64> {
    begin_load(tx, job_id).await?;
    CLEAR_PAGES.execute(tx, &[&job_id]).await?;
    let sink = tx.client().copy_in(COPY_PAGES.text).await.map_err(COPY_PAGES.failed())?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &[Type::UUID, Type::INT8, Type::BYTEA]));
    for (position, record) in records {
        writer.as_mut().write(&[&job_id, &position, &record]).await.map_err(COPY_PAGES.failed())?;
    }
    let count = writer.finish().await.map_err(COPY_PAGES.failed())?;
    end_load(tx, job_id).await?;
    Ok(count)
}

/// Loads the upper tree of a job and replaces that of an earlier attempt. Returns the number of nodes.
///
/// # Errors
/// As [`load_pages`].
pub async fn load_tree(tx: &Tx, job_id: Uuid, nodes: impl Iterator<Item = NodeRow> + Send) -> Result<u64> {
    begin_load(tx, job_id).await?;
    CLEAR_TREE.execute(tx, &[&job_id]).await?;
    let sink = tx.client().copy_in(COPY_TREE.text).await.map_err(COPY_TREE.failed())?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &[Type::UUID, Type::INT2, Type::INT8, Type::BYTEA]));
    for NodeRow { height, position, digest } in nodes {
        writer.as_mut().write(&[&job_id, &height, &position, &digest.as_slice()]).await.map_err(COPY_TREE.failed())?;
    }
    let count = writer.finish().await.map_err(COPY_TREE.failed())?;
    end_load(tx, job_id).await?;
    Ok(count)
}

/// Loads the reserve lines of a job, in their committed order, and replaces those of an earlier attempt.
///
/// # Errors
/// As [`load_pages`].
pub async fn load_reserves(tx: &Tx, job_id: Uuid, lines: &[LineFields]) -> Result<()> {
    begin_load(tx, job_id).await?;
    CLEAR_RESERVES.execute(tx, &[&job_id]).await?;
    let sink = tx.client().copy_in(COPY_RESERVES.text).await.map_err(COPY_RESERVES.failed())?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &[Type::UUID, Type::INT4, Type::TEXT_ARRAY]));
    for (position, fields) in (0i32..).zip(lines) {
        writer.as_mut().write(&[&job_id, &position, &fields.as_slice()]).await.map_err(COPY_RESERVES.failed())?;
    }
    writer.finish().await.map_err(COPY_RESERVES.failed())?;
    end_load(tx, job_id).await
}

/// Allows one load of a job at a time; a second one waits and then replaces what the first has committed.
async fn begin_load(tx: &Tx, job_id: Uuid) -> Result<()> {
    let isolation = ISOLATION.row(tx, &[]).await?.ok_or(StoreError::NotFound)?;
    if isolation.get::<_, &str>(0) != "read committed" {
        return Err(StoreError::Corrupt(
            "pages are loaded in run_load, not in run_tx: heartbeats would undo it".into(),
        ));
    }
    LOCK_LOADS.row(tx, &[&job_id.to_string()]).await?;
    OPEN_JOB.row(tx, &[&job_id]).await?.map(|_| ()).ok_or(Conflict::JobEnded.into())
}

/// Checks that the job has not ended during the load. If it ends between here and the commit, [`super::jobs::set_plan`] in the
/// same transaction fails. A lock on the job's row would close that gap too, but would block heartbeats during further loads.
async fn end_load(tx: &Tx, job_id: Uuid) -> Result<()> {
    OPEN_JOB.row(tx, &[&job_id]).await?.map(|_| ()).ok_or(Conflict::JobEnded.into())
}

/// The pages at positions `from..to`, in order, with their positions.
///
/// # Errors
/// Those of the database.
pub async fn pages_between(client: &impl Session, job_id: Uuid, from: i64, to: i64) -> Result<Vec<(i64, Vec<u8>)>> {
    Ok(BETWEEN.rows(client, &[&job_id, &from, &to]).await?.iter().map(page).collect())
}

fn page(row: &Row) -> (i64, Vec<u8>) {
    (row.get(0), row.get(1))
}

/// The identities (first 32 bytes of the record) of the pages at `firsts`, with their positions, in order. Positions without
/// a page are left out.
///
/// # Errors
/// Those of the database.
pub async fn batch_starts(client: &impl Session, job_id: Uuid, firsts: &[i64]) -> Result<Vec<(i64, [u8; 32])>> {
    let rows = BATCH_STARTS.rows(client, &[&job_id, &firsts]).await?;
    rows.iter().map(|r| Ok((r.get(0), digest(r.get(1))?))).collect()
}

/// For each (height, first position) in `wanted`, the nodes at the eight positions from there on: the children that a path needs.
/// Ordered by height and position. Roots of empty subtrees are absent.
///
/// # Errors
/// Those of the database.
pub async fn path_nodes(client: &impl Session, job_id: Uuid, wanted: &[(i16, i64)]) -> Result<Vec<NodeRow>> {
    let (heights, firsts): (Vec<i16>, Vec<i64>) = wanted.iter().copied().unzip();
    let rows = PATH_NODES.rows(client, &[&job_id, &heights, &firsts, &ARITY]).await?;
    rows.iter().map(|r| Ok(NodeRow { height: r.get(0), position: r.get(1), digest: digest(r.get(2))? })).collect()
}

/// The reserve lines of one asset or all, in order, with their positions.
///
/// # Errors
/// [`StoreError::Corrupt`] if a line does not have ten fields; those of the database.
pub async fn reserve_lines(client: &impl Session, job_id: Uuid, asset: Option<&str>) -> Result<Vec<(i32, LineFields)>> {
    let rows = RESERVES.rows(client, &[&job_id, &asset]).await?;
    rows.iter()
        .map(|r| {
            let fields: Vec<String> = r.get(1);
            let fields =
                fields.try_into().map_err(|_| StoreError::Corrupt("a reserve line without ten fields".into()))?;
            Ok((r.get(0), fields))
        })
        .collect()
}

/// Deletes pages, tree and reserve lines of jobs that were refused, failed or cancelled before `older_than`. Call it in
/// [`super::Store::run_load`]. Returns the number of jobs.
///
/// # Errors
/// Those of the database.
pub async fn sweep_ended(tx: &Tx, older_than: time::OffsetDateTime) -> Result<u64> {
    let jobs = ENDED_WITH_PAGES.rows(tx, &[&older_than]).await?;
    for row in &jobs {
        let job_id: Uuid = row.get(0);
        for clear in [CLEAR_PAGES, CLEAR_TREE, CLEAR_RESERVES] {
            clear.execute(tx, &[&job_id]).await?;
        }
    }
    Ok(jobs.len() as u64)
}
