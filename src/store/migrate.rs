//! Migrates the database to this program's schema, and checks which schema it has.

use deadpool_postgres::{ClientWrapper, Pool};
use graphile_worker::WorkerUtils;

use super::{
    error::{Result, StoreError},
    sql::statements,
    tx::Session,
};

mod embedded {
    refinery::embed_migrations!("sql/migrations");
}

/// The schema of the queue's tables; the library's default.
const QUEUE_SCHEMA: &str = "graphile_worker";

/// Advisory lock held while migrating, so that processes that start together migrate one after the other.
const LOCK: i64 = i64::from_be_bytes(*b"migrate\0");

statements! {
    NEWEST = "SELECT max(version)::int8 FROM refinery_schema_history";
    TAKE_LOCK = "SELECT pg_advisory_lock($1)::text";
}

pub(super) async fn migrate(pool: &Pool) -> Result<Vec<String>> {
    let client = pool.get().await.map_err(|e| StoreError::no_connection(&e))?;
    // taken out of the pool, so that dropping it always closes the session and releases the lock
    let mut client: ClientWrapper = deadpool_postgres::Object::take(client);
    client.batch_execute("SET lock_timeout = 0").await.map_err(TAKE_LOCK.failed())?;
    client.query_one(TAKE_LOCK.text, &[&LOCK]).await.map_err(TAKE_LOCK.failed())?;
    let report = embedded::migrations::runner()
        .run_async(&mut *client)
        .await
        .map_err(|e| StoreError::Corrupt(format!("the database cannot be migrated: {e}")))?;
    WorkerUtils::new(pool.clone(), QUEUE_SCHEMA)
        .migrate()
        .await
        .map_err(|e| StoreError::Corrupt(format!("the queue's tables cannot be migrated: {e}")))?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

pub(super) async fn check(client: &impl Session) -> Result<()> {
    let expected = embedded::migrations::runner().get_migrations().iter().map(|m| i64::from(m.version())).max();
    let row = NEWEST.row(client, &[]).await.map_err(|e| match e {
        StoreError::Database { source, .. }
            if source.code == Some(tokio_postgres::error::SqlState::UNDEFINED_TABLE) =>
        {
            StoreError::Corrupt("the database has no tables yet; run `assay migrate`".to_owned())
        }
        other => other,
    })?;
    let found: Option<i64> = row.and_then(|r| r.get(0));
    if found == expected {
        return Ok(());
    }
    let number = |n: Option<i64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
    let remedy = if found < expected { "run `assay migrate`" } else { "run the newer program" };
    Err(StoreError::Corrupt(format!(
        "the database's schema is version {}, this program's is {}; {remedy}",
        number(found),
        number(expected)
    )))
}
