//! Connections to the database, and what is done in one transaction.

use std::time::Duration;

use deadpool_postgres::{Client, Pool};
use graphile_worker::tokio_postgres::TokioPostgresDatabase;

use super::{
    error::{Chance, Result, StoreError},
    migrate,
    tx::{Isolation, Tx},
};

/// How often a transaction is tried before the caller is told.
const ATTEMPTS: u32 = 5;
/// Longest wait for a free connection of the pool, and for a new one to stand.
const PATIENCE: Duration = Duration::from_secs(5);
/// What every session is set to: nobody waits for a lock for ever, and a process that stopped within a transaction does not
/// hold its locks for ever.
const SESSION: &str = "-c timezone=UTC -c lock_timeout=30s -c idle_in_transaction_session_timeout=120s";

/// What `work` says, or that the database has not answered within `patience`: a connection that is cut silently is noticed by
/// nobody else for a long time.
///
/// # Errors
/// Those of `work`; [`StoreError::Unavailable`].
pub async fn within<T>(patience: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Err(StoreError::Unavailable(format!("no answer within {} seconds", patience.as_secs())));
    tokio::time::timeout(patience, work).await.unwrap_or_else(late)
}

/// A pool of connections; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
}

impl Store {
    /// A pool of at most `max_connections` to the database at `database_url` (`postgres://…`). TLS as the URL's `sslmode`
    /// says, with the public roots and those of `PGSSLROOTCERT`. One connection is made at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn connect(database_url: &str, max_connections: usize) -> Result<Self> {
        let store = Self { pool: pool(database_url, max_connections)? };
        drop(store.read().await?);
        Ok(store)
    }

    /// A store whose database is away, for tests of what is said then.
    #[cfg(test)]
    pub(crate) fn unreachable() -> Self {
        Self { pool: pool("postgres://nobody@127.0.0.1:1/nothing", 1).expect("the address is well-formed") }
    }

    /// Brings the database up to this program's schema, and the queue's schema to the queue's; gives the names of the
    /// migrations that were applied. Several processes may do so at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] if the database has other migrations than this program.
    pub async fn migrate(database_url: &str) -> Result<Vec<String>> {
        migrate::migrate(&pool(database_url, 2)?).await
    }

    /// Whether the database answers and has this program's schema.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] with what to do if the schema is another.
    pub async fn check(&self) -> Result<()> {
        migrate::check(&self.read().await?).await
    }

    /// A connection for single reads and for statements that stand alone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if none is free or comes up within five seconds.
    pub async fn read(&self) -> Result<Client> {
        match tokio::time::timeout(PATIENCE, self.pool.get()).await {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(e)) => Err(StoreError::no_connection(&e)),
            Err(_) => Err(StoreError::Unavailable(format!(
                "no connection to the database within {} seconds",
                PATIENCE.as_secs()
            ))),
        }
    }

    /// Does `work` in a serializable transaction: as if nobody else were there. It is tried up to five times where others
    /// were in the way, or where the connection was lost before the commit was sent; so `work` must have no effect outside of
    /// the database. It is cut off where two minutes pass without a statement. `name` is for logs and metrics.
    ///
    /// `work` may be written as `async |tx| …` and borrow what stands around it.
    ///
    /// # Errors
    /// What `work` says, after which nothing has happened; [`StoreError::Unavailable`] likewise;
    /// [`StoreError::CommitUnknown`] if the connection was lost while committing.
    pub async fn run_tx<T, F, Fut>(&self, name: &'static str, work: F) -> Result<T>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        self.run(name, Isolation::Serializable, work).await
    }

    /// [`Store::run_tx`] for bulk loads: read committed, because a serializable transaction of minutes would be undone by
    /// every heartbeat of its own job.
    ///
    /// # Errors
    /// As [`Store::run_tx`].
    pub async fn run_load<T, F, Fut>(&self, name: &'static str, work: F) -> Result<T>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        self.run(name, Isolation::ReadCommitted, work).await
    }

    async fn run<T, F, Fut>(&self, name: &'static str, isolation: Isolation, work: F) -> Result<T>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(name, isolation, &work).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let first_wait = match error.chance() {
                Chance::None => return Err(error),
                Chance::OthersFinish => Duration::from_millis(5),
                Chance::DatabaseReturns => Duration::from_millis(200),
            };
            if attempt == ATTEMPTS {
                return Err(error.given_up(name, ATTEMPTS));
            }
            metrics::counter!("assay_store_retries_total", "transaction" => name).increment(1);
            tracing::debug!(transaction = name, attempt, reason = %error, "the transaction is tried again");
            tokio::time::sleep(jittered(first_wait * 2u32.pow(attempt - 1))).await;
            attempt += 1;
        }
    }

    async fn attempt<T, F, Fut>(&self, name: &'static str, isolation: Isolation, work: &F) -> Result<T>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let tx = Tx::begin(self.read().await?, name, isolation).await?;
        match work(tx.clone()).await {
            Ok(done) => tx.commit(name).await.map(|()| done),
            Err(error) => {
                tx.roll_back().await;
                Err(error)
            }
        }
    }
}

fn pool(database_url: &str, max_connections: usize) -> Result<Pool> {
    let mut config: tokio_postgres::Config =
        database_url.parse().map_err(|e| StoreError::Unavailable(format!("the database's address: {e}")))?;
    let options = config.get_options().map_or_else(|| SESSION.to_owned(), |own| format!("{SESSION} {own}"));
    config.options(options);
    if config.get_application_name().is_none() {
        config.application_name("assay");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    let database = TokioPostgresDatabase::from_config(config, max_connections)
        .map_err(|e| StoreError::Unavailable(format!("the database's connections cannot be set up: {e}")))?;
    Ok(database.pool().clone())
}

/// Between half of `wait` and all of it, so that two that ran into each other do not do so again.
fn jittered(wait: Duration) -> Duration {
    let half = wait / 2;
    half + half * (getrandom::u32().unwrap_or(0) % 1000) / 1000
}
