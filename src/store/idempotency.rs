//! A write that is requested twice happens once: the first answer is stored under the caller's key and repeated.
//!
//! Key, work and answer are one transaction. The database refuses to commit a key without an answer, so no reader ever sees one.

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    error::{Result, StoreError},
    sql::statements,
    tx::{Session, Tx},
};

/// The outcome of [`claim_key`].
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The key is new and belongs to this transaction.
    New,
    /// The request was answered before; this is the answer.
    Replay {
        /// The answer's status.
        status: u16,
        /// The answer's headers.
        headers: Value,
        /// The answer's body.
        body: Vec<u8>,
    },
    /// The key belongs to a request with other content.
    OtherRequest,
}

statements! {
    FIND = "SELECT request_digest = $3, status, headers, body FROM idempotency_keys
            WHERE subject = $1 AND key = $2";
    ADD = "INSERT INTO idempotency_keys (subject, key, request_digest, created_at) VALUES ($1, $2, $3, $4)";
    FINISH = "UPDATE idempotency_keys SET status = $3, headers = $4, body = $5
              WHERE subject = $1 AND key = $2 AND status IS NULL";
    RELEASE = "DELETE FROM idempotency_keys WHERE subject = $1 AND key = $2 AND status IS NULL";
    SWEEP = "DELETE FROM idempotency_keys WHERE created_at < $1";
}

/// Claims `key` for a request. This is the first call in the transaction that does the work; the last is [`finish_key`] or
/// [`release_key`]. If two transactions claim a key at once, the second waits for the first, is retried, and gets its answer.
/// For customers `subject` is a keyed digest, never the account reference.
///
/// # Errors
/// Those of the database.
pub async fn claim_key(
    tx: &Tx,
    subject: &str,
    key: &str,
    request_digest: &[u8; 32],
    now: OffsetDateTime,
) -> Result<Claim> {
    let digest = request_digest.as_slice();
    let Some(row) = FIND.row(tx, &[&subject, &key, &digest]).await? else {
        ADD.execute(tx, &[&subject, &key, &digest, &now]).await?;
        return Ok(Claim::New);
    };
    if !row.get::<_, bool>(0) {
        return Ok(Claim::OtherRequest);
    }
    let status: i16 = row.get(1);
    let status = u16::try_from(status).map_err(|_| StoreError::Corrupt(format!("an answer of status {status}")))?;
    Ok(Claim::Replay { status, headers: row.get(2), body: row.get(3) })
}

/// Stores the answer under the key that the same transaction has claimed.
///
/// # Errors
/// Those of the database.
pub async fn finish_key(tx: &Tx, subject: &str, key: &str, status: u16, headers: &Value, body: &[u8]) -> Result<()> {
    let status = i16::try_from(status).map_err(|_| StoreError::Corrupt(format!("an answer of status {status}")))?;
    FINISH.execute(tx, &[&subject, &key, &status, headers, &body]).await?;
    Ok(())
}

/// Releases the key that the same transaction has claimed, after an answer that must not be repeated.
///
/// # Errors
/// Those of the database.
pub async fn release_key(tx: &Tx, subject: &str, key: &str) -> Result<()> {
    RELEASE.execute(tx, &[&subject, &key]).await?;
    Ok(())
}

/// Deletes the keys claimed before `older_than`. Returns how many.
///
/// # Errors
/// Those of the database.
pub async fn sweep_keys(client: &impl Session, older_than: OffsetDateTime) -> Result<u64> {
    SWEEP.execute(client, &[&older_than]).await
}
