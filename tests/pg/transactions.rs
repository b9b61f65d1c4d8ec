//! What a transaction's outcome is when others are in the way or the connection is lost.

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use assay::store::{Session, Store, StoreError, Tx};

use crate::{cluster::DataDir, support::Database};

async fn tally() -> Database {
    let database = Database::new().await;
    database
        .run("CREATE TABLE tally (name text PRIMARY KEY, value int); INSERT INTO tally VALUES ('a', 0), ('b', 0)")
        .await;
    database
}

async fn value(session: &impl Session, name: &str) -> i32 {
    let query = "SELECT value FROM tally WHERE name = $1";
    session.client().query_one(query, &[&name]).await.unwrap().get(0)
}

/// A statement within a transaction; errors as the store would tell them.
async fn execute(tx: &Tx, sql: &str) -> Result<(), StoreError> {
    tx.client().batch_execute(sql).await.map_err(|e| StoreError::from_postgres("test", e))
}

async fn backend(session: &impl Session) -> i32 {
    session.client().query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}

async fn terminate(store: &Store, backend: i32) {
    let client = store.read().await.unwrap();
    client.query_one("SELECT pg_terminate_backend($1, 5000)", &[&backend]).await.unwrap();
}

#[tokio::test]
async fn a_real_serialization_failure_is_tried_again() {
    let database = tally().await;
    let attempts = AtomicU32::new(0);
    let both_have_read = tokio::sync::Barrier::new(2);
    let transfer = async |from: &'static str, to: &'static str| {
        let mut first = AtomicU32::new(1);
        let first = &*first.get_mut();
        let seen = AtomicU32::new(0);
        let (seen, attempts, both_have_read) = (&seen, &attempts, &both_have_read);
        database
            .store
            .run_tx("test.skew", async |tx| {
                attempts.fetch_add(1, Ordering::Relaxed);
                let read = value(&tx, from).await;
                if seen.fetch_add(1, Ordering::Relaxed) < *first {
                    both_have_read.wait().await;
                }
                // each writes what it has read in the other's row: no order of the two gives 1 and 1
                execute(&tx, &format!("UPDATE tally SET value = {read} + 1 WHERE name = '{to}'")).await
            })
            .await
    };
    let (a, b) = tokio::join!(transfer("a", "b"), transfer("b", "a"));
    a.unwrap();
    b.unwrap();
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    let client = database.store.read().await.unwrap();
    let mut values = [value(&client, "a").await, value(&client, "b").await];
    values.sort_unstable();
    assert_eq!(values, [1, 2]);
}

#[tokio::test]
async fn after_ten_seconds_of_conflicts_the_caller_is_told_and_nothing_has_happened() {
    let database = tally().await;
    let attempts = AtomicU32::new(0);
    let always_in_the_way = async |tx: Tx| {
        attempts.fetch_add(1, Ordering::Relaxed);
        value(&tx, "a").await;
        database.run("UPDATE tally SET value = value + 1 WHERE name = 'a'").await;
        execute(&tx, "UPDATE tally SET value = 100 WHERE name = 'a'").await
    };
    let told = database.store.run_tx("test.contended", always_in_the_way).await.unwrap_err();
    assert!(matches!(told, StoreError::Unavailable(_)), "{told:?}");
    assert!(told.to_string().contains("test.contended"), "{told}");
    let attempts = attempts.load(Ordering::Relaxed);
    assert!(attempts > 20, "{attempts}");
    assert_eq!(value(&database.store.read().await.unwrap(), "a").await, attempts.cast_signed());
}

#[tokio::test]
async fn other_errors_are_not_tried_again() {
    let database = tally().await;
    let attempts = AtomicU32::new(0);
    let wrong = async |tx: Tx| {
        attempts.fetch_add(1, Ordering::Relaxed);
        execute(&tx, "UPDATE tally SET value = 1").await?;
        execute(&tx, "SELECT 1 / 0").await
    };
    let told = database.store.run_tx("test.wrong", wrong).await.unwrap_err();
    assert!(matches!(told, StoreError::Database { .. }), "{told:?}");
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
    assert_eq!(value(&database.store.read().await.unwrap(), "a").await, 0);
}

