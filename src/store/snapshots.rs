//! Uploaded ledgers: the snapshot, its files, and the files' contents in chunks.
//!
//! An upload writes its chunks under a content id of its own, outside any transaction, and lists the file once all are stored.
//! An interrupted upload leaves chunks that no file lists; they are swept. The database refuses to change a sealed snapshot's
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

/// Length of a chunk in bytes; a file's last chunk may be shorter.
pub const CHUNK_BYTES: usize = 1 << 20;

/// A snapshot to create.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    /// From [`super::exchanges::ensure_exchange`].
    pub exchange: Uuid,
    /// The snapshot's own id, as in the manifest.
    pub name: String,
    /// Its instant: `taken_at` of the manifest.
    pub epoch: OffsetDateTime,
    /// Content of its `manifest.toml`.
    pub manifest: String,
    /// The subject of the request.
    pub created_by: String,
    /// The current time.
    pub now: OffsetDateTime,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Its id in the API.
    pub id: Uuid,
    /// Id of its exchange.
    pub exchange: Uuid,
    /// Domain of its exchange.
    pub exchange_domain: String,
    /// Its own id, as in the manifest.
    pub name: String,
    /// Its instant: `taken_at` of the manifest.
    pub epoch: OffsetDateTime,
    /// Content of its `manifest.toml`.
    pub manifest: String,
    /// When it was sealed; its files cannot change afterwards.
    pub sealed_at: Option<OffsetDateTime>,
    /// When it was created.
    pub created_at: OffsetDateTime,
}

/// A complete file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its name, for example `balances.csv.zst`.
    pub name: String,
    /// The content id of its chunks.
    pub content_id: Uuid,
    /// Its length in bytes, as it was sent.
    pub bytes: i64,
    /// Its SHA-256, as it was sent.
    pub sha256: [u8; 32],
    /// When it was completed.
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

/// Creates a snapshot without files and returns its id.
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

/// The complete files of the snapshot `id`, by name. Also empty if there is no such snapshot.
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

/// Stores one chunk of an upload, at `position` 0, 1, … Each upload has its own `content_id`, from [`new_id`]. If it is unknown
/// whether a chunk has arrived, it can be sent again.
///
/// # Errors
/// [`Conflict::Sealed`] if a file lists the content already.
pub async fn add_chunk(client: &impl Session, content_id: Uuid, position: i32, bytes: &[u8]) -> Result<()> {
    ADD_CHUNK.execute(client, &[&content_id, &position, &bytes]).await?;
    Ok(())
}

/// Deletes the chunks of an abandoned upload.
///
/// # Errors
/// [`Conflict::Sealed`] if a file lists the content; those of the database.
pub async fn drop_chunks(client: &impl Session, content_id: Uuid) -> Result<()> {
    DROP_CHUNKS.execute(client, &[&content_id]).await?;
    Ok(())
}

/// Lists a file whose chunks are all stored. It replaces an earlier file of the same name, whose chunks are deleted. A second
/// call with the same `content_id` changes nothing.
///
/// # Errors
/// [`Conflict::FileIncomplete`] unless the chunks from 0 on have no gap and `bytes` bytes in all; [`Conflict::Sealed`];
/// [`Conflict::FileOfTable`] if the snapshot has the table as a file of another name; [`StoreError::NotFound`] without the
/// snapshot.
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

/// Passes the chunks to `each` in order and returns their total length in bytes. Unlike [`read_file`], checks nothing.
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

/// Passes the file to `each` chunk by chunk, and checks its length and SHA-256 at the end.
///
/// # Errors
/// [`StoreError::Corrupt`] if length or SHA-256 differs, as it does when the file is replaced meanwhile; those of the database
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
