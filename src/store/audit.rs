//! The audit trail: who did what.

use serde_json::Value;
use time::OffsetDateTime;

use super::{error::Result, sql::statements, tx::Tx};

statements! {
    ADD = "INSERT INTO audit_trail (at, subject, action, object, detail) VALUES ($1, $2, $3, $4, $5)";
}

/// Records that `subject` did `action` to `object`, in the transaction that does it. No argument may contain balances, salts,
/// tokens or account references.
///
/// # Errors
/// Those of the database.
pub async fn audit(
    tx: &Tx,
    subject: &str,
    action: &str,
    object: &str,
    detail: Option<Value>,
    now: OffsetDateTime,
) -> Result<()> {
    ADD.execute(tx, &[&now, &subject, &action, &object, &detail]).await?;
    Ok(())
}
