//! The transparency log: entries that the database appended, the hashes of their tree, and the checkpoints that were signed.

use std::collections::BTreeMap;

use deadpool_postgres::Client;
use time::OffsetDateTime;

use super::{
    connection::Store,
    error::{Result, StoreError},
    ids::digest,
    sql::statements,
    tx::Session,
};

/// Advisory lock of the one process that signs.
const SIGNER: i64 = i64::from_be_bytes(*b"logsign\0");

/// A complete subtree by height and position.
pub type Place = (i16, i64);

/// A checkpoint that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Entries of the log.
    pub size: i64,
    /// Root of the tree over them.
    pub root: [u8; 32],
    /// The checkpoint with the log's own signature.
    pub note: String,
}

statements! {
    SIZE = "SELECT size FROM log_size";
    NEWEST = "SELECT size, root, note FROM log_checkpoints WHERE origin = $1 ORDER BY size DESC LIMIT 1";
    NEWEST_OF_OTHERS = "SELECT DISTINCT ON (origin) origin, note FROM log_checkpoints WHERE origin <> $1 ORDER BY origin, size DESC";
    ADD_CHECKPOINT = "INSERT INTO log_checkpoints (origin, size, root, note, signed_at) VALUES ($1, $2, $3, $4, $5)
                      ON CONFLICT (origin, size) DO NOTHING";
    COSIGNATURES = "SELECT line FROM log_cosignatures WHERE origin = $1 AND size = $2 ORDER BY line";
    ADD_COSIGNATURE = "INSERT INTO log_cosignatures (origin, size, line) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    HASHES = "SELECT height, position, digest FROM log_hashes
              JOIN unnest($1::int2[], $2::int8[]) AS wanted (height, position) USING (height, position)";
    HASHES_BETWEEN = "SELECT digest FROM log_hashes WHERE height = $1 AND position >= $2 AND position < $3 ORDER BY position";
    ENTRIES_BETWEEN = "SELECT entry FROM log_entries WHERE position >= $1 AND position < $2 ORDER BY position";
    ENTRY_OF = "SELECT position, entry FROM log_entries WHERE attestation_id = $1 AND kind = 'attestation'";
    DAMAGED = "SELECT height, position FROM log_hashes h
               WHERE digest IS DISTINCT FROM CASE height
                   WHEN 0 THEN (SELECT sha256('\\x00'::bytea || entry) FROM log_entries e WHERE e.position = h.position)
                   ELSE (SELECT sha256('\\x01'::bytea || l.digest || r.digest) FROM log_hashes l JOIN log_hashes r USING (height)
                         WHERE l.height = h.height - 1 AND l.position = 2 * h.position AND r.position = 2 * h.position + 1)
               END
               UNION ALL
               SELECT 0::int2, count(*) FROM log_hashes WHERE height = 0 HAVING count(*) <> (SELECT size FROM log_size)
               LIMIT 1";
    DAMAGED_BETWEEN = "SELECT h.height, h.position FROM generate_series(0, 62) AS level
               JOIN log_hashes h ON h.height = level AND h.position >= $1::int8 >> level AND h.position < $2::int8 >> level
               WHERE digest IS DISTINCT FROM CASE level
                   WHEN 0 THEN (SELECT sha256('\\x00'::bytea || entry) FROM log_entries e WHERE e.position = h.position)
                   ELSE (SELECT sha256('\\x01'::bytea || l.digest || r.digest) FROM log_hashes l JOIN log_hashes r USING (height)
                         WHERE l.height = h.height - 1 AND l.position = 2 * h.position AND r.position = 2 * h.position + 1)
               END
               LIMIT 1";
    TRY_LOCK = "SELECT pg_try_advisory_lock($1)";
}

/// A connection that holds the right to sign. Dropping it closes the session, which gives the right back.
pub struct SignerSession(Option<Client>);

impl Session for SignerSession {
    fn client(&self) -> &Client {
        self.0.as_ref().expect("only a drop takes it out")
    }
}

impl Drop for SignerSession {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(deadpool_postgres::Object::take(client));
        }
    }
}

/// The right to sign; `None` while another process has it.
///
/// # Errors
/// Those of the database.
pub async fn try_signer(store: &Store) -> Result<Option<SignerSession>> {
    // held from here on, so that a session that took the lock never goes back to the pool
    let session = SignerSession(Some(store.read().await?));
    let row = TRY_LOCK.row(&session, &[&SIGNER]).await?.ok_or(StoreError::NotFound)?;
    Ok(row.get::<_, bool>(0).then_some(session))
}

/// Number of entries.
///
/// # Errors
/// Those of the database.
pub async fn size(client: &impl Session) -> Result<i64> {
    Ok(SIZE.row(client, &[]).await?.ok_or(StoreError::NotFound)?.get(0))
}

