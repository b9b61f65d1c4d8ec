//! Ledgers as they are handed over.

use assay::store::{
    Conflict, Result, StoreError, new_id,
    snapshots::{add_chunk, finish_file, read_chunk, read_file, snapshot_files, sweep_chunks},
};
use sha2::{Digest, Sha256};
use time::Duration;
use uuid::Uuid;

use crate::support::{Database, conflict, day, job, snapshot};

/// Sends a file in chunks of four bytes, at the time of a day.
async fn upload(database: &Database, snapshot: Uuid, name: &str, content: &[u8], number: i64) -> Result<Uuid> {
    let content_id = new_id(day(number));
    let client = database.store.read().await?;
    for (position, chunk) in (0..).zip(content.chunks(4)) {
        add_chunk(&client, content_id, position, chunk).await?;
    }
    finish(database, snapshot, name, content_id, content).await.map(|()| content_id)
}

async fn finish(database: &Database, snapshot: Uuid, name: &str, content_id: Uuid, content: &[u8]) -> Result<()> {
    let (bytes, digest) = (i64::try_from(content.len()).unwrap(), Sha256::digest(content).into());
    let work = async |tx| finish_file(&tx, snapshot, name, content_id, bytes, digest, day(1)).await;
    database.store.run_tx("test.finish", work).await
}

async fn read(database: &Database, snapshot: Uuid) -> Result<Vec<u8>> {
    let client = database.store.read().await?;
    let file = snapshot_files(&client, snapshot).await?.remove(0);
    let mut content = Vec::new();
    read_file(&client, &file, |chunk| {
        content.extend_from_slice(chunk);
        Ok::<_, StoreError>(())
    })
    .await?;
    Ok(content)
}

