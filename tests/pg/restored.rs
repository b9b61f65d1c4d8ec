//! Attestations that are published again in a database that was restored from an older backup.

use assay::store::{
    StoreError,
    log::{entry_of, size},
    restored::{Restoration, Restored, restore},
};
use serde_json::json;

use crate::support::{Database, day, id_of, job, plan, published, snapshot};

/// The third attestation of a database, as its bundle and the log have it.
async fn third() -> Restored {
    let database = Database::new().await;
    for number in 0..3 {
        published(&database.store, "a.example", day(number), &format!("statement {number}")).await;
    }
    let client = database.store.read().await.unwrap();
    let (position, entry) = entry_of(&client, &id_of("statement 2")).await.unwrap();
    Restored {
        id: id_of("statement 2"),
        exchange: "a.example".to_owned(),
        exchange_name: "A".to_owned(),
        snapshot: format!("a.example-{}", day(2)),
        epoch: day(2),
        shape: "solvency-8".to_owned(),
        shards: 2,
        steps: 5,
        valid: true,
        report: json!({}),
        statement: b"statement 2".to_vec(),
        proof: b"proof".to_vec(),
        jws: "{}".to_owned(),
        position,
        entry,
        now: day(9),
    }
}

/// As it was after the second one.
async fn older() -> Database {
    let database = Database::new().await;
    for number in 0..2 {
        published(&database.store, "a.example", day(number), &format!("statement {number}")).await;
    }
    database
}

async fn again(database: &Database, new: &Restored) -> Result<Restoration, StoreError> {
    database.store.run_tx("test", async |tx| restore(&tx, new).await).await
}

async fn entries(database: &Database) -> i64 {
    size(&database.store.read().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_job_with_the_same_statement_ends_with_its_attestation() {
    let (database, new) = (older().await, third().await);
    let job = job(&database.store, snapshot(&database.store, "a.example", day(2)).await.unwrap()).await.unwrap();
    plan(&database.store, job, "statement 2").await.unwrap();
    assert_eq!(again(&database, &new).await.unwrap(), Restoration::WithPages);
    let client = database.store.read().await.unwrap();
    assert_eq!(entry_of(&client, &new.id).await.unwrap(), (2, new.entry.clone()));
    assert_eq!(database.count("jobs WHERE state = 'published'").await, 3);
    assert_eq!(database.count("audit_trail WHERE action = 'attestation.restored'").await, 1);
}

#[tokio::test]
async fn another_job_of_the_snapshot_is_in_the_way_until_it_has_ended() {
    let (database, new) = (older().await, third().await);
    let job = job(&database.store, snapshot(&database.store, "a.example", day(2)).await.unwrap()).await.unwrap();
    assert_eq!(again(&database, &new).await.unwrap(), Restoration::Blocked { job });
    plan(&database.store, job, "another statement").await.unwrap();
    assert_eq!(again(&database, &new).await.unwrap(), Restoration::Blocked { job });
    assert_eq!((entries(&database).await, database.count("attestations").await), (2, 2));
    database.run("UPDATE jobs SET state = 'cancelled' WHERE state = 'queued'").await;
    assert_eq!(again(&database, &new).await.unwrap(), Restoration::WithoutPages);
    assert_eq!((entries(&database).await, database.count("snapshots").await), (3, 3));
}

#[tokio::test]
async fn without_snapshot_and_job_both_are_made() {
    let (database, new) = (older().await, third().await);
    assert_eq!(again(&database, &new).await.unwrap(), Restoration::WithoutPages);
    assert_eq!((entries(&database).await, database.count("jobs WHERE state = 'published'").await), (3, 3));
    // of an exchange that the database does not know
    let first = Restored { position: 0, ..new.clone() };
    let empty = Database::new().await;
    assert_eq!(again(&empty, &first).await.unwrap(), Restoration::WithoutPages);
    assert_eq!(empty.count("exchanges WHERE newest_epoch IS NOT NULL").await, 1);
}

#[tokio::test]
async fn what_would_be_another_entry_changes_nothing() {
    let (database, new) = (older().await, third().await);
    let mut other_entry = new.clone();
    other_entry.entry[3] ^= 1;
    let wrong = [
        (Restored { position: 3, ..new.clone() }, "otherwise than as entry 3"),
        (other_entry, "otherwise than as entry 2"),
        (Restored { snapshot: format!("a.example-{}", day(1)), ..new.clone() }, "of another instant"),
    ];
    for (wrong, reason) in wrong {
        let refused = again(&database, &wrong).await.unwrap_err();
        assert!(refused.to_string().contains(reason), "{refused}");
        let counts = ["snapshots", "jobs", "attestations", "log_entries"].map(|table| database.count(table));
        assert_eq!(futures_util::future::join_all(counts).await, [2, 2, 2, 2]);
    }
}