/// The largest signed checkpoint of the log `origin`.
///
/// # Errors
/// Those of the database.
pub async fn newest_checkpoint(client: &impl Session, origin: &str) -> Result<Option<CheckpointRow>> {
    let row = NEWEST.row(client, &[&origin]).await?;
    row.map(|row| Ok(CheckpointRow { size: row.get(0), root: digest(row.get(1))?, note: row.get(2) })).transpose()
}

/// Name and largest signed checkpoint of each log other than `origin`.
///
/// # Errors
/// Those of the database.
pub async fn newest_of_others(client: &impl Session, origin: &str) -> Result<Vec<(String, String)>> {
    Ok(NEWEST_OF_OTHERS.rows(client, &[&origin]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Adds a signed checkpoint; one of the same size stays as it is.
///
/// # Errors
/// Those of the database.
pub async fn add_checkpoint(
    client: &impl Session,
    origin: &str,
    checkpoint: &CheckpointRow,
    now: OffsetDateTime,
) -> Result<()> {
    let CheckpointRow { size, root, note } = checkpoint;
    ADD_CHECKPOINT.execute(client, &[&origin, size, &root.as_slice(), note, &now]).await?;
    Ok(())
}

/// The signature lines of witnesses for a checkpoint.
///
/// # Errors
/// Those of the database.
pub async fn cosignatures(client: &impl Session, origin: &str, size: i64) -> Result<Vec<String>> {
    Ok(COSIGNATURES.rows(client, &[&origin, &size]).await?.iter().map(|row| row.get(0)).collect())
}

/// Adds a signature line of a witness.
///
/// # Errors
/// Those of the database.
pub async fn add_cosignature(client: &impl Session, origin: &str, size: i64, line: &str) -> Result<()> {
    ADD_COSIGNATURE.execute(client, &[&origin, &size, &line]).await?;
    Ok(())
}

/// The hashes of these subtrees.
///
/// # Errors
/// [`StoreError::Corrupt`] if one of them is not there.
pub async fn hashes(client: &impl Session, places: &[Place]) -> Result<BTreeMap<Place, [u8; 32]>> {
    let (heights, positions): (Vec<i16>, Vec<i64>) = places.iter().copied().unzip();
    let mut found = BTreeMap::new();
    for row in HASHES.rows(client, &[&heights, &positions]).await? {
        found.insert((row.get(0), row.get(1)), digest(row.get(2))?);
    }
    match places.iter().find(|place| !found.contains_key(place)) {
        Some((height, position)) => {
            Err(StoreError::Corrupt(format!("the log's hash {position} of height {height} is missing")))
        }
        None => Ok(found),
    }
}

/// The hashes of one height from position `first` to before `behind`.
///
/// # Errors
/// Those of the database.
pub async fn hashes_between(client: &impl Session, height: i16, first: i64, behind: i64) -> Result<Vec<[u8; 32]>> {
    let rows = HASHES_BETWEEN.rows(client, &[&height, &first, &behind]).await?;
    rows.iter().map(|row| digest(row.get(0))).collect()
}

/// The entries from position `first` to before `behind`.
///
/// # Errors
/// Those of the database.
pub async fn entries_between(client: &impl Session, first: i64, behind: i64) -> Result<Vec<Vec<u8>>> {
    Ok(ENTRIES_BETWEEN.rows(client, &[&first, &behind]).await?.iter().map(|row| row.get(0)).collect())
}

/// Position and bytes of the entry of an attestation's publication.
///
/// # Errors
/// [`StoreError::NotFound`] without the attestation.
pub async fn entry_of(client: &impl Session, id: &[u8; 32]) -> Result<(i64, Vec<u8>)> {
    let row = ENTRY_OF.row(client, &[&id.as_slice()]).await?.ok_or(StoreError::NotFound)?;
    Ok((row.get(0), row.get(1)))
}

/// The first subtree whose hash is not that of what is below it, or the number of leaves if it is not that of the entries.
///
/// # Errors
/// Those of the database.
pub async fn damaged_hash(client: &impl Session) -> Result<Option<Place>> {
    Ok(DAMAGED.row(client, &[]).await?.map(|row| (row.get::<_, i16>(0), row.get(1))))
}

/// The same of the subtrees that were completed after the first `old` entries, up to `new` entries.
///
/// # Errors
/// Those of the database.
pub async fn damaged_between(client: &impl Session, old: u64, new: u64) -> Result<Option<Place>> {
    let [old, new] = [old, new].map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    Ok(DAMAGED_BETWEEN.row(client, &[&old, &new]).await?.map(|row| (row.get::<_, i16>(0), row.get(1))))
}
