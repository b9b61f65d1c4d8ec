//! What each role can do, and what it is refused.

use std::process::Command;

use assay::store::{
    Store, StoreError,
    attestations::{
        attestation, count_verification, latest, newest_heartbeat, publish as insert, queue_age, verification_counts,
    },
    audit::audit,
    diagnosis::diagnose,
    home_fingerprints::{
        FingerprintKind, forget_fingerprints, lock_fingerprints, note_fingerprint, noted_fingerprints,
    },
    idempotency::{claim_key, finish_key, sweep_keys},
    jobs::{self, JobState},
    log, new_id,
    pages::{NodeRow, load_pages, load_reserves, load_tree, pages_between, sweep_ended},
    room::{delete_snapshot, stale_snapshots},
    snapshots::{add_chunk, finish_file, read_file, snapshot_files, sweep_chunks},
    units,
};
use graphile_worker::WorkerOptions;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Database, UNDER_WAY, conflict, day, id_of, job, new_attestation, plan, programs, snapshot};

async fn with_roles() -> Database {
    let database = Database::new().await;
    for _ in 0..2 {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/roles.sql");
        let psql = Command::new(programs().join("psql"))
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file", file, &database.url])
            .output()
            .unwrap();
        assert!(psql.status.success(), "{}", String::from_utf8_lossy(&psql.stderr));
    }
    database
}

#[tokio::test]
async fn each_role_can_do_its_work_and_is_refused_what_is_not_its_own() {
    let database = with_roles().await;
    let (api, worker) = (database.as_role("assay_api").await, database.as_role("assay_worker").await);
    let readonly = database.as_role("assay_readonly").await;
    a_ledger_is_taken_in_proved_and_published(&api, &worker).await;
    a_worker_of_the_queue_starts(&database).await;
    people_see_how_the_service_runs(&readonly).await;
    either_notes_its_home_once(&api, &worker).await;

    let definers =
        "pg_proc WHERE prosecdef AND prorettype = 'trigger'::regtype AND pronamespace = 'public'::regnamespace";
    assert!(database.count(definers).await >= 7);
    for role in ["assay_api", "assay_worker", "assay_readonly"] {
        let free = format!("{definers} AND has_function_privilege('{role}', oid, 'EXECUTE')");
        assert_eq!(database.count(&free).await, 0, "{role} could put a trigger's function on a table of its own");
    }
    refused(&api, "UPDATE attestations SET valid = false").await;
    refused(&api, "DELETE FROM attestations").await;
    refused(&api, "TRUNCATE attestations").await;
    refused(&api, "ALTER TABLE attestations DISABLE TRIGGER ALL").await;
    refused(&api, "INSERT INTO attestations SELECT * FROM attestations").await;
    for role in [&api, &worker, &readonly] {
        refused(role, "INSERT INTO log_entries SELECT * FROM log_entries").await;
        refused(role, "INSERT INTO log_hashes SELECT * FROM log_hashes").await;
        refused(role, "UPDATE log_size SET size = size + 1").await;
        refused(role, "SELECT append_entry('', 'notice', '')").await;
        refused(role, "DELETE FROM notices").await;
        refused(role, "DELETE FROM log_checkpoints").await;
        refused(role, "UPDATE log_checkpoints SET note = ''").await;
        refused(role, "DELETE FROM log_retirements").await;
        refused(role, "UPDATE log_retirements SET statement = ''").await;
    }
    for role in [&worker, &readonly] {
        refused(role, "INSERT INTO log_checkpoints SELECT * FROM log_checkpoints").await;
        refused(role, "INSERT INTO notices SELECT * FROM notices").await;
        refused(role, "INSERT INTO signatures SELECT * FROM signatures").await;
        refused(role, "INSERT INTO log_cosignatures SELECT * FROM log_cosignatures").await;
        refused(role, "INSERT INTO log_retirements SELECT * FROM log_retirements").await;
    }
    refused(&api, "UPDATE exchanges SET newest_epoch = NULL").await;
    refused(&api, "UPDATE exchanges SET domain = 'x'").await;
    refused(&api, "DELETE FROM home_fingerprints").await;
    refused(&api, "UPDATE home_fingerprints SET fingerprint = 'x'").await;
    refused(&api, "SELECT bytes FROM checkpoints").await;
    refused(&api, "SELECT proof FROM units").await;
    refused(&api, "SELECT proof FROM jobs").await;
    refused(&api, "SELECT statement FROM jobs").await;
    refused(&api, "UPDATE jobs SET statement = ''").await;
    refused(&api, "DELETE FROM pages").await;
    refused(&api, "INSERT INTO tree_nodes SELECT * FROM tree_nodes").await;
    refused(&api, "SELECT * FROM audit_trail").await;
    refused(&api, "DELETE FROM audit_trail").await;
    refused(&api, "SELECT * FROM graphile_worker._private_jobs").await;
    refused(&api, "SELECT graphile_worker.add_job('any')").await;
    refused(&api, "UPDATE snapshots SET manifest = ''").await;
    refused(&api, "CREATE TABLE own (x int)").await;

    refused(&worker, "UPDATE attestations SET valid = false").await;
    refused(&worker, "DELETE FROM attestations").await;
    refused(&worker, "UPDATE exchanges SET newest_epoch = NULL").await;
    refused(&worker, "UPDATE snapshots SET epoch = now()").await;
    refused(&worker, "INSERT INTO snapshot_files (snapshot_id, name) SELECT snapshot_id, name FROM snapshot_files")
        .await;
    refused(&worker, "INSERT INTO file_chunks SELECT * FROM file_chunks").await;
    refused(&worker, "INSERT INTO jobs (job_id, snapshot_id) SELECT job_id, snapshot_id FROM jobs").await;
    refused(&worker, "SELECT body FROM idempotency_keys").await;
    refused(&worker, "SELECT * FROM verifications").await;
    refused(&worker, "SELECT * FROM audit_trail").await;

    for table in ["pages", "tree_nodes", "reserve_lines", "file_chunks", "checkpoints", "idempotency_keys"] {
        refused(&readonly, &format!("SELECT * FROM {table}")).await;
    }
    refused(&worker, "DELETE FROM home_fingerprints").await;
    refused(&readonly, "SELECT manifest FROM snapshots").await;
    refused(&readonly, "SELECT * FROM snapshots").await;
    refused(&readonly, "SELECT findings FROM jobs").await;
    refused(&readonly, "SELECT nullifier FROM verifications").await;
    refused(&readonly, "INSERT INTO audit_trail (at, subject, action, object) VALUES (now(), '', '', '')").await;
    refused(&readonly, "SELECT enqueue_task('check', gen_random_uuid(), 1)").await;
}

