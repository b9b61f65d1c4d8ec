//! What unpublished ledgers take: counted for each exchange, manifests and files, and deleted when nobody needs it.
//!
//! The files of a published snapshot do not count and are not deleted. A snapshot whose attestation was never requested is
//! deleted whole. One whose jobs were all refused, failed or cancelled loses its files and keeps its row, which its jobs refer to.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    error::{Conflict, Result, StoreError},
    snapshots::snapshot,
    sql::statements,
    tx::{Session, Tx},
};

statements! {
    HELD = "SELECT coalesce(sum(octet_length(s.manifest) + (
                SELECT coalesce(sum(f.bytes), 0) FROM snapshot_files f
                WHERE f.snapshot_id = s.snapshot_id AND NOT (f.snapshot_id = $2 AND f.name = $3))), 0)::int8
            FROM snapshots s
            WHERE s.exchange_id = $1
              AND NOT EXISTS (SELECT FROM jobs j WHERE j.snapshot_id = s.snapshot_id AND j.state = 'published')";
    OPEN = "SELECT count(*) FROM snapshots WHERE exchange_id = $1 AND sealed_at IS NULL";
    NEEDED = "SELECT state = 'published' FROM jobs WHERE snapshot_id = $1 AND (NOT has_ended OR state = 'published')";
    CONTENTS = "DELETE FROM snapshot_files WHERE snapshot_id = $1 RETURNING content_id";
    CHUNKS = "DELETE FROM file_chunks WHERE content_id = ANY ($1)";
    DELETE = "DELETE FROM snapshots WHERE snapshot_id = $1 AND sealed_at IS NULL";
    STALE = "SELECT s.snapshot_id FROM snapshots s
             WHERE s.created_at < $1
               AND NOT EXISTS (SELECT FROM snapshot_files f WHERE f.snapshot_id = s.snapshot_id AND f.created_at >= $1)
               AND (s.sealed_at IS NULL OR EXISTS (SELECT FROM snapshot_files f WHERE f.snapshot_id = s.snapshot_id))
               AND NOT EXISTS (SELECT FROM jobs j WHERE j.snapshot_id = s.snapshot_id
                               AND (NOT j.has_ended OR j.state = 'published' OR j.updated_at >= $1))
             ORDER BY s.created_at LIMIT 100";
}

/// Bytes of the manifests and files of an exchange's unpublished snapshots, without the file `name` of the snapshot `replaced`.
///
/// # Errors
/// Those of the database.
pub async fn held_bytes(client: &impl Session, exchange: Uuid, replaced: Uuid, name: &str) -> Result<u64> {
    let row = HELD.row(client, &[&exchange, &replaced, &name]).await?.ok_or(StoreError::NotFound)?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// The number of an exchange's unsealed snapshots.
///
/// # Errors
/// Those of the database.
pub async fn open_snapshots(client: &impl Session, exchange: Uuid) -> Result<u64> {
    let row = OPEN.row(client, &[&exchange]).await?.ok_or(StoreError::NotFound)?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// Deletes a snapshot that is not sealed, or the files of one whose jobs have all ended without an attestation.
///
/// # Errors
/// [`StoreError::NotFound`]; [`Conflict::JobUnderWay`]; [`Conflict::AttestationExists`] for a published snapshot.
pub async fn delete_snapshot(tx: &Tx, id: Uuid) -> Result<()> {
    snapshot(tx, id).await?;
    if let Some(row) = NEEDED.row(tx, &[&id]).await? {
        let is_published: bool = row.get(0);
        return Err(if is_published { Conflict::AttestationExists } else { Conflict::JobUnderWay }.into());
    }
    let contents: Vec<Uuid> = CONTENTS.rows(tx, &[&id]).await?.iter().map(|row| row.get(0)).collect();
    CHUNKS.execute(tx, &[&contents]).await?;
    DELETE.execute(tx, &[&id]).await?;
    Ok(())
}

/// Some snapshots that [`delete_snapshot`] can delete, or take the files of, and that nothing happened to since `before`.
///
/// # Errors
/// Those of the database.
pub async fn stale_snapshots(client: &impl Session, before: OffsetDateTime) -> Result<Vec<Uuid>> {
    Ok(STALE.rows(client, &[&before]).await?.iter().map(|row| row.get(0)).collect())
}
