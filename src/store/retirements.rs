//! Logs that have ended, each with a statement by its own key.

use time::OffsetDateTime;

use super::{error::Result, sql::statements, tx::Session};

statements! {
    OF_LOG = "SELECT statement FROM log_retirements WHERE origin = $1";
    OF_DIGEST = "SELECT statement FROM log_retirements WHERE sha256(convert_to(origin, 'UTF8')) = $1";
    ADD = "INSERT INTO log_retirements (origin, statement, retired_at) VALUES ($1, $2, $3)";
}

/// The statement that the log `origin` has ended, if it has.
///
/// # Errors
/// Those of the database.
pub async fn retirement(client: &impl Session, origin: &str) -> Result<Option<String>> {
    Ok(OF_LOG.row(client, &[&origin]).await?.map(|row| row.get(0)))
}

/// The same for the log whose name has this SHA-256.
///
/// # Errors
/// Those of the database.
pub async fn retirement_of_digest(client: &impl Session, digest: &[u8; 32]) -> Result<Option<String>> {
    Ok(OF_DIGEST.row(client, &[&digest.as_slice()]).await?.map(|row| row.get(0)))
}

/// Notes that a log has ended, once and for ever.
///
/// # Errors
/// Those of the database; among them if it has ended before.
pub async fn add_retirement(client: &impl Session, origin: &str, statement: &str, now: OffsetDateTime) -> Result<()> {
    ADD.execute(client, &[&origin, &statement, &now]).await?;
    Ok(())
}
