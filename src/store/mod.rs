//! What the service keeps in Postgres: SQL beside its type, one file per aggregate.
//!
//! In come values that others have checked, out come rows. The rules that must hold whoever writes are in the database
//! itself (sql/migrations); this module turns what the database refuses into a [`Conflict`]. It decides nothing about ledgers,
//! proofs or tokens, reads no clock, and never logs what it stores.
//!
//! Changes that belong together happen in one transaction, [`Store::run_tx`]. A transaction has one of three outcomes: it is
//! there, it is not, or nobody knows because the connection was lost while it was committed ([`StoreError::CommitUnknown`]).
//! In the last case the caller reads again before it says anything.

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
