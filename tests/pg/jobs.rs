//! The way of a job, and what the queue is told.

use std::time::Duration;

use assay::store::{
    Conflict, Result, StoreError,
    attestations::queue_age,
    jobs::{
        self, End, JobState, TASK_ATTEMPTS, advance, cancel, end_job, enqueue, heartbeat, statement_and_proof, take_job,
    },
    units::{
        self, UnitState, checkpoint, drop_checkpoint, enqueue_unit, put_checkpoint, put_unit_down, return_unit,
        take_unit, unit, unit_folded, unit_heartbeat, unit_proved,
    },
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Database, UNDER_WAY, conflict, day, job, plan, published, snapshot};

async fn new_job(database: &Database) -> Uuid {
    job(&database.store, snapshot(&database.store, "a.example", day(0)).await.unwrap()).await.unwrap()
}

async fn move_to(database: &Database, job: Uuid, from: &[JobState], to: JobState) -> bool {
    database.store.run_tx("test.advance", async |tx| advance(&tx, job, from, to, day(1)).await).await.unwrap()
}

async fn end(database: &Database, job: Uuid, state: JobState) -> Result<bool> {
    let findings = json!([{ "file": "balances.csv", "line": 7 }]);
    let findings = &findings;
    let work = async |tx| {
        let end = End { state, detail: Some("because"), findings: Some(findings) };
        end_job(&tx, job, &end, "w", None, day(2)).await
    };
    database.store.run_tx("test.end", work).await
}

async fn state(database: &Database, job: Uuid) -> JobState {
    jobs::job(&database.store.read().await.unwrap(), job).await.unwrap().state
}

