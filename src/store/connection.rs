//! Connections to the database, and transactions with retries.

use std::time::Duration;

use deadpool_postgres::{Client, Pool};
use graphile_worker::tokio_postgres::TokioPostgresDatabase;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;

use super::{
    error::{Chance, Result, StoreError},
    migrate,
    tx::{Isolation, Tx},
};

/// How many connections the queue has, beside those of a process's pool.
pub const QUEUE_CONNECTIONS: u32 = 4;
/// Connections of the signer of the transparency log, beside the pool's: it holds one for good.
pub const SIGNER_CONNECTIONS: u32 = 1;
/// How long a transaction that conflicts with others is tried again. With a number of attempts instead, many callers at once
/// use them up before each has had its turn.
const OTHERS_FINISH_WITHIN: Duration = Duration::from_secs(10);
/// How long a lost database is waited for.
const DATABASE_RETURNS_WITHIN: Duration = Duration::from_secs(4);
/// Longest wait for a free connection of the pool, and for a new one to be made.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait between two looks at a database that is restarting, and how often to look.
const RESTART_PAUSE: Duration = Duration::from_millis(250);
const RESTART_LOOKS: u32 = 120;
/// Settings of every session. No statement waits for a lock for ever, and a process that stalls within a transaction does not
/// hold its locks for ever.
const SESSION: &str = "-c timezone=UTC -c lock_timeout=30s -c idle_in_transaction_session_timeout=120s";

/// Runs `work` for at most `patience`. Without this limit a connection that is cut silently goes unnoticed for a long time.
///
/// # Errors
/// Those of `work`; [`StoreError::Unavailable`] if it takes longer.
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
    /// A pool of at most `max_connections` to the database at `database_url` (`postgres://…`). The URL's `sslmode` controls
    /// TLS, which trusts the public roots and those of `PGSSLROOTCERT`. The first connection is made at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn connect(database_url: &str, max_connections: usize) -> Result<Self> {
        let store = Self { pool: pool(database_url, max_connections)? };
        drop(store.read().await?);
        Ok(store)
    }

    /// Waits, for half a minute at most, while the database says that it is starting or shutting down. Somebody who restarts
    /// it should not have to start this program again too. Any other error is for the next call to report.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] for an address that is none.
    pub async fn await_restart(database_url: &str) -> Result<()> {
        let pool = pool(database_url, 1)?;
        let mut restarting = false;
        for _ in 0..RESTART_LOOKS {
            let Err(deadpool_postgres::PoolError::Backend(error)) = pool.get().await else {
                return Ok(());
            };
            // between the two phases of a restart nobody listens
            if error.code() != Some(&SqlState::CANNOT_CONNECT_NOW) && !restarting {
                return Ok(());
            }
            if !restarting {
                tracing::warn!("the database is restarting; waiting for it");
            }
            restarting = true;
            tokio::time::sleep(RESTART_PAUSE).await;
        }
        Ok(())
    }

    /// A store whose database cannot be reached, for tests of the errors.
    #[cfg(test)]
    pub(crate) fn unreachable() -> Self {
        Self { pool: pool("postgres://nobody@127.0.0.1:1/nothing", 1).expect("the address is well-formed") }
    }

    /// Migrates the database to this program's schema, and the queue's tables to those of the queue's library. Returns the
    /// names of this program's migrations that were applied. Several processes may call it at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] if a migration fails, or the database has others than this program.
    pub async fn migrate(database_url: &str) -> Result<Vec<String>> {
        migrate::migrate(&pool(database_url, 2)?).await
    }

    /// Whether the database answers and has this program's schema.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`], with the remedy, if the schema has another version.
    pub async fn check(&self) -> Result<()> {
        migrate::check(&self.read().await?).await
    }

    /// A connection for statements that need no transaction.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if none becomes free or can be made within five seconds.
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

    /// Runs `work` in a serializable transaction. After a conflict with another transaction it is retried for ten
    /// seconds, after a connection lost before the commit was sent for four. So `work` must have no effect outside the database. The server ends a transaction that sends no statement for two minutes. `name` is for logs and metrics.
    ///
    /// `work` can be written as `async |tx| …` and borrow local variables.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError::Unavailable`]: nothing has changed. [`StoreError::CommitUnknown`] if the connection
    /// was lost during the commit.
    pub async fn run_tx<T, F, Fut>(&self, name: &'static str, work: F) -> Result<T>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        self.run(name, Isolation::Serializable, work).await
    }

    /// [`Store::run_tx`] for bulk loads: read committed, because a serializable transaction that lasts minutes would conflict
    /// with the heartbeats of its own job.
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
        let (began, mut attempt) = (Instant::now(), 1);
        loop {
            let error = match self.attempt(name, isolation, &work).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let (first, longest, deadline) = match error.chance() {
                Chance::None => return Err(error),
                Chance::OthersFinish => (Duration::from_millis(10), Duration::from_millis(320), OTHERS_FINISH_WITHIN),
                Chance::DatabaseReturns => {
                    (Duration::from_millis(200), Duration::from_secs(1), DATABASE_RETURNS_WITHIN)
                }
            };
            let wait = jittered((first * 2u32.pow(attempt.min(8) - 1)).min(longest));
            if began.elapsed() + wait > deadline {
                return Err(error.given_up(name, attempt));
            }
            metrics::counter!("assay_store_retries_total", "transaction" => name).increment(1);
            tracing::debug!(transaction = name, attempt, reason = %error, "the transaction is tried again");
            tokio::time::sleep(wait).await;
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

/// A random time of at most `wait`, so that transactions that collided do not collide again.
fn jittered(wait: Duration) -> Duration {
    wait * (getrandom::u32().unwrap_or(0) % 1000 + 1) / 1000
}
