//! Writes that are asked for twice happen once: the first answer is kept under the caller's key and given again.
//!
//! Key, work and answer are one transaction. The database refuses to commit a key without an answer, so nobody ever reads one.

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    error::{Result, StoreError},
    sql::statements,
    tx::{Session, Tx},
};

/// What a key says about a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// Nobody has asked; the key is this transaction's.
    New,
    /// It was answered so.
    Replay {
        /// The answer's status.
        status: u16,
        /// The answer's headers.
        headers: Value,
        /// The answer's body.
        body: Vec<u8>,
    },
    /// The key stands for a request with another content.
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

/// Claims `key` for a request, first in the transaction that does the work: of two that claim at once the second waits for the
/// first, is tried again, and gets its answer. The transaction ends with [`finish_key`] or [`release_key`]. For customers
/// `subject` is a keyed digest, never the account reference.
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

/// Keeps the answer under the key that the same transaction has claimed.
///
/// # Errors
/// Those of the database.
pub async fn finish_key(tx: &Tx, subject: &str, key: &str, status: u16, headers: &Value, body: &[u8]) -> Result<()> {
    let status = i16::try_from(status).map_err(|_| StoreError::Corrupt(format!("an answer of status {status}")))?;
    FINISH.execute(tx, &[&subject, &key, &status, headers, &body]).await?;
    Ok(())
}

/// Gives up the key that the same transaction has claimed, after an answer that is not to be repeated.
///
/// # Errors
/// Those of the database.
pub async fn release_key(tx: &Tx, subject: &str, key: &str) -> Result<()> {
    RELEASE.execute(tx, &[&subject, &key]).await?;
    Ok(())
}

/// Forgets the keys claimed before `older_than`. Returns how many.
///
/// # Errors
/// Those of the database.
pub async fn sweep_keys(client: &impl Session, older_than: OffsetDateTime) -> Result<u64> {
    SWEEP.execute(client, &[&older_than]).await
}
