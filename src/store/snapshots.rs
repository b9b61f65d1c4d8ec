//! Ledgers as they are handed over: the snapshot, its files, and the files' contents in chunks.
//!
//! An upload writes chunks under a content id of its own, outside of any transaction, and lists the file once all are there.
//! What dies in between leaves chunks that no file lists; they are swept. The database refuses to change a sealed snapshot's
//! files and the content of a listed file.

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    error::{Conflict, Result, StoreError},
    ids::{digest, first_id, new_id},
    sql::statements,
    tx::{Session, Tx},
};

/// What chunks are cut to, except for a file's last one.
pub const CHUNK_BYTES: usize = 1 << 20;

/// A snapshot to be made.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    /// From [`super::exchanges::ensure_exchange`].
    pub exchange: Uuid,
    /// The snapshot's own id, as in the manifest.
    pub name: String,
    /// `taken_at`.
    pub epoch: OffsetDateTime,
    /// manifest.toml.
    pub manifest: String,
    /// The subject who made it.
    pub created_by: String,
    /// When.
    pub now: OffsetDateTime,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Its id in the API.
    pub id: Uuid,
    /// Whose it is.
    pub exchange: Uuid,
    /// Whose it is, as tokens say it.
    pub exchange_domain: String,
    /// Its own id, as in the manifest.
    pub name: String,
    /// `taken_at`.
    pub epoch: OffsetDateTime,
    /// manifest.toml.
    pub manifest: String,
    /// From when on files cannot change.
    pub sealed_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// A complete file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Such as `balances.csv.zst`.
    pub name: String,
    /// Of its chunks.
    pub content_id: Uuid,
    /// Length as it was sent.
    pub bytes: i64,
    /// SHA-256 as it was sent.
    pub sha256: [u8; 32],
    /// When it was complete.
    pub created_at: OffsetDateTime,
}

statements! {
    NEWEST_EPOCH = "SELECT newest_epoch FROM exchanges WHERE exchange_id = $1";
    ADD = "INSERT INTO snapshots (snapshot_id, exchange_id, name, epoch, manifest, created_by, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)";
    BY_ID = "SELECT s.snapshot_id, s.exchange_id, e.domain, s.name, s.epoch, s.manifest, s.sealed_at, s.created_at
             FROM snapshots s JOIN exchanges e USING (exchange_id) WHERE s.snapshot_id = $1";
    FILES = "SELECT name, content_id, bytes, sha256, created_at FROM snapshot_files WHERE snapshot_id = $1 ORDER BY name";
    ADD_CHUNK = "INSERT INTO file_chunks (content_id, position, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    MEASURE = "SELECT count(*), max(position), sum(octet_length(bytes))::int8 FROM file_chunks WHERE content_id = $1";
    FILE_CONTENT = "SELECT content_id FROM snapshot_files WHERE snapshot_id = $1 AND name = $2";
    LIST_FILE = "INSERT INTO snapshot_files (snapshot_id, name, content_id, bytes, sha256, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (snapshot_id, name) DO UPDATE
                 SET content_id = excluded.content_id, bytes = excluded.bytes, sha256 = excluded.sha256,
                     created_at = excluded.created_at";
    DROP_CHUNKS = "DELETE FROM file_chunks WHERE content_id = $1";
    CHUNK = "SELECT bytes FROM file_chunks WHERE content_id = $1 AND position = $2";
    SWEEP = "DELETE FROM file_chunks c WHERE c.content_id < $1
             AND NOT EXISTS (SELECT FROM snapshot_files f WHERE f.content_id = c.content_id)";
    EXISTS = "SELECT FROM snapshots WHERE snapshot_id = $1";
}

/// Makes a snapshot without files.
///
/// # Errors
/// [`Conflict::EpochNotAfterPublished`], [`Conflict::SnapshotEpoch`], [`Conflict::SnapshotName`];
/// [`StoreError::NotFound`] without the exchange.
pub async fn create_snapshot(tx: &Tx, new: &NewSnapshot) -> Result<Uuid> {
    let exchange = NEWEST_EPOCH.row(tx, &[&new.exchange]).await?.ok_or(StoreError::NotFound)?;
    if exchange.get::<_, Option<OffsetDateTime>>(0).is_some_and(|newest| new.epoch <= newest) {
        return Err(Conflict::EpochNotAfterPublished.into());
    }
    let id = new_id(new.now);
    ADD.execute(tx, &[&id, &new.exchange, &new.name, &new.epoch, &new.manifest, &new.created_by, &new.now]).await?;
    Ok(id)
}

/// The snapshot `id`.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn snapshot(client: &impl Session, id: Uuid) -> Result<SnapshotRow> {
    let row = BY_ID.row(client, &[&id]).await?.ok_or(StoreError::NotFound)?;
    Ok(SnapshotRow {
        id: row.get(0),
        exchange: row.get(1),
        exchange_domain: row.get(2),
        name: row.get(3),
        epoch: row.get(4),
        manifest: row.get(5),
        sealed_at: row.get(6),
        created_at: row.get(7),
    })
}

