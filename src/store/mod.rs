//! What the service keeps in Postgres: SQL beside its type, one file for each kind of row.
//!
//! **In:** values that the caller has checked. **Out:** rows, or a [`StoreError`] that says what the caller can do about it. Rules
//! that must hold for every writer are in the database itself (`sql/migrations`); what it refuses becomes a [`Conflict`].
//!
//! **Never:** a decision about ledgers, proofs or tokens; a look at the clock; a log line or an error with stored data in it.
//!
//! Changes that belong together are one transaction, [`Store::run_tx`]. It is committed, or rolled back, or nobody knows because the
//! connection was lost during the commit ([`StoreError::CommitUnknown`]). In the last case the caller reads before it answers.

pub mod attestations;
pub mod audit;
mod connection;
mod error;
pub mod exchanges;
pub mod idempotency;
mod ids;
pub mod jobs;
mod migrate;
pub mod pages;
pub mod snapshots;
mod sql;
mod tx;

pub use connection::{Store, within};
pub use error::{Conflict, Result, StoreError};
pub use ids::new_id;
pub use sql::Sql;
pub use tx::{Session, Tx};

/// Every statement that this program sends, for a test that prepares them.
pub fn every_statement() -> impl Iterator<Item = &'static Sql> {
    [
        exchanges::STATEMENTS,
        snapshots::STATEMENTS,
        jobs::STATEMENTS,
        pages::STATEMENTS,
        attestations::STATEMENTS,
        idempotency::STATEMENTS,
        audit::STATEMENTS,
        migrate::STATEMENTS,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    /// Tasks of the queue and requests are moved between threads.
    #[test]
    fn transactions_may_run_on_any_thread() {
        fn movable<T: Send>(_: T) {}
        async fn transaction(store: &Store, name: &str) -> Result<Uuid> {
            let job = Uuid::nil();
            let work = async |tx| {
                let info = exchanges::ExchangeInfo { domain: name.to_owned(), name: name.to_owned(), lei: None };
                jobs::enqueue(&tx, name, job).await?;
                exchanges::ensure_exchange(&tx, &info, OffsetDateTime::UNIX_EPOCH).await
            };
            store.run_tx("test", work).await
        }
        let _ = |store: Store| movable(async move { transaction(&store, "x").await });
    }
}