#[tokio::test]
async fn one_job_at_a_time_is_under_way_for_a_snapshot() {
    let database = Database::new().await;
    let store = &database.store;
    let snapshot = snapshot(store, "a.example", day(0)).await.unwrap();
    let attempts = futures_util::future::join_all((0..6).map(|_| job(store, snapshot))).await;
    let (made, refused): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for refusal in refused {
        assert_eq!(conflict(refusal), Conflict::JobUnderWay);
    }
    assert_eq!(database.count("jobs").await, 1);
    assert_eq!(database.count("graphile_worker._private_jobs").await, 1, "and one task is due");
    end(&database, *made[0].as_ref().unwrap(), JobState::Failed).await.unwrap();
    job(store, snapshot).await.unwrap();
    let duplicate = "INSERT INTO jobs (job_id, snapshot_id, shape, state, created_by, created_at, updated_at)
                     SELECT gen_random_uuid(), snapshot_id, '', 'folding', '', created_at, created_at FROM jobs LIMIT 1";
    assert_eq!(database.refusal(duplicate).await.1, "jobs_one_under_way");
    assert!(matches!(job(store, Uuid::nil()).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a_published_snapshot_is_not_proved_again() {
    let database = Database::new().await;
    let (id, attestation) = published(&database.store, "a.example", day(0), "done").await;
    let row = jobs::job(&database.store.read().await.unwrap(), id).await.unwrap();
    assert_eq!((row.state, row.attestation_id), (JobState::Published, Some(attestation)));
    assert_eq!(conflict(job(&database.store, row.snapshot_id).await), Conflict::AttestationExists);
}

#[tokio::test]
async fn a_job_that_came_to_nothing_makes_room_for_a_corrected_ledger() {
    let database = Database::new().await;
    let store = &database.store;
    for (number, to) in (0..).zip([JobState::Refused, JobState::Failed, JobState::Cancelled]) {
        let first = snapshot(store, "a.example", day(number)).await.unwrap();
        let ended = job(store, first).await.unwrap();
        let over = async |id| match to {
            JobState::Cancelled => assert_eq!(cancelled(&database, id).await.unwrap(), to),
            _ => assert!(end(&database, id, to).await.unwrap()),
        };
        over(ended).await;
        if to != JobState::Cancelled {
            let row = jobs::job(&store.read().await.unwrap(), ended).await.unwrap();
            assert_eq!(row.findings, Some(json!([{ "file": "balances.csv", "line": 7 }])));
            assert_eq!(row.detail.as_deref(), Some("because"));
        }
        // with another shape, say
        over(job(store, first).await.unwrap()).await;
        let corrected = format!(
            "INSERT INTO snapshots (snapshot_id, exchange_id, name, epoch, manifest, created_by, created_at)
             SELECT gen_random_uuid(), exchange_id, 'corrected {number}', epoch, '', '', created_at
             FROM snapshots WHERE snapshot_id = '{first}'"
        );
        database.run(&corrected).await;
        assert_eq!(conflict(job(store, first).await), Conflict::SnapshotEpoch);
    }
}

#[tokio::test]
async fn a_worker_that_lost_the_job_does_not_end_it() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    let client = database.store.read().await.unwrap();
    take_job(&client, job, "other", day(1)).await.unwrap().unwrap();
    assert!(!end(&database, job, JobState::Failed).await.unwrap());
    assert_eq!(state(&database, job).await, JobState::Queued);
    take_job(&client, job, "w", day(1)).await.unwrap().unwrap();
    assert!(end(&database, job, JobState::Failed).await.unwrap());
}

#[tokio::test]
async fn a_job_moves_only_from_where_it_is_expected() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    assert!(!move_to(&database, job, &[JobState::Planning], JobState::Folding).await);
    assert!(move_to(&database, job, &[JobState::Queued, JobState::Checking], JobState::Checking).await);
    assert_eq!(state(&database, job).await, JobState::Checking);
    assert!(!move_to(&database, Uuid::nil(), &JobState::ALL, JobState::Checking).await);
}

async fn cancelled(database: &Database, job: Uuid) -> Result<JobState> {
    database.store.run_tx("test.cancel", async |tx| cancel(&tx, job, day(1)).await).await
}

#[tokio::test]
async fn a_job_that_has_ended_stays_ended() {
    let database = Database::new().await;
    let store = &database.store;
    for (number, to) in (0..).zip([JobState::Refused, JobState::Failed, JobState::Cancelled]) {
        let job = job(store, snapshot(store, "a.example", day(number)).await.unwrap()).await.unwrap();
        let client = store.read().await.unwrap();
        plan(store, job, &format!("said {number}")).await.unwrap();
        put_checkpoint(&client, job, 0, 3, b"fold", day(1)).await.unwrap();
        if to == JobState::Cancelled {
            assert_eq!(cancelled(&database, job).await.unwrap(), to);
        } else {
            assert!(end(&database, job, to).await.unwrap());
        }
        assert_eq!(checkpoint(&client, job, 0).await.unwrap(), None, "nobody goes on with it");
        assert!(!end(&database, job, JobState::Failed).await.unwrap());
        assert_eq!(cancelled(&database, job).await.unwrap(), to);
        assert!(!move_to(&database, job, &JobState::ALL, JobState::Folding).await);
        assert!(!heartbeat(&client, job, "w", day(1)).await.unwrap());
        assert_eq!(take_job(&client, job, "w", day(1)).await.unwrap(), None);
        assert_eq!(take_unit(&client, job, 0, "w", day(1)).await.unwrap(), None);
        assert!(!unit_heartbeat(&client, job, 0, "w", Some(4), day(1)).await.unwrap());
        assert_eq!(conflict(plan(store, job, "late").await), Conflict::JobEnded);
        let prove = async |tx| unit_proved(&tx, job, 0, b"late", day(1)).await;
        assert_eq!(conflict(store.run_tx("test", prove).await), Conflict::JobEnded);
        // a worker that has not heard of it
        put_checkpoint(&client, job, 0, 9, b"late", day(1)).await.unwrap();
        assert_eq!(checkpoint(&client, job, 0).await.unwrap(), None);
        assert_eq!(state(&database, job).await, to);
        let revive = format!("UPDATE jobs SET state = 'folding' WHERE job_id = '{job}'");
        assert_eq!(database.refusal(&revive).await.1, "jobs_ended");
    }
    let job = new_job_after(&database).await;
    for wrong in [JobState::Published, JobState::Folding] {
        assert!(matches!(end(&database, job, wrong).await, Err(StoreError::Corrupt(_))));
    }
    assert!(matches!(end(&database, Uuid::nil(), JobState::Failed).await, Err(StoreError::NotFound)));
    assert!(matches!(cancelled(&database, Uuid::nil()).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn the_database_and_the_program_agree_which_states_are_final() {
    let database = Database::new().await;
    let client = database.store.read().await.unwrap();
    client.batch_execute("CREATE TEMPORARY TABLE every_state (LIKE jobs INCLUDING ALL)").await.unwrap();
    for state in JobState::ALL {
        let insert = "INSERT INTO every_state (job_id, snapshot_id, shape, state, created_by, created_at, updated_at)
                      VALUES (gen_random_uuid(), gen_random_uuid(), '', $1, '', now(), now()) RETURNING has_ended";
        let has_ended: bool = client.query_one(insert, &[&state.as_str()]).await.unwrap().get(0);
        assert_eq!(has_ended, state.is_final(), "{state:?}");
    }
}

async fn new_job_after(database: &Database) -> Uuid {
    job(&database.store, snapshot(&database.store, "a.example", day(9)).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_cancelled_job_is_over_whoever_is_at_it() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    assert!(move_to(&database, job, &[JobState::Queued], JobState::Folding).await);
    let client = database.store.read().await.unwrap();
    plan(&database.store, job, "said").await.unwrap();
    assert_eq!(take_unit(&client, job, 1, "w", day(1)).await.unwrap(), Some(1));
    assert!(heartbeat(&client, job, "w", day(1)).await.unwrap());
    assert!(unit_heartbeat(&client, job, 1, "w", Some(2), day(1)).await.unwrap());
    assert_eq!(cancelled(&database, job).await.unwrap(), JobState::Cancelled);
    assert!(!heartbeat(&client, job, "w", day(1)).await.unwrap());
    assert!(!unit_heartbeat(&client, job, 1, "w", Some(3), day(1)).await.unwrap());
    assert!(!move_to(&database, job, &[JobState::Folding], JobState::Compressing).await);
    assert_eq!(jobs::job(&client, job).await.unwrap().steps_done, 2);
}

#[tokio::test]
async fn a_warning_is_not_the_reason_why_a_job_was_cancelled() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    let detail = async || jobs::job(&database.store.read().await.unwrap(), job).await.unwrap().detail;
    let warn = async |tx| jobs::warn(&tx, job, "the attestation will not be valid").await;
    database.store.run_tx("test.warn", warn).await.unwrap();
    assert_eq!(detail().await.as_deref(), Some("the attestation will not be valid"));
    assert_eq!(cancelled(&database, job).await.unwrap(), JobState::Cancelled);
    assert_eq!(detail().await, None);
}

#[tokio::test]
async fn beginnings_are_counted_until_something_comes_of_one() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    let client = database.store.read().await.unwrap();
    let take = async || take_job(&client, job, "w", day(1)).await.unwrap().unwrap();
    assert_eq!((take().await, take().await), (1, 2));
    // the first stage says each time that it has begun: that is no progress
    assert!(move_to(&database, job, &[JobState::Queued], JobState::Checking).await);
    assert_eq!(take().await, 1);
    assert!(move_to(&database, job, &[JobState::Checking], JobState::Checking).await);
    assert_eq!(take().await, 2);
    database.store.run_tx("test", async |tx| jobs::put_down(&tx, "check", job).await).await.unwrap();
    assert_eq!(take().await, 1);
    // those of each unit by themselves
    assert!(move_to(&database, job, &[JobState::Checking], JobState::Folding).await);
    plan(&database.store, job, "said").await.unwrap();
    let take = async || take_unit(&client, job, 1, "w", day(1)).await.unwrap().unwrap();
    assert_eq!((take().await, take().await), (1, 2));
    put_checkpoint(&client, job, 1, 3, b"fold", day(1)).await.unwrap();
    assert_eq!((take().await, take().await), (1, 2));
    // one that is behind what is kept is none, and another unit's is another's
    put_checkpoint(&client, job, 1, 2, b"fold", day(1)).await.unwrap();
    put_checkpoint(&client, job, 0, 3, b"fold", day(1)).await.unwrap();
    assert_eq!(take().await, 3);
    unit_heartbeat(&client, job, 1, "w", Some(4), day(1)).await.unwrap();
    assert_eq!(take().await, 4);
    database.store.run_tx("test", async |tx| put_unit_down(&tx, "fold", job, 1).await).await.unwrap();
    assert_eq!(take().await, 1);
}

#[tokio::test]
async fn a_worker_that_was_given_up_for_dead_learns_of_it() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    let client = database.store.read().await.unwrap();
    assert!(heartbeat(&client, job, "anybody", day(1)).await.unwrap(), "where workers do not say who they are");
    assert!(take_job(&client, job, "first", day(1)).await.unwrap().is_some());
    assert!(heartbeat(&client, job, "first", day(1)).await.unwrap());
    assert!(take_job(&client, job, "second", day(2)).await.unwrap().is_some());
    assert!(!heartbeat(&client, job, "first", day(3)).await.unwrap());
    assert!(heartbeat(&client, job, "second", day(3)).await.unwrap());
    let row = jobs::job(&client, job).await.unwrap();
    assert_eq!((row.steps_done, row.worker.as_deref(), row.heartbeat_at), (0, Some("second"), Some(day(3))));

    plan(&database.store, job, "said").await.unwrap();
    assert!(!unit_heartbeat(&client, job, 0, "second", None, day(3)).await.unwrap(), "it has taken no unit");
    assert!(take_unit(&client, job, 0, "first", day(3)).await.unwrap().is_some());
    assert!(take_unit(&client, job, 1, "second", day(3)).await.unwrap().is_some());
    assert!(unit_heartbeat(&client, job, 0, "first", Some(1), day(3)).await.unwrap());
    assert!(!unit_heartbeat(&client, job, 1, "first", Some(7), day(3)).await.unwrap());
    assert!(unit_heartbeat(&client, job, 1, "second", Some(2), day(4)).await.unwrap());
    assert!(take_unit(&client, job, 0, "second", day(5)).await.unwrap().is_some());
    assert!(!unit_heartbeat(&client, job, 0, "first", Some(3), day(6)).await.unwrap());
    let row = jobs::job(&client, job).await.unwrap();
    assert_eq!((row.steps_done, row.heartbeat_at), (3, Some(day(5))));
    // nor does a worker that lost its unit end the job
    let end = async |worker: &'static str, shard| {
        let failed = End { state: JobState::Failed, detail: None, findings: None };
        let failed = &failed;
        let end = async |tx| end_job(&tx, job, failed, worker, Some(shard), day(7)).await;
        database.store.run_tx("test.end", end).await.unwrap()
    };
    assert!(!end("first", 0).await && !end("second", 2).await);
    assert!(end("second", 1).await);
}

/// Every unit goes its own way; the job follows the last one.
#[tokio::test]
async fn the_last_unit_of_a_stage_moves_the_job_and_the_proofs_stand_in_order() {
    let database = Database::new().await;
    let (store, job) = (&database.store, new_job(&database).await);
    let client = store.read().await.unwrap();
    plan(store, job, "said").await.unwrap();
    assert!(move_to(&database, job, &[JobState::Queued], JobState::Folding).await);
    let states = async || {
        let units = units::units(&client, job).await.unwrap();
        (state(&database, job).await, units.iter().map(|unit| unit.state).collect::<Vec<_>>())
    };
    use UnitState::{Compressing, Folding, Proved};
    let folded = async |shard| {
        let work = async |tx| unit_folded(&tx, job, shard, "compress", day(1)).await;
        store.run_tx("test", work).await.unwrap()
    };
    let proved = async |shard, proof: &'static [u8]| {
        store.run_tx("test", async |tx| unit_proved(&tx, job, shard, proof, day(1)).await).await
    };
    put_checkpoint(&client, job, 1, 2, b"fold", day(1)).await.unwrap();
    assert_eq!(conflict(proved(1, b"early").await), Conflict::JobEnded);
    assert_eq!(folded(1).await, Some(true));
    assert_eq!(folded(1).await, None, "once");
    assert_eq!(states().await, (JobState::Folding, vec![Folding, Compressing]));
    // the proof of the second shard is there before the first one is folded
    assert!(!proved(1, b"two").await.unwrap());
    assert_eq!(states().await, (JobState::Folding, vec![Folding, Proved]));
    assert_eq!(checkpoint(&client, job, 1).await.unwrap(), None);
    assert_eq!(take_unit(&client, job, 1, "w", day(1)).await.unwrap(), None, "there is nothing left to do");
    assert_eq!(folded(0).await, Some(false));
    assert_eq!(states().await, (JobState::Compressing, vec![Compressing, Proved]));
    // the fold was not the end: back, and forth again
    let back = async || {
        let work = async |tx| return_unit(&tx, job, 0, "fold", day(1)).await;
        store.run_tx("test", work).await.unwrap()
    };
    assert!(back().await);
    assert_eq!(states().await, (JobState::Folding, vec![Folding, Proved]));
    assert_eq!(folded(0).await, Some(false));
    assert_eq!(statement_and_proof(&client, job).await.unwrap().1, None);
    assert!(proved(0, b"one").await.unwrap());
    assert_eq!(states().await, (JobState::Verifying, vec![Proved, Proved]));
    assert_eq!(statement_and_proof(&client, job).await.unwrap().1, Some(b"onetwo".to_vec()));
}