#[tokio::test]
async fn what_a_role_may_is_said_and_a_missing_right_is_found() {
    let database = with_roles().await;
    let (api, worker) = (database.as_role("assay_api").await, database.as_role("assay_worker").await);
    let said = async |role: &Store| diagnose(&role.read().await.unwrap(), 4).await.map_err(|e| e.to_string());
    let both = [
        (&api, "assay_api", "this user may serve, and not work"),
        (&worker, "assay_worker", "this user may work, and not serve"),
    ];
    for (role, name, may) in both {
        assert_eq!(said(role).await.unwrap(), may);
        for right in ["DELETE ON snapshots", "DELETE ON snapshot_files", "INSERT ON home_fingerprints"] {
            database.run(&format!("REVOKE {right} FROM {name}")).await;
            let found = said(role).await.unwrap_err();
            assert!(found.contains("neither serve nor work"), "{right}: {found}");
            database.run(&format!("GRANT {right} TO {name}")).await;
        }
        assert_eq!(said(role).await.unwrap(), may);
    }
}

/// What the database does not let the role do, whatever the triggers would say.
async fn refused(role: &Store, sql: &str) {
    let error = role.read().await.unwrap().batch_execute(sql).await.expect_err(sql);
    assert_eq!(error.code().unwrap().code(), "42501", "{sql}: {error:?}");
}

