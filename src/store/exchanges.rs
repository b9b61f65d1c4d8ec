//! Exchanges, known by their domains. Their names are in the statements of their attestations.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{error::Result, ids::new_id, sql::statements, tx::Tx};

statements! {
    BY_DOMAIN = "SELECT exchange_id FROM exchanges WHERE domain = $1";
    ADD = "INSERT INTO exchanges (exchange_id, domain, created_at) VALUES ($1, $2, $3)";
}

/// Returns the id of the exchange with this domain, and adds the exchange if it is new.
///
/// # Errors
/// Those of the database.
pub async fn ensure_exchange(tx: &Tx, domain: &str, now: OffsetDateTime) -> Result<Uuid> {
    if let Some(row) = BY_DOMAIN.row(tx, &[&domain]).await? {
        return Ok(row.get(0));
    }
    let id = new_id(now);
    ADD.execute(tx, &[&id, &domain, &now]).await?;
    Ok(id)
}