#[tokio::test]
async fn a_full_disk_is_an_outage_and_not_a_bug() {
    let database = tally().await;
    let attempts = AtomicU32::new(0);
    let full_once = async |tx: Tx| {
        execute(&tx, "UPDATE tally SET value = value + 1").await?;
        if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
            let full =
                execute(&tx, "DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$").await;
            assert!(matches!(full, Err(StoreError::Unavailable(_))), "{full:?}");
            return full;
        }
        Ok(())
    };
    database.store.run_tx("test.full", full_once).await.unwrap();
    assert_eq!(value(&database.store.read().await.unwrap(), "a").await, 1);
}

#[tokio::test]
async fn an_error_shows_nothing_that_was_stored() {
    let database = tally().await;
    let again = async |tx: Tx| execute(&tx, "INSERT INTO tally VALUES ('a', 0)").await;
    let told = database.store.run_tx("test.again", again).await.unwrap_err();
    let shown = format!("{told} {told:?} {:?}", std::error::Error::source(&told));
    assert!(shown.contains("tally_pkey") && !shown.contains("(a)"), "{shown}");
}

#[tokio::test]
async fn an_error_that_the_work_ignores_does_not_look_like_success() {
    let database = tally().await;
    let careless = async |tx: Tx| {
        execute(&tx, "UPDATE tally SET value = 1").await?;
        let _ = execute(&tx, "SELECT 1 / 0").await;
        Ok(())
    };
    let told = database.store.run_tx("test.careless", careless).await.unwrap_err();
    assert!(told.to_string().contains("25P02"), "{told}");
    assert_eq!(value(&database.store.read().await.unwrap(), "a").await, 0);
}

#[tokio::test]
async fn a_connection_lost_before_the_commit_is_made_up_for() {
    let database = tally().await;
    let attempts = AtomicU32::new(0);
    let cut_once = async |tx: Tx| {
        execute(&tx, "UPDATE tally SET value = value + 1").await?;
        if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
            terminate(&database.store, backend(&tx).await).await;
        }
        Ok(())
    };
    database.store.run_tx("test.cut", cut_once).await.unwrap();
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
    assert_eq!(value(&database.store.read().await.unwrap(), "a").await, 1);
}

#[tokio::test]
async fn a_connection_lost_during_the_commit_is_said_to_be_of_unknown_outcome() {
    let database = tally().await;
    database
        .run(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NULL; END';
             CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON tally DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION slow()",
        )
        .await;
    let attempts = AtomicU32::new(0);
    let process = Mutex::new(0);
    let slow_commit = async |tx: Tx| {
        attempts.fetch_add(1, Ordering::Relaxed);
        let pid = backend(&tx).await;
        *process.lock().unwrap() = pid;
        execute(&tx, "UPDATE tally SET value = 1 WHERE name = 'a'").await
    };
    let cut = async {
        wait_for(&database.store, "query = 'COMMIT' AND wait_event = 'PgSleep' AND datname = current_database()").await;
        let pid = *process.lock().unwrap();
        terminate(&database.store, pid).await;
    };
    let (told, ()) = tokio::join!(database.store.run_tx("test.commit", slow_commit), cut);
    assert!(matches!(told, Err(StoreError::CommitUnknown { name: "test.commit" })), "{told:?}");
    assert_eq!(attempts.load(Ordering::Relaxed), 1, "it must not be tried again unasked");
    assert_eq!(value(&database.store.read().await.unwrap(), "a").await, 0, "this time it has not happened");
}