/// The complete files of the snapshot `id`, by name. Empty as well if there is no such snapshot.
///
/// # Errors
/// Those of the database.
pub async fn snapshot_files(client: &impl Session, id: Uuid) -> Result<Vec<FileRow>> {
    FILES.rows(client, &[&id]).await?.iter().map(file_row).collect()
}

fn file_row(row: &Row) -> Result<FileRow> {
    Ok(FileRow {
        name: row.get(0),
        content_id: row.get(1),
        bytes: row.get(2),
        sha256: digest(row.get(3))?,
        created_at: row.get(4),
    })
}

/// Keeps one chunk of an upload, at `position` 0, 1, … `content_id` is [`new_id`]'s, one for each upload. The same chunk may
/// be sent again where it is not known whether it has arrived.
///
/// # Errors
/// [`Conflict::Sealed`] if a file lists the content already.
pub async fn add_chunk(client: &impl Session, content_id: Uuid, position: i32, bytes: &[u8]) -> Result<()> {
    ADD_CHUNK.execute(client, &[&content_id, &position, &bytes]).await?;
    Ok(())
}

/// Deletes the chunks of an upload that came to nothing.
///
/// # Errors
/// [`Conflict::Sealed`] if a file lists the content; those of the database.
pub async fn drop_chunks(client: &impl Session, content_id: Uuid) -> Result<()> {
    DROP_CHUNKS.execute(client, &[&content_id]).await?;
    Ok(())
}

/// Lists a file whose chunks are all there, in the place of an earlier one of the same name, whose chunks are deleted. Doing
/// so again with the same content changes nothing.
///
/// # Errors
/// [`Conflict::FileIncomplete`] unless chunks from 0 on have `bytes` together; [`Conflict::Sealed`];
/// [`StoreError::NotFound`] without the snapshot.
pub async fn finish_file(
    tx: &Tx,
    snapshot_id: Uuid,
    name: &str,
    content_id: Uuid,
    bytes: i64,
    sha256: [u8; 32],
    now: OffsetDateTime,
) -> Result<()> {
    EXISTS.row(tx, &[&snapshot_id]).await?.ok_or(StoreError::NotFound)?;
    let replaced: Option<Uuid> = FILE_CONTENT.row(tx, &[&snapshot_id, &name]).await?.map(|r| r.get(0));
    if replaced == Some(content_id) {
        return Ok(());
    }
    let measured = MEASURE.row(tx, &[&content_id]).await?.ok_or(StoreError::NotFound)?;
    let (count, last, sum): (i64, Option<i32>, Option<i64>) = (measured.get(0), measured.get(1), measured.get(2));
    if sum.unwrap_or(0) != bytes || last.map_or(0, |l| i64::from(l) + 1) != count {
        return Err(Conflict::FileIncomplete.into());
    }
    LIST_FILE.execute(tx, &[&snapshot_id, &name, &content_id, &bytes, &sha256.as_slice(), &now]).await?;
    if let Some(replaced) = replaced {
        DROP_CHUNKS.execute(tx, &[&replaced]).await?;
    }
    Ok(())
}

/// One chunk, or `None` past the end.
///
/// # Errors
/// Those of the database.
pub async fn read_chunk(client: &impl Session, content_id: Uuid, position: i32) -> Result<Option<Vec<u8>>> {
    Ok(CHUNK.row(client, &[&content_id, &position]).await?.map(|r| r.get(0)))
}

/// Gives the chunks to `each` in order and returns how many bytes they have; unchecked, unlike [`read_file`].
///
/// # Errors
/// Those of the database and of `each`.
pub async fn read_chunks<E: From<StoreError>>(
    client: &impl Session,
    content_id: Uuid,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<u64, E> {
    let mut bytes = 0;
    for position in 0.. {
        let Some(chunk) = read_chunk(client, content_id, position).await? else { break };
        bytes += chunk.len() as u64;
        each(&chunk)?;
    }
    Ok(bytes)
}

/// Gives the file to `each` piece by piece, and says at the end whether it was the one that had been sent.
///
/// # Errors
/// [`StoreError::Corrupt`] if length or SHA-256 differ, as they do when the file is replaced meanwhile; those of the database
/// and of `each`.
pub async fn read_file<E: From<StoreError>>(
    client: &impl Session,
    file: &FileRow,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut hash = Sha256::new();
    let bytes = read_chunks(client, file.content_id, |chunk| {
        hash.update(chunk);
        each(chunk)
    })
    .await?;
    if i64::try_from(bytes) != Ok(file.bytes) || <[u8; 32]>::from(hash.finalize()) != file.sha256 {
        return Err(StoreError::Corrupt(format!("{}: the stored file is not the one that was sent", file.name)).into());
    }
    Ok(())
}

/// Deletes the chunks of uploads that began before `older_than` and never became a file. Returns how many.
///
/// # Errors
/// Those of the database.
pub async fn sweep_chunks(tx: &Tx, older_than: OffsetDateTime) -> Result<u64> {
    SWEEP.execute(tx, &[&first_id(older_than)]).await
}
