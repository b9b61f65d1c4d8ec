//! An open transaction. A closure receives it by value, so the closure's future can move between threads.

use std::sync::Arc;

use deadpool_postgres::Client;

use super::error::{Result, StoreError};

/// Where statements can be sent: a connection, or a transaction on one.
pub trait Session: Sync {
    /// The connection.
    fn client(&self) -> &Client;
}

impl Session for Client {
    fn client(&self) -> &Client {
        self
    }
}

/// What a transaction sees of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Nothing: each other transaction seems to run entirely before or after it.
    Serializable,
    /// Each statement sees what others have committed before it.
    ReadCommitted,
}

/// A transaction, from [`super::Store::run_tx`]. Clones are the same transaction; none may outlive the work.
#[derive(Clone)]
pub struct Tx(Arc<Open>);

/// A connection within a transaction. If it is dropped while open, the connection is closed and the server rolls back.
struct Open(Option<Client>);

impl Session for Tx {
    fn client(&self) -> &Client {
        self.0.0.as_ref().expect("only a drop takes it out")
    }
}

impl Tx {
    pub(super) async fn begin(client: Client, name: &'static str, isolation: Isolation) -> Result<Self> {
        let tx = Self(Arc::new(Open(Some(client))));
        let begin = match isolation {
            Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
            Isolation::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        tx.client().batch_execute(begin).await.map_err(|e| StoreError::from_postgres(name, e))?;
        Ok(tx)
    }

    pub(super) async fn commit(mut self, name: &'static str) -> Result<()> {
        if Arc::get_mut(&mut self.0).is_none() {
            return Err(StoreError::Corrupt(format!("{name}: a clone of the transaction was kept")));
        }
        // After a failed statement, Postgres rolls back on COMMIT but reports success. If the work ignored the error, it would
        // believe that its changes were committed. Any statement before COMMIT reports the failure.
        self.client().batch_execute("SELECT").await.map_err(|e| StoreError::from_postgres(name, e))?;
        let committed = self.client().batch_execute("COMMIT").await.map_err(|e| StoreError::from_commit(name, e));
        if !matches!(committed, Err(StoreError::CommitUnknown { .. })) {
            self.close();
        }
        committed
    }

    pub(super) async fn roll_back(self) {
        if self.client().batch_execute("ROLLBACK").await.is_ok() {
            self.close();
        }
    }

    /// Returns the connection to the pool, after the transaction has ended.
    fn close(self) {
        if let Some(mut open) = Arc::into_inner(self.0) {
            drop(open.0.take());
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(deadpool_postgres::Object::take(client));
        }
    }
}