/// Until a backend is in a certain state.
async fn wait_for(store: &Store, condition: &str) {
    let client = store.read().await.unwrap();
    let query = format!("SELECT count(*) FROM pg_stat_activity WHERE {condition}");
    for _ in 0..1000 {
        if client.query_one(&query, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no backend where {condition}");
}

/// A cluster that a test may restart or set up otherwise, with the tables of the service.
struct Own {
    cluster: assay::pg::Cluster,
    store: Store,
    _dir: DataDir,
}

async fn own() -> Own {
    let dir = DataDir::seeded();
    let cluster = dir.start();
    Store::migrate(cluster.url()).await.unwrap();
    let store = Store::connect(cluster.url(), 4).await.unwrap();
    Own { cluster, store, _dir: dir }
}

#[tokio::test]
async fn what_was_persisted_but_reported_as_failed_is_found_by_reading_again() {
    let own = own().await;
    // a commit is written and then waits for a replica that never comes
    let client = own.store.read().await.unwrap();
    client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let process = Mutex::new(0);
    let write = async |tx: Tx| {
        let pid = backend(&tx).await;
        *process.lock().unwrap() = pid;
        assay::store::exchanges::ensure_exchange(&tx, "a.example", crate::support::day(0)).await
    };
    let cut = async {
        wait_for(&own.store, "wait_event = 'SyncRep'").await;
        let pid = *process.lock().unwrap();
        client.query_one("SELECT pg_terminate_backend($1, 5000)", &[&pid]).await.unwrap();
    };
    let (told, ()) = tokio::join!(own.store.run_tx("test.persisted", write), cut);
    assert!(matches!(told, Err(StoreError::CommitUnknown { .. })), "{told:?}");
    let found: i64 = client.query_one("SELECT count(*) FROM exchanges", &[]).await.unwrap().get(0);
    assert_eq!(found, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_postgres_is_survived_by_the_pool_and_by_a_transaction() {
    let mut own = own().await;
    let store = own.store.clone();
    let held: Vec<_> = futures_util::future::try_join_all((0..4).map(|_| store.read())).await.unwrap();
    drop(held);
    let (go, wait) = tokio::sync::oneshot::channel();
    let (go, attempts) = (Mutex::new(Some(go)), AtomicU32::new(0));
    let (restarted, mut again) = tokio::sync::watch::channel(false);
    let restart = tokio::task::spawn_blocking(move || {
        let _ = wait.blocking_recv();
        own.cluster.restart().unwrap();
        restarted.send(true).unwrap();
        own
    });
    let again = tokio::sync::Mutex::new(&mut again);
    let interrupted = async |tx: Tx| {
        attempts.fetch_add(1, Ordering::Relaxed);
        let id = assay::store::exchanges::ensure_exchange(&tx, "a.example", crate::support::day(0)).await?;
        let go = go.lock().unwrap().take();
        if let Some(go) = go {
            go.send(()).unwrap();
            again.lock().await.wait_for(|&done| done).await.unwrap();
        }
        Ok(id)
    };
    store.run_tx("test.restart", interrupted).await.unwrap();
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
    for client in futures_util::future::try_join_all((0..4).map(|_| store.read())).await.unwrap() {
        let count: i64 = client.query_one("SELECT count(*) FROM exchanges", &[]).await.unwrap().get(0);
        assert_eq!(count, 1);
    }
    let own = restart.await.unwrap();
    own.cluster.stop().unwrap();
    let gone = store.run_tx("test.gone", async |tx| execute(&tx, "SELECT").await).await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "{gone:?}");
}

#[tokio::test]
async fn work_that_is_given_up_half_way_leaves_nothing_open() {
    let database = tally().await;
    let store = Store::connect(&database.url, 1).await.unwrap();
    let endless = async |tx: Tx| {
        execute(&tx, "UPDATE tally SET value = 7 WHERE name = 'a'").await?;
        std::future::pending::<()>().await;
        Ok(())
    };
    let given_up = tokio::time::timeout(Duration::from_millis(300), store.run_tx("test.endless", endless)).await;
    assert!(given_up.is_err());
    let client = store.read().await.expect("the only connection of the pool is free again");
    client.batch_execute("SET lock_timeout = '5s'; UPDATE tally SET value = value + 1 WHERE name = 'a'").await.unwrap();
    assert_eq!(value(&client, "a").await, 1);
}

#[tokio::test]
async fn a_transaction_cannot_be_used_beyond_its_end() {
    let database = tally().await;
    let kept = Mutex::new(None);
    let keeping = async |tx: Tx| {
        execute(&tx, "UPDATE tally SET value = 7").await?;
        *kept.lock().unwrap() = Some(tx.clone());
        Ok(())
    };
    let told = database.store.run_tx("test.kept", keeping).await.unwrap_err();
    assert!(matches!(told, StoreError::Corrupt(_)), "{told:?}");
    drop(kept);
    assert_eq!(value(&database.store.read().await.unwrap(), "a").await, 0);
}

#[tokio::test]
async fn without_a_database_the_sentence_says_so_and_holds_no_password() {
    let nowhere = Path::new("/nonexistent").display().to_string().replace('/', "%2F");
    let url = format!("postgres://user:secret@{nowhere}/assay");
    let told = Store::connect(&url, 1).await.err().unwrap();
    assert!(matches!(told, StoreError::Unavailable(_)));
    assert!(!format!("{told} {told:?}").contains("secret"), "{told}");
    let told = Store::connect("postgres://user:secret@host:port/assay", 1).await.err().unwrap();
    assert!(!format!("{told} {told:?}").contains("secret"), "{told}");
}