#[tokio::test]
async fn a_unit_is_not_given_back_for_ever() {
    let database = Database::new().await;
    let (store, job) = (&database.store, new_job(&database).await);
    plan(store, job, "said").await.unwrap();
    assert!(move_to(&database, job, &[JobState::Queued], JobState::Folding).await);
    let mut returned = Vec::new();
    for _ in 0..4 {
        let folded = async |tx| unit_folded(&tx, job, 0, "compress", day(1)).await;
        store.run_tx("test", folded).await.unwrap().unwrap();
        let back = async |tx| return_unit(&tx, job, 0, "fold", day(1)).await;
        returned.push(store.run_tx("test", back).await.unwrap());
    }
    assert_eq!(returned, [true, true, true, false]);
    // a worker that dies before it fails the job leaves the unit where the next one fails it
    let client = store.read().await.unwrap();
    assert_eq!(unit(&client, job, 0).await.unwrap().state, UnitState::Compressing);
    let again = async |tx| return_unit(&tx, job, 0, "fold", day(1)).await;
    assert!(!store.run_tx("test", again).await.unwrap());
}

#[tokio::test]
async fn two_units_that_end_at_once_move_the_job_once() {
    let database = Database::new().await;
    let (store, job) = (&database.store, new_job(&database).await);
    plan(store, job, "said").await.unwrap();
    assert!(move_to(&database, job, &[JobState::Queued], JobState::Folding).await);
    let fold = async |shard| {
        let work = async |tx| unit_folded(&tx, job, shard, "compress", day(1)).await;
        store.run_tx("test", work).await.unwrap().unwrap()
    };
    let (a, b) = tokio::join!(fold(0), fold(1));
    assert!(a != b, "one of them saw that it was the last");
    assert_eq!(state(&database, job).await, JobState::Compressing);
    let prove = async |shard| {
        let work = async |tx| {
            let all = unit_proved(&tx, job, shard, &[shard as u8], day(1)).await?;
            if all {
                enqueue(&tx, "verify", job).await?;
            }
            Ok(all)
        };
        store.run_tx("test", work).await.unwrap()
    };
    let (a, b) = tokio::join!(prove(0), prove(1));
    assert!(a != b, "one of them saw that it was the last");
    assert_eq!(state(&database, job).await, JobState::Verifying);
}