async fn a_ledger_is_taken_in_proved_and_published(api: &Store, worker: &Store) {
    api.check().await.unwrap();
    worker.check().await.unwrap();
    let snapshot = snapshot(api, "a.example", day(0)).await.unwrap();
    for content in ["first", "second"] {
        let content_id = new_id(day(1));
        let (bytes, digest) = (i64::try_from(content.len()).unwrap(), Sha256::digest(content).into());
        add_chunk(&api.read().await.unwrap(), content_id, 0, content.as_bytes()).await.unwrap();
        let finish = async |tx| finish_file(&tx, snapshot, "balances.csv", content_id, bytes, digest, day(1)).await;
        api.run_tx("test", finish).await.unwrap();
    }
    let made = job(api, snapshot).await.unwrap();
    let headers = json!({});
    let answer = async |tx| {
        claim_key(&tx, "publisher", "key", &[1; 32], day(1)).await?;
        audit(&tx, "publisher", "job.create", &made.to_string(), None, day(1)).await?;
        finish_key(&tx, "publisher", "key", 202, &headers, b"").await
    };
    api.run_tx("test", answer).await.unwrap();

    let client = worker.read().await.unwrap();
    assert_eq!(jobs::take_job(&client, made, "w", day(1)).await.unwrap(), Some(1));
    let file = snapshot_files(&client, snapshot).await.unwrap().remove(0);
    read_file(&client, &file, |_| Ok::<_, StoreError>(())).await.unwrap();
    let begin = async |tx| jobs::advance(&tx, made, &[JobState::Queued], JobState::Planning, day(1)).await;
    assert!(worker.run_tx("test", begin).await.unwrap());
    let lines = [["BTC", "", "", "", "", "", "", "", "", ""].map(str::to_owned)];
    let load = async |tx| {
        load_pages(&tx, made, std::iter::once((0, vec![1]))).await?;
        load_tree(&tx, made, std::iter::once(NodeRow { height: 0, position: 0, digest: [0; 32] })).await?;
        load_reserves(&tx, made, &lines).await
    };
    worker.run_load("test", load).await.unwrap();
    plan(worker, made, "statement").await.unwrap();
    let fold = async |tx| jobs::advance(&tx, made, &[JobState::Planning], JobState::Folding, day(1)).await;
    assert!(worker.run_tx("test", fold).await.unwrap());
    assert!(jobs::heartbeat(&client, made, "w", day(1)).await.unwrap());
    for shard in [0, 1] {
        assert_eq!(units::take_unit(&client, made, shard, "w", day(1)).await.unwrap(), Some(1));
        units::put_checkpoint(&client, made, shard, 1, b"fold", day(1)).await.unwrap();
        units::put_checkpoint(&client, made, shard, 2, b"fold", day(1)).await.unwrap();
        assert!(units::unit_heartbeat(&client, made, shard, "w", Some(2), day(1)).await.unwrap());
        let work = async |tx| {
            units::enqueue_unit(&tx, "fold", made, shard).await?;
            units::unit_folded(&tx, made, shard, "compress", day(1)).await?;
            assert!(units::return_unit(&tx, made, shard, "fold", day(1)).await?);
            units::unit_folded(&tx, made, shard, "compress", day(1)).await?;
            units::unit_proved(&tx, made, shard, b"proof", day(1)).await
        };
        assert_eq!(worker.run_tx("test", work).await.unwrap(), shard == 1);
    }
    let new = new_attestation(made, "statement", day(2));
    let publish = async |tx| {
        units::drop_checkpoint(&tx, made, 0).await?;
        let published = insert(&tx, &new).await?;
        jobs::advance(&tx, made, &UNDER_WAY, JobState::Published, day(2)).await?;
        audit(&tx, "worker", "attestation.publish", "a", None, day(2)).await?;
        Ok(published)
    };
    worker.run_tx("test", publish).await.unwrap();
    worker.run_tx("test", async |tx| sweep_chunks(&tx, day(1)).await).await.unwrap();
    worker.run_load("test", async |tx| sweep_ended(&tx, day(1)).await).await.unwrap();
    sweep_keys(&client, day(0)).await.unwrap();

    the_log_is_signed(api, worker).await;
    let client = api.read().await.unwrap();
    assert_eq!(jobs::job(&client, made).await.unwrap().attestation_id, Some(id_of("statement")));
    assert_eq!(units::units(&client, made).await.unwrap().len(), 2);
    assert_eq!(attestation(&client, &id_of("statement")).await.unwrap().job_id, made);
    assert_eq!(pages_between(&client, made, 0, 9).await.unwrap(), [(0, vec![1])]);
    queue_age(&client).await.unwrap();
    newest_heartbeat(&client).await.unwrap();
    for included in [true, false] {
        let count = async |tx| count_verification(&tx, &id_of("statement"), &[2; 32], included).await;
        api.run_tx("test", count).await.unwrap();
    }
    assert_eq!(verification_counts(&client, &id_of("statement")).await.unwrap(), (0, 1));
    let next = self::snapshot(api, "a.example", day(3)).await.unwrap();
    let unwanted = job(api, next).await.unwrap();
    plan(worker, unwanted, "unwanted").await.unwrap();
    units::put_checkpoint(&worker.read().await.unwrap(), unwanted, 0, 1, b"fold", day(3)).await.unwrap();
    let cancel = async |tx| jobs::cancel(&tx, unwanted, day(3)).await;
    assert_eq!(api.run_tx("test", cancel).await.unwrap(), JobState::Cancelled);
    conflict(job(api, snapshot).await);
    for (role, days) in [(api, 4), (worker, 5)] {
        let unwanted = self::snapshot(api, "a.example", day(days)).await.unwrap();
        assert!(stale_snapshots(&worker.read().await.unwrap(), day(99)).await.unwrap().contains(&unwanted));
        role.run_tx("test", async |tx| delete_snapshot(&tx, unwanted).await).await.unwrap();
    }
}

