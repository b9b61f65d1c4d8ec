//! Writes that are asked for twice happen once.

use assay::store::{
    Result, Store, StoreError,
    idempotency::{Claim, claim_key, finish_key, release_key, sweep_keys},
};
use serde_json::json;
use time::OffsetDateTime;

use crate::support::{Database, day};

/// Claims the key and, where it is new, answers it.
async fn ask(store: &Store, digest: u8, now: OffsetDateTime, body: &[u8]) -> Result<Claim> {
    let headers = &json!({ "location": "/v1/jobs/1" });
    let work = async |tx| {
        let claim = claim_key(&tx, "publisher", "key-1", &[digest; 32], now).await?;
        if claim == Claim::New {
            finish_key(&tx, "publisher", "key-1", 202, headers, body).await?;
        }
        Ok(claim)
    };
    store.run_tx("test.ask", work).await
}

fn replay(body: &[u8]) -> Claim {
    Claim::Replay { status: 202, headers: json!({ "location": "/v1/jobs/1" }), body: body.to_vec() }
}

#[tokio::test]
async fn of_eight_that_ask_at_once_one_does_the_work_and_the_others_get_its_answer() {
    let database = Database::new().await;
    let claims = (0..8).map(|_| ask(&database.store, 1, day(1), b"answer"));
    let claims: Vec<Claim> = futures_util::future::try_join_all(claims).await.unwrap();
    assert_eq!(claims.iter().filter(|&c| *c == Claim::New).count(), 1, "{claims:?}");
    assert_eq!(claims.iter().filter(|&c| *c == replay(b"answer")).count(), 7, "{claims:?}");
}

#[tokio::test]
async fn the_first_answer_is_given_again() {
    let database = Database::new().await;
    let store = &database.store;
    assert_eq!(ask(store, 1, day(1), b"first").await.unwrap(), Claim::New);
    assert_eq!(ask(store, 1, day(2), b"second").await.unwrap(), replay(b"first"));
    // an answer that is kept is neither replaced nor given up
    let change = async |tx| {
        finish_key(&tx, "publisher", "key-1", 500, &json!({}), b"second").await?;
        release_key(&tx, "publisher", "key-1").await
    };
    store.run_tx("test", change).await.unwrap();
    assert_eq!(ask(store, 1, day(2), b"second").await.unwrap(), replay(b"first"));
}

#[tokio::test]
async fn a6_a_key_stands_for_one_request() {
    let database = Database::new().await;
    let store = &database.store;
    assert_eq!(ask(store, 1, day(1), b"first").await.unwrap(), Claim::New);
    assert_eq!(ask(store, 2, day(1), b"second").await.unwrap(), Claim::OtherRequest);
    assert_eq!(ask(store, 2, day(2), b"second").await.unwrap(), Claim::OtherRequest, "nor does it with time");
    let client = store.read().await.unwrap();
    assert_eq!(sweep_keys(&client, day(1)).await.unwrap(), 0);
    assert_eq!(sweep_keys(&client, day(2)).await.unwrap(), 1);
    assert_eq!(ask(store, 2, day(2), b"second").await.unwrap(), Claim::New);
}

#[tokio::test]
async fn a_key_is_kept_with_its_answer_or_not_at_all() {
    let database = Database::new().await;
    let store = &database.store;
    let released = async |tx| {
        claim_key(&tx, "publisher", "key-1", &[1; 32], day(1)).await?;
        release_key(&tx, "publisher", "key-1").await
    };
    store.run_tx("test", released).await.unwrap();
    assert_eq!(database.count("idempotency_keys").await, 0);
    // the database itself refuses a key without an answer
    let claim = async |tx| claim_key(&tx, "publisher", "key-1", &[1; 32], day(1)).await;
    let refused = store.run_tx("test", claim).await.unwrap_err();
    assert!(matches!(refused, StoreError::Database { .. }), "{refused}");
    assert!(refused.to_string().contains("with its answer"), "{refused}");
    assert_eq!(ask(store, 2, day(1), b"answer").await.unwrap(), Claim::New);
}