#[tokio::test]
async fn a_file_is_read_as_it_was_sent() {
    let database = Database::new().await;
    let snapshot = snapshot(&database.store, "a.example", day(0)).await.unwrap();
    let content = upload(&database, snapshot, "balances.csv", b"account,asset", 1).await.unwrap();
    assert_eq!(read(&database, snapshot).await.unwrap(), b"account,asset");
    // the answer was lost, and the caller says it again
    finish(&database, snapshot, "balances.csv", content, b"account,asset").await.unwrap();
    let empty = upload(&database, snapshot, "tiers.csv", b"", 1).await.unwrap();
    let client = database.store.read().await.unwrap();
    assert_eq!(read_chunk(&client, empty, 0).await.unwrap(), None);
    assert_eq!(snapshot_files(&client, snapshot).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_later_file_of_the_same_name_replaces_the_earlier_one_and_its_chunks() {
    let database = Database::new().await;
    let snapshot = snapshot(&database.store, "a.example", day(0)).await.unwrap();
    let first = upload(&database, snapshot, "balances.csv", b"the first one", 1).await.unwrap();
    upload(&database, snapshot, "balances.csv", b"second", 2).await.unwrap();
    assert_eq!(read(&database, snapshot).await.unwrap(), b"second");
    assert_eq!(database.count(&format!("file_chunks WHERE content_id = '{first}'")).await, 0);
    assert_eq!(database.count("file_chunks").await, 2);
}

#[tokio::test]
async fn two_packings_of_one_table_that_arrive_at_once_leave_one_file() {
    let database = Database::new().await;
    let snapshot = snapshot(&database.store, "a.example", day(0)).await.unwrap();
    let names = ["balances.csv", "balances.csv.gz", "balances.csv.zst"];
    let sent = names.map(|name| upload(&database, snapshot, name, b"account,asset", 1));
    let (listed, refused): (Vec<_>, Vec<_>) =
        futures_util::future::join_all(sent).await.into_iter().partition(Result::is_ok);
    assert_eq!((listed.len(), refused.len()), (1, 2));
    for refused in refused {
        assert_eq!(conflict(refused), Conflict::FileOfTable);
    }
    assert_eq!(database.count("snapshot_files").await, 1);
    upload(&database, snapshot, "tiers.csv.gz", b"x", 1).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_all_there_is_not_listed() {
    let database = Database::new().await;
    let snapshot = snapshot(&database.store, "a.example", day(0)).await.unwrap();
    let client = database.store.read().await.unwrap();
    let content_id = new_id(day(1));
    add_chunk(&client, content_id, 0, b"acco").await.unwrap();
    add_chunk(&client, content_id, 0, b"acco").await.unwrap();
    add_chunk(&client, content_id, 2, b",ass").await.unwrap();
    let refused = finish(&database, snapshot, "balances.csv", content_id, b"account,ass").await;
    assert_eq!(conflict(refused), Conflict::FileIncomplete);
    // as many bytes as announced, but with a hole
    let refused = finish(&database, snapshot, "balances.csv", content_id, b"acco,ass").await;
    assert_eq!(conflict(refused), Conflict::FileIncomplete);
    assert_eq!(database.count("snapshot_files").await, 0);
    let unknown = finish(&database, Uuid::nil(), "balances.csv", content_id, b"acco").await;
    assert!(matches!(unknown, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn nothing_of_a_sealed_snapshot_changes() {
    let database = Database::new().await;
    let store = &database.store;
    let snapshot = snapshot(store, "a.example", day(0)).await.unwrap();
    let content = upload(&database, snapshot, "balances.csv", b"sealed", 1).await.unwrap();
    // the content of a listed file is closed before the seal already
    let client = store.read().await.unwrap();
    assert_eq!(conflict(add_chunk(&client, content, 2, b"more").await), Conflict::Sealed);
    assert_eq!(database.refusal("UPDATE file_chunks SET bytes = 'x'").await.1, "file_chunks_kept");
    assert_eq!(database.refusal("DELETE FROM file_chunks").await.1, "file_chunks_kept");
    job(store, snapshot).await.unwrap();
    assert_eq!(conflict(upload(&database, snapshot, "balances.csv", b"other", 1).await), Conflict::Sealed);
    assert_eq!(conflict(upload(&database, snapshot, "tiers.csv", b"new", 1).await), Conflict::Sealed);
    for sql in ["DELETE FROM snapshot_files", "UPDATE snapshot_files SET sha256 = sha256"] {
        assert_eq!(database.refusal(sql).await.1, "snapshots_sealed", "{sql}");
    }
    for sql in ["UPDATE snapshots SET sealed_at = NULL", "UPDATE snapshots SET manifest = ''"] {
        assert_eq!(database.refusal(sql).await.1, "snapshots_kept", "{sql}");
    }
    assert_eq!(read(&database, snapshot).await.unwrap(), b"sealed");
}

#[tokio::test]
async fn a_seal_and_an_upload_at_once_follow_one_another() {
    let database = Database::new().await;
    for number in 0..8 {
        let snapshot = snapshot(&database.store, "a.example", day(number)).await.unwrap();
        let name = "balances.csv";
        let (uploaded, created) =
            tokio::join!(upload(&database, snapshot, name, b"in time?", 1), job(&database.store, snapshot));
        created.unwrap();
        let listed = database.count(&format!("snapshot_files WHERE snapshot_id = '{snapshot}'")).await;
        match uploaded {
            Ok(_) => assert_eq!(listed, 1),
            refused => assert_eq!((conflict(refused), listed), (Conflict::Sealed, 0)),
        }
    }
}

#[tokio::test]
async fn what_an_interrupted_upload_left_is_swept_and_nothing_else() {
    let database = Database::new().await;
    let store = &database.store;
    let snapshot = snapshot(store, "a.example", day(0)).await.unwrap();
    upload(&database, snapshot, "balances.csv", b"listed", 1).await.unwrap();
    let client = store.read().await.unwrap();
    let (old, fresh) = (new_id(day(1)), new_id(day(2)));
    add_chunk(&client, old, 0, b"left").await.unwrap();
    add_chunk(&client, fresh, 0, b"on its way").await.unwrap();
    let sweep = async |tx| sweep_chunks(&tx, day(2) - Duration::HOUR).await;
    assert_eq!(store.run_tx("test", sweep).await.unwrap(), 1);
    assert_eq!(read_chunk(&client, old, 0).await.unwrap(), None);
    assert!(read_chunk(&client, fresh, 0).await.unwrap().is_some());
    assert_eq!(read(&database, snapshot).await.unwrap(), b"listed");
    let ageless = add_chunk(&client, Uuid::new_v4(), 0, b"x").await.unwrap_err();
    assert!(ageless.to_string().contains("file_chunks_content_has_age"), "{ageless}");
}

#[tokio::test]
async fn a_damaged_file_is_noticed_when_it_is_read() {
    let database = Database::new().await;
    let snapshot = snapshot(&database.store, "a.example", day(0)).await.unwrap();
    upload(&database, snapshot, "balances.csv", b"undamaged", 1).await.unwrap();
    database.run("ALTER TABLE file_chunks DISABLE TRIGGER file_chunks_kept").await;
    for damage in
        ["UPDATE file_chunks SET bytes = 'x' WHERE position = 2", "DELETE FROM file_chunks WHERE position = 2"]
    {
        database.run(damage).await;
        assert!(matches!(read(&database, snapshot).await, Err(StoreError::Corrupt(_))), "{damage}");
    }
}

#[tokio::test]
async fn one_name_is_one_ledger_and_one_instant_one_snapshot() {
    let database = Database::new().await;
    let store = &database.store;
    snapshot(store, "a.example", day(0)).await.unwrap();
    assert_eq!(conflict(snapshot(store, "a.example", day(0)).await), Conflict::SnapshotName);
    database.run("ALTER TABLE snapshots DISABLE TRIGGER snapshots_kept; UPDATE snapshots SET name = 'renamed'").await;
    assert_eq!(conflict(snapshot(store, "a.example", day(0)).await), Conflict::SnapshotEpoch);
    snapshot(store, "b.example", day(0)).await.unwrap();
}

/// A worker joins the name to a path.
#[tokio::test]
async fn a_file_has_the_name_of_a_file_of_a_ledger() {
    let database = Database::new().await;
    let id = snapshot(&database.store, "a.example", day(0)).await.unwrap();
    for name in ["/../../x.csv", "../x.csv", "balances.csv/../../x", ".csv", "a.csv\n", "balances.toml"] {
        let insert = format!(
            "INSERT INTO snapshot_files (snapshot_id, name, content_id, bytes, sha256, created_at)
             VALUES ('{id}', E'{}', gen_random_uuid(), 0, sha256(''), now())",
            name.escape_default()
        );
        assert_eq!(database.refusal(&insert).await.1, "snapshot_files_name", "{name}");
    }
}