async fn the_log_is_signed(api: &Store, worker: &Store) {
    let entry = log::entry_of(&worker.read().await.unwrap(), &id_of("statement")).await.unwrap();
    let session = log::try_signer(api).await.unwrap().unwrap();
    assert_eq!((entry.0, log::size(&session).await.unwrap()), (0, 1));
    assert_eq!(log::damaged_hash(&session).await.unwrap(), None);
    let root = log::hashes(&session, &[(0, 0)]).await.unwrap()[&(0, 0)];
    let row = log::CheckpointRow { size: 1, root, note: "a note".to_owned() };
    log::add_checkpoint(&session, "a.example/log", &row, day(2)).await.unwrap();
    log::add_cosignature(&session, "a.example/log", 1, "a line").await.unwrap();
    assert_eq!(log::newest_checkpoint(&session, "a.example/log").await.unwrap(), Some(row));
}

async fn a_worker_of_the_queue_starts(database: &Database) {
    let url = format!("{}?options=-c%20role%3Dassay_worker", database.url);
    let worker = WorkerOptions::default().database_url(&url).max_pg_conn(2).init().await.unwrap();
    worker.run_once().await.unwrap();
}

async fn either_notes_its_home_once(api: &Store, worker: &Store) {
    let note = async |store: &Store, kind, fingerprint: &str| {
        let work = async |tx| {
            lock_fingerprints(&tx).await?;
            note_fingerprint(&tx, kind, fingerprint, day(1)).await
        };
        store.run_load("test", work).await
    };
    note(api, FingerprintKind::MasterSecret, "a").await.unwrap();
    note(worker, FingerprintKind::StatementKey, "k").await.unwrap();
    note(api, FingerprintKind::StatementKey, "l").await.unwrap();
    // there is one secret, and it is not exchanged by those who serve and work
    for store in [api, worker] {
        assert!(note(store, FingerprintKind::MasterSecret, "b").await.is_err());
        assert!(store.run_load("test", async |tx| forget_fingerprints(&tx).await).await.is_err());
        let noted = noted_fingerprints(&store.read().await.unwrap()).await.unwrap();
        assert_eq!((noted.master_secret.as_deref(), noted.statement_keys.len()), (Some("a"), 2));
    }
}

async fn people_see_how_the_service_runs(readonly: &Store) {
    let client = readonly.read().await.unwrap();
    latest(&client, Some("a.example")).await.unwrap();
    queue_age(&client).await.unwrap();
    client
        .batch_execute(
            "SELECT state, updated_at FROM jobs; SELECT name, sealed_at FROM snapshots; SELECT * FROM audit_trail",
        )
        .await
        .unwrap();
}
