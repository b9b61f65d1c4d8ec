//! What is published stays as it is.

use assay::store::{
    Conflict, Result, StoreError,
    attestations::{
        self, Artefact, Filter, Published, artefact, attestation, count_verification, latest, list,
        newest_published_at, verification_counts,
    },
    audit::audit,
    jobs::{self, JobState},
};
use time::Duration;

use crate::support::{
    Database, UNDER_WAY, conflict, day, id_of, job, new_attestation, plan, publish, published, snapshot,
};

#[tokio::test]
async fn a1_an_attestation_cannot_be_overwritten_or_deleted() {
    let database = Database::new().await;
    let (_, id) = published(&database.store, "a.example", day(0), "first").await;
    let refused = ("23001".to_owned(), "insert_only".to_owned());
    for sql in [
        "UPDATE attestations SET valid = false",
        "UPDATE attestations SET jws = jws",
        "DELETE FROM attestations",
        "TRUNCATE attestations CASCADE",
        "INSERT INTO attestations SELECT * FROM attestations ON CONFLICT (attestation_id) DO UPDATE SET proof = ''",
    ] {
        let got = database.refusal(sql).await;
        // the last one is refused even earlier: an epoch that is there is not after the newest
        assert!(got == refused || got.1 == "attestations_forward_only", "{sql}: {got:?}");
    }
    let client = database.store.read().await.unwrap();
    assert!(attestation(&client, &id).await.unwrap().valid);
    assert_eq!(artefact(&client, &id, Artefact::Statement).await.unwrap(), b"first");
    assert_eq!(artefact(&client, &id, Artefact::Proof).await.unwrap(), b"proof");
    assert_eq!(artefact(&client, &id, Artefact::Jws).await.unwrap(), b"{\"signatures\":[]}");
    assert!(matches!(artefact(&client, &[0; 32], Artefact::Jws).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a1_there_is_one_attestation_for_an_exchange_and_epoch() {
    let database = Database::new().await;
    let store = &database.store;
    let first = snapshot(store, "a.example", day(0)).await.unwrap();
    // what a refused ledger does, so that there can be a second one for the same instant
    database.run("UPDATE snapshots SET holds_epoch = false").await;
    database.run("UPDATE snapshots SET created_by = created_by").await;
    let client = store.read().await.unwrap();
    client
        .execute(
            "INSERT INTO snapshots (snapshot_id, exchange_id, name, epoch, manifest, created_by, created_at)
             SELECT gen_random_uuid(), exchange_id, 'another', epoch, '', '', created_at FROM snapshots",
            &[],
        )
        .await
        .unwrap();
    let second =
        client.query_one("SELECT snapshot_id FROM snapshots WHERE name = 'another'", &[]).await.unwrap().get(0);
    let one = job(store, second).await.unwrap();
    assert_eq!(conflict(job(store, first).await), Conflict::SnapshotEpoch);
    database.run("DROP INDEX snapshots_one_epoch").await;
    let other = job(store, first).await.unwrap();
    plan(store, one, "one").await.unwrap();
    plan(store, other, "other").await.unwrap();
    let (a, b) = tokio::join!(publish(store, one, "one"), publish(store, other, "other"));
    let (good, bad): (Vec<_>, Vec<_>) = [a, b].into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 1));
    assert_eq!(conflict(bad.into_iter().next().unwrap()), Conflict::EpochNotAfterPublished);
    assert_eq!(database.count("attestations").await, 1);
    database.run("DROP TRIGGER attestations_admit ON attestations").await;
    let again = tokio::join!(publish(store, one, "one"), publish(store, other, "other"));
    let refused = if matches!(again.0, Ok(Published::Before)) { again.1 } else { again.0 };
    assert_eq!(conflict(refused), Conflict::AttestationExists, "the unique constraint stands without the trigger");
}

#[tokio::test]
async fn a2_history_only_goes_forward() {
    let database = Database::new().await;
    let store = &database.store;
    let late = snapshot(store, "a.example", day(2)).await.unwrap();
    let early = snapshot(store, "a.example", day(1)).await.unwrap();
    let (late, early) = (job(store, late).await.unwrap(), job(store, early).await.unwrap());
    plan(store, late, "late").await.unwrap();
    plan(store, early, "early").await.unwrap();
    assert_eq!(publish(store, late, "late").await.unwrap(), Published::Now);
    assert_eq!(conflict(publish(store, early, "early").await), Conflict::EpochNotAfterPublished);
    assert_eq!(conflict(snapshot(store, "a.example", day(0)).await), Conflict::EpochNotAfterPublished);
    // another exchange has a history of its own
    published(store, "b.example", day(0), "elsewhere").await;
    let client = store.read().await.unwrap();
    assert_eq!(jobs::job(&client, early).await.unwrap().state, JobState::Queued);
    assert_eq!(newest_published_at(&client).await.unwrap(), Some(day(100)));
}

#[tokio::test]
async fn a2_an_epoch_that_has_not_come_yet_is_not_published() {
    let database = Database::new().await;
    let store = &database.store;
    let job = job(store, snapshot(store, "a.example", day(9)).await.unwrap()).await.unwrap();
    plan(store, job, "early").await.unwrap();
    let new = new_attestation(job, "early", day(9) - Duration::SECOND);
    let refused = store.run_tx("test", async |tx| attestations::publish(&tx, &new).await).await;
    assert_eq!(conflict(refused), Conflict::EpochInFuture);
}

#[tokio::test]
async fn publishing_again_says_so_and_changes_nothing() {
    let database = Database::new().await;
    let store = &database.store;
    let job = job(store, snapshot(store, "a.example", day(0)).await.unwrap()).await.unwrap();
    plan(store, job, "same").await.unwrap();
    let (a, b, c) = tokio::join!(publish(store, job, "same"), publish(store, job, "same"), publish(store, job, "same"));
    let outcomes = [a.unwrap(), b.unwrap(), c.unwrap()];
    assert_eq!(outcomes.iter().filter(|&&o| o == Published::Now).count(), 1, "{outcomes:?}");
    assert_eq!(database.count("attestations").await, 1);
}

#[tokio::test]
async fn only_the_planned_statement_is_published_and_under_its_own_digest() {
    let database = Database::new().await;
    let store = &database.store;
    let job = job(store, snapshot(store, "a.example", day(0)).await.unwrap()).await.unwrap();
    assert_eq!(conflict(publish(store, job, "unplanned").await), Conflict::StatementDiffers);
    plan(store, job, "planned").await.unwrap();
    plan(store, job, "planned").await.unwrap();
    assert_eq!(conflict(plan(store, job, "another").await), Conflict::StatementDiffers);
    assert_eq!(conflict(publish(store, job, "another").await), Conflict::StatementDiffers);
    let mut new = new_attestation(job, "planned", day(100));
    new.id[0] ^= 1;
    let refused = store.run_tx("test", async |tx| attestations::publish(&tx, &new).await).await.unwrap_err();
    assert!(refused.to_string().contains("attestations_id_is_digest"), "{refused}");
    assert_eq!(publish(store, job, "planned").await.unwrap(), Published::Now);
}

#[tokio::test]
async fn a_job_is_published_if_and_only_if_its_attestation_is() {
    let database = Database::new().await;
    let store = &database.store;
    let job = job(store, snapshot(store, "a.example", day(0)).await.unwrap()).await.unwrap();
    plan(store, job, "half").await.unwrap();
    let new = new_attestation(job, "half", day(100));
    let without_job = store.run_tx("test", async |tx| attestations::publish(&tx, &new).await).await.unwrap_err();
    let without_attestation = store
        .run_tx("test", async |tx| jobs::advance(&tx, job, &UNDER_WAY, JobState::Published, day(1)).await)
        .await
        .unwrap_err();
    for refused in [without_job, without_attestation] {
        assert!(refused.to_string().contains("if and only if"), "{refused}");
    }
    assert_eq!(database.count("attestations").await, 0);
    assert_eq!(database.count("jobs WHERE state = 'published'").await, 0);
}

#[tokio::test]
async fn attestations_are_listed_newest_first_and_page_by_page() {
    let database = Database::new().await;
    let store = &database.store;
    for number in 0..5 {
        published(store, "a.example", day(number), &format!("a{number}")).await;
        published(store, "b.example", day(number), &format!("b{number}")).await;
    }
    let client = store.read().await.unwrap();
    let all = list(&client, &Filter { limit: 100, ..Filter::default() }).await.unwrap();
    assert_eq!(all.len(), 10);
    assert!(all.is_sorted_by(|a, b| a.epoch > b.epoch || (a.epoch == b.epoch && a.id < b.id)));
    let mut paged = Vec::new();
    let mut filter = Filter { limit: 3, ..Filter::default() };
    loop {
        let page = list(&client, &filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some((last.epoch, last.id));
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let of_a = Filter {
        exchange: Some("a.example".to_owned()),
        from: Some(day(1)),
        to: Some(day(3)),
        limit: 100,
        ..Filter::default()
    };
    let of_a = list(&client, &of_a).await.unwrap();
    assert_eq!(of_a.iter().map(|a| a.id).collect::<Vec<_>>(), ["a3", "a2", "a1"].map(id_of));
    assert_eq!(latest(&client, Some("b.example")).await.unwrap().id, id_of("b4"));
    assert_eq!(latest(&client, None).await.unwrap().epoch, day(4));
    assert!(matches!(latest(&client, Some("c.example")).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a_customer_counts_once_with_the_last_word() {
    let database = Database::new().await;
    let store = &database.store;
    let (_, id) = published(store, "a.example", day(0), "counted").await;
    for (customer, included) in [(1, true), (2, false), (1, true), (2, true), (3, false)] {
        let count = async |tx| count_verification(&tx, &id, &[customer; 32], included).await;
        store.run_tx("test", count).await.unwrap();
    }
    assert_eq!(verification_counts(&store.read().await.unwrap(), &id).await.unwrap(), (2, 1));
    let unknown = store.run_tx("test", async |tx| count_verification(&tx, &[9; 32], &[1; 32], true).await).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn the_audit_trail_is_written_once() {
    let database = Database::new().await;
    let note = async |tx| audit(&tx, "operator", "job.cancel", "job 1", None, day(1)).await;
    database.store.run_tx("test", note).await.unwrap();
    for sql in ["UPDATE audit_trail SET subject = 'nobody'", "DELETE FROM audit_trail", "TRUNCATE audit_trail"] {
        assert_eq!(database.refusal(sql).await.1, "insert_only", "{sql}");
    }
    assert_eq!(database.count("audit_trail WHERE subject = 'operator'").await, 1);
}