#[tokio::test]
async fn a_checkpoint_is_only_replaced_by_one_that_is_further() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    let client = database.store.read().await.unwrap();
    plan(&database.store, job, "said").await.unwrap();
    for (steps, bytes, kept) in [(4, "four", "four"), (2, "two", "four"), (4, "again", "again"), (5, "five", "five")] {
        put_checkpoint(&client, job, 1, steps, bytes.as_bytes(), day(1)).await.unwrap();
        assert_eq!(checkpoint(&client, job, 1).await.unwrap().unwrap().1, kept.as_bytes());
        assert_eq!(checkpoint(&client, job, 0).await.unwrap(), None);
    }
    database.store.run_tx("test", async |tx| drop_checkpoint(&tx, job, 1).await).await.unwrap();
    assert_eq!(checkpoint(&client, job, 1).await.unwrap(), None);
}

#[tokio::test]
async fn statement_and_proof_are_kept_as_they_come() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    let client = database.store.read().await.unwrap();
    assert_eq!(statement_and_proof(&client, job).await.unwrap(), (None, None));
    // planned again by a worker that did not hear of the first time: the same
    for _ in 0..2 {
        plan(&database.store, job, "said").await.unwrap();
        assert_eq!(statement_and_proof(&client, job).await.unwrap(), (Some(b"said".to_vec()), None));
        let units = units::units(&client, job).await.unwrap();
        assert_eq!(units.iter().map(|unit| (unit.shard, unit.steps)).collect::<Vec<_>>(), [(0, 3), (1, 2)]);
    }
    let row = jobs::job(&client, job).await.unwrap();
    assert_eq!((row.shape.as_str(), row.accounts, row.pages, row.steps), ("solvency-8", Some(3), Some(4), Some(5)));
    assert_eq!(row.shards, Some(2));
    assert!(matches!(statement_and_proof(&client, Uuid::nil()).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a_task_becomes_due_with_the_transaction_and_once() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    let store = &database.store;
    let enqueue_and_fail = async |tx| {
        enqueue(&tx, "plan", job).await?;
        Err::<(), _>(StoreError::NotFound)
    };
    store.run_tx("test", enqueue_and_fail).await.unwrap_err();
    for _ in 0..2 {
        store.run_tx("test", async |tx| enqueue(&tx, "fold", job).await).await.unwrap();
        for shard in [0, 1] {
            store.run_tx("test", async |tx| enqueue_unit(&tx, "compress", job, shard).await).await.unwrap();
        }
    }
    let client = store.read().await.unwrap();
    let query = "SELECT t.identifier, q.queue_name, j.payload::text, j.max_attempts::int
                 FROM graphile_worker._private_jobs j
                 JOIN graphile_worker._private_tasks t ON t.id = j.task_id
                 JOIN graphile_worker._private_job_queues q ON q.id = j.job_queue_id ORDER BY j.id";
    let due: Vec<(String, String, String, i32)> =
        client.query(query, &[]).await.unwrap().iter().map(|r| (r.get(0), r.get(1), r.get(2), r.get(3))).collect();
    let payload = format!("{{\"job_id\" : \"{job}\"}}");
    let of_job = ["check", "fold"].map(|task| (task.to_owned(), job.to_string(), payload.clone(), TASK_ATTEMPTS));
    // one queue a unit: they run side by side
    let of_units = [0, 1].map(|shard| {
        let payload = format!("{{\"job_id\" : \"{job}\", \"shard\" : {shard}}}");
        ("compress".to_owned(), format!("{job}:{shard}"), payload, TASK_ATTEMPTS)
    });
    assert_eq!(due, [&of_job[..], &of_units[..]].concat());
}

#[tokio::test]
async fn the_queue_says_how_long_it_has_waited() {
    let database = Database::new().await;
    let client = database.store.read().await.unwrap();
    assert_eq!(queue_age(&client).await.unwrap(), None);
    let job = new_job(&database).await;
    assert!(queue_age(&client).await.unwrap().unwrap().as_secs() < 10);
    database.run("UPDATE graphile_worker._private_jobs SET run_at = now() - interval '1 hour'").await;
    let hour = queue_age(&client).await.unwrap().unwrap().as_secs();
    assert!((3600..3610).contains(&hour), "{hour}");
    // a worker is at it, and the job's next task waits for it
    database
        .run(
            "UPDATE graphile_worker._private_jobs SET locked_at = now();
              UPDATE graphile_worker._private_job_queues SET locked_at = now()",
        )
        .await;
    database.store.run_tx("test", async |tx| enqueue(&tx, "plan", job).await).await.unwrap();
    assert_eq!(queue_age(&client).await.unwrap(), None);
}

#[tokio::test]
async fn heartbeats_do_not_keep_a_job_from_moving() {
    let database = Database::new().await;
    let job = new_job(&database).await;
    let beats = async {
        let client = database.store.read().await.unwrap();
        for _ in 0..100 {
            heartbeat(&client, job, "w", day(1)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let moves = async {
        for pair in UNDER_WAY.windows(2) {
            assert!(move_to(&database, job, &pair[..1], pair[1]).await);
        }
    };
    tokio::join!(beats, moves);
    assert_eq!(state(&database, job).await, JobState::Publishing);
}
