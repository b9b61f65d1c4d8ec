//! What the service stores in Postgres. Each kind of row has one file, with its types and its SQL.
//!
//! **In:** values that the caller has checked. **Out:** rows, or a [`StoreError`] that says what the caller can do about it. Rules
//! that must hold for every writer are in the database itself (`sql/migrations`); what it refuses becomes a [`Conflict`].
//!
//! **Never:** decide about ledgers, proofs or tokens; read the clock; put stored data into a log line or an error.
//!
//! Changes that belong together are one transaction, [`Store::run_tx`]. It is committed or rolled back; if the connection is lost
//! during the commit, the outcome is unknown ([`StoreError::CommitUnknown`]), and the caller reads before it answers.

pub mod attestations;
pub mod audit;
mod connection;
pub mod diagnosis;
mod error;
pub mod exchanges;
pub mod home_fingerprints;
pub mod idempotency;
mod ids;
pub mod jobs;
pub mod later;
pub mod log;
mod migrate;
pub mod pages;
pub mod restored;
pub mod retirements;
pub mod room;
pub mod snapshots;
mod sql;
mod tx;
pub mod units;

pub use connection::{QUEUE_CONNECTIONS, SIGNER_CONNECTIONS, Store, within};
pub use error::{Conflict, Result, StoreError};
pub use ids::new_id;
pub use sql::Sql;
pub use tx::{Session, Tx};

/// Every statement that this program sends, for a test that prepares them.
pub fn every_statement() -> impl Iterator<Item = &'static Sql> {
    [
        diagnosis::STATEMENTS,
        exchanges::STATEMENTS,
        home_fingerprints::STATEMENTS,
        snapshots::STATEMENTS,
        jobs::STATEMENTS,
        units::STATEMENTS,
        later::STATEMENTS,
        log::STATEMENTS,
        restored::STATEMENTS,
        retirements::STATEMENTS,
        pages::STATEMENTS,
        room::STATEMENTS,
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

    /// The runtime moves the queue's tasks and the API's requests between threads.
    #[test]
    fn transactions_may_run_on_any_thread() {
        fn movable<T: Send>(_: T) {}
        async fn transaction(store: &Store, name: &str) -> Result<Uuid> {
            let job = Uuid::nil();
            let work = async |tx| {
                jobs::enqueue(&tx, name, job).await?;
                exchanges::ensure_exchange(&tx, name, OffsetDateTime::UNIX_EPOCH).await
            };
            store.run_tx("test", work).await
        }
        let _ = |store: Store| movable(async move { transaction(&store, "x").await });
    }
}
