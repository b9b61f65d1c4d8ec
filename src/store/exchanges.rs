//! Exchanges, known by their domains.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{error::Result, ids::new_id, sql::statements, tx::Tx};

/// An exchange as its manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeInfo {
    /// Its domain, which identifies it in tokens.
    pub domain: String,
    /// Its name, for display.
    pub name: String,
    /// Legal entity identifier.
    pub lei: Option<String>,
}

statements! {
    BY_DOMAIN = "SELECT exchange_id, name, lei FROM exchanges WHERE domain = $1";
    ADD = "INSERT INTO exchanges (exchange_id, domain, name, lei, created_at) VALUES ($1, $2, $3, $4, $5)";
    RENAME = "UPDATE exchanges SET name = $2, lei = $3 WHERE exchange_id = $1";
}

/// Returns the id of the exchange with this domain, and adds the exchange if it is new. Sets its name and LEI to those given.
///
/// # Errors
/// Those of the database.
pub async fn ensure_exchange(tx: &Tx, info: &ExchangeInfo, now: OffsetDateTime) -> Result<Uuid> {
    if let Some(row) = BY_DOMAIN.row(tx, &[&info.domain]).await? {
        let id: Uuid = row.get(0);
        if (row.get::<_, &str>(1), row.get::<_, Option<&str>>(2)) != (info.name.as_str(), info.lei.as_deref()) {
            RENAME.execute(tx, &[&id, &info.name, &info.lei]).await?;
        }
        return Ok(id);
    }
    let id = new_id(now);
    ADD.execute(tx, &[&id, &info.domain, &info.name, &info.lei, &now]).await?;
    Ok(id)
}
