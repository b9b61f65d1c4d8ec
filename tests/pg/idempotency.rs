//! Writes that are asked for twice happen once.

use assay::store::{
    Result, Store,
    idempotency::{Claim, UNANSWERED, claim_key, finish_key, release_key, sweep_keys},
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::support::{Database, day};

async fn claim(store: &Store, digest: u8, now: OffsetDateTime) -> Result<Claim> {
    store.run_tx("test.claim", async |tx| claim_key(&tx, "publisher", "key-1", &[digest; 32], now).await).await
}

async fn finish(store: &Store, status: u16, body: &[u8]) {
    let headers = json!({ "location": "/v1/jobs/1" });
    let headers = &headers;
    let work = async |tx| finish_key(&tx, "publisher", "key-1", status, headers, body).await;
    store.run_tx("test.finish", work).await.unwrap();
}

#[tokio::test]
async fn one_of_two_that_claim_at_once_gets_the_key() {
    let database = Database::new().await;
    let claims = (0..8).map(|_| claim(&database.store, 1, day(1)));
    let claims: Vec<Claim> = futures_util::future::try_join_all(claims).await.unwrap();
    assert_eq!(claims.iter().filter(|&c| *c == Claim::New).count(), 1, "{claims:?}");
    assert_eq!(claims.iter().filter(|&c| *c == Claim::UnderWay).count(), 7, "{claims:?}");
}

#[tokio::test]
async fn the_first_answer_is_given_again() {
    let database = Database::new().await;
    let store = &database.store;
    assert_eq!(claim(store, 1, day(1)).await.unwrap(), Claim::New);
    finish(store, 202, b"first").await;
    finish(store, 500, b"second").await;
    let again = claim(store, 1, day(2)).await.unwrap();
    assert_eq!(
        again,
        Claim::Replay { status: 202, headers: json!({ "location": "/v1/jobs/1" }), body: b"first".to_vec() }
    );
    // an answer is not given back
    store.run_tx("test", async |tx| release_key(&tx, "publisher", "key-1").await).await.unwrap();
    assert_eq!(claim(store, 1, day(2)).await.unwrap(), again);
}

#[tokio::test]
async fn a6_a_key_stands_for_one_request() {
    let database = Database::new().await;
    let store = &database.store;
    assert_eq!(claim(store, 1, day(1)).await.unwrap(), Claim::New);
    assert_eq!(claim(store, 2, day(1)).await.unwrap(), Claim::OtherRequest);
    assert_eq!(claim(store, 2, day(2)).await.unwrap(), Claim::OtherRequest, "nor does it become another's with time");
    finish(store, 202, b"first").await;
    assert_eq!(claim(store, 2, day(1)).await.unwrap(), Claim::OtherRequest);
}

#[tokio::test]
async fn a_request_that_died_leaves_its_key_after_ten_minutes_or_at_once_if_it_gives_it_back() {
    let database = Database::new().await;
    let store = &database.store;
    assert_eq!(claim(store, 1, day(1)).await.unwrap(), Claim::New);
    assert_eq!(claim(store, 1, day(1) + UNANSWERED - Duration::SECOND).await.unwrap(), Claim::UnderWay);
    assert_eq!(claim(store, 1, day(1) + UNANSWERED).await.unwrap(), Claim::New);
    assert_eq!(claim(store, 1, day(1) + UNANSWERED).await.unwrap(), Claim::UnderWay);
    store.run_tx("test", async |tx| release_key(&tx, "publisher", "key-1").await).await.unwrap();
    assert_eq!(claim(store, 2, day(1) + UNANSWERED).await.unwrap(), Claim::New);
    let client = store.read().await.unwrap();
    assert_eq!(sweep_keys(&client, day(1)).await.unwrap(), 0);
    assert_eq!(sweep_keys(&client, day(2)).await.unwrap(), 1);
}
