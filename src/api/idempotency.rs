//! Idempotent writes. A request with an `Idempotency-Key` takes effect once. If it is repeated, the caller gets the first answer
//! again, even if the connection, the process or the database failed in between.
//!
//! The answer is stored in the transaction that does the work. Only successful answers are stored: a refused request changes
//! nothing, and its key may be used again.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, rt};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    problem::{Kind, Problem},
    state::ApiState,
};
use crate::store::{
    self, StoreError, Tx,
    idempotency::{Claim, claim_key, finish_key, release_key},
};

/// Header with the idempotency key.
const KEY: &str = "idempotency-key";
/// Maximum number of attempts if the outcome of a commit is unknown.
const TRIES: u32 = 3;
/// Header that marks a repeated answer.
const REPLAYED: &str = "idempotent-replayed";

/// Answer of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    /// An answer with a JSON body.
    ///
    /// # Errors
    /// An internal error if `value` cannot be written as JSON.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(Problem::internal)?;
        Ok(Self { status, location: None, body })
    }

    /// An answer without a body.
    pub fn done() -> Self {
        Self { status: StatusCode::NO_CONTENT, location: None, body: Vec::new() }
    }

    /// Adds the `Location` header.
    #[must_use]
    pub fn at(self, location: String) -> Self {
        Self { location: Some(location), ..self }
    }

    fn response(self, replayed: bool) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        if replayed {
            response.insert_header((REPLAYED, "true"));
        }
        if self.body.is_empty() {
            return response.finish();
        }
        response.content_type("application/json").body(self.body)
    }

    async fn keep(&self, tx: &Tx, named: &KeyedRequest) -> store::Result<()> {
        let headers = json!({ "location": self.location });
        finish_key(tx, &named.subject, &named.key, self.status.as_u16(), &headers, &self.body).await
    }
}

/// A request with an idempotency key.
#[derive(Clone)]
struct KeyedRequest {
    subject: String,
    key: String,
    digest: [u8; 32],
}

/// Runs `work` in one transaction and returns its answer. If the request has an idempotency key, `work` takes effect at most
/// once for the key and `subject`. `subject` identifies the caller but is not an account reference. The work continues if the
/// caller disconnects.
///
/// # Errors
/// Those of `work`; [`Kind::IdempotencyMismatch`], [`Kind::MalformedRequest`].
pub async fn once<F, Fut>(
    state: &ApiState,
    request: &HttpRequest,
    subject: String,
    body: &[u8],
    transaction: &'static str,
    work: F,
) -> Result<HttpResponse, Problem>
where
    F: Fn(Tx) -> Fut + 'static,
    Fut: Future<Output = store::Result<Result<Answer, Problem>>>,
{
    let named = name(request, body)?.map(|(key, digest)| KeyedRequest { subject, key, digest });
    let state = state.clone();
    let task = async move {
        match named {
            None => Ok(state.store.run_tx(transaction, work).await??.response(false)),
            Some(named) => once_keyed(&state, &named, transaction, work).await,
        }
    };
    rt::spawn(task).await.map_err(|_| Problem::internal("a write panicked"))?
}

/// Claim, work and answer are one transaction. If the process dies, no claim is left. Of two requests with the same key, the
/// second waits for the first and gets its answer. If the outcome of the commit is unknown, the next attempt finds out.
async fn once_keyed<F, Fut>(
    state: &ApiState,
    named: &KeyedRequest,
    transaction: &'static str,
    work: F,
) -> Result<HttpResponse, Problem>
where
    F: Fn(Tx) -> Fut,
    Fut: Future<Output = store::Result<Result<Answer, Problem>>>,
{
    let now = state.now();
    let mut tries = 0;
    loop {
        let done = state.store.run_tx(transaction, async |tx: Tx| {
            match claim_key(&tx, &named.subject, &named.key, &named.digest, now).await? {
                Claim::New => {}
                Claim::Replay { status, headers, body } => {
                    return Ok(kept(status, &headers, body).map(|answer| (answer, true)));
                }
                Claim::OtherRequest => {
                    return Ok(Err(Problem::because(
                        Kind::IdempotencyMismatch,
                        "this Idempotency-Key was used for another request; use a new key for each request",
                    )));
                }
            }
            let answer = work(tx.clone()).await?;
            match &answer {
                Ok(answer) => answer.keep(&tx, named).await?,
                Err(_) => release_key(&tx, &named.subject, &named.key).await?,
            }
            Ok(answer.map(|answer| (answer, false)))
        });
        tries += 1;
        match done.await {
            Err(StoreError::CommitUnknown { .. }) if tries < TRIES => {}
            done => return done?.map(|(answer, replayed)| answer.response(replayed)),
        }
    }
}

fn kept(status: u16, headers: &serde_json::Value, body: Vec<u8>) -> Result<Answer, Problem> {
    let status = StatusCode::from_u16(status).map_err(Problem::internal)?;
    let location = headers.get("location").and_then(|value| value.as_str()).map(str::to_owned);
    Ok(Answer { status, location, body })
}

/// The idempotency key and the digest of the request.
fn name(request: &HttpRequest, body: &[u8]) -> Result<Option<(String, [u8; 32])>, Problem> {
    let mut values = request.headers().get_all(KEY);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()) && values.next().is_none());
    let key = key.ok_or_else(|| {
        Problem::because(
            Kind::MalformedRequest,
            "the header Idempotency-Key must occur once and have 1 to 255 visible characters",
        )
    })?;
    let digest = Sha256::new()
        .chain_update(request.method().as_str())
        .chain_update([0])
        .chain_update(request.path())
        .chain_update([0])
        .chain_update(body)
        .finalize();
    Ok(Some((key.to_owned(), digest.into())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;

    use super::*;

    fn named(path: &str, keys: &[&str], body: &[u8]) -> Result<Option<(String, [u8; 32])>, Kind> {
        let request = keys.iter().fold(TestRequest::post().uri(path), |r, key| r.append_header((KEY, *key)));
        name(&request.to_http_request(), body).map_err(|problem| problem.kind())
    }

    #[test]
    fn a6_a_key_stands_for_method_path_and_body_together() {
        let digest = |path, body: &[u8]| named(path, &["k"], body).unwrap().unwrap().1;
        assert_eq!(digest("/a", b"b"), digest("/a", b"b"));
        assert_ne!(digest("/a", b"b"), digest("/a", b"c"));
        assert_ne!(digest("/a", b"b"), digest("/ab", b""));
        assert_eq!(named("/a", &[], b""), Ok(None));
    }

    #[test]
    fn a_key_that_nobody_can_read_is_refused() {
        for wrong in [&[""][..], &["ü"], &["a", "a"], &[&"x".repeat(256)]] {
            assert_eq!(named("/a", wrong, b""), Err(Kind::MalformedRequest), "{wrong:?}");
        }
    }

    #[test]
    fn a_kept_answer_is_given_again_as_it_was() {
        let answer = Answer::json(StatusCode::CREATED, &json!({"id": 1})).unwrap().at("/v1/x/1".to_owned());
        let headers = json!({ "location": answer.location });
        let again = kept(201, &headers, answer.body.clone()).unwrap();
        assert_eq!(again, answer);
        let response = again.response(true);
        assert_eq!(response.headers().get(REPLAYED).unwrap(), "true");
        assert_eq!(response.headers().get("location").unwrap(), "/v1/x/1");
    }
}
