//! Requests, their answers, and which of them are made again.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::thread;
use std::time::Duration;

use assay_core::text::spelled_out;
use serde_json::Value;
use ureq::http::{Request, Response, header};

use super::address::Address;
use super::error::ClientError;
use super::retry::{Pauses, Setback};
use crate::files::read_at_most;

/// A token is about 500 bytes.
const MAX_TOKEN_BYTES: u64 = 16 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one write of the connection, and for the whole of an answer's body. The service inspects a file while it receives it, so a write
/// may wait for that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// From the end of a request to its answer: the service finishes the file in between.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(180);

/// Reads an access token from a file.
///
/// # Errors
/// [`ClientError::File`], [`ClientError::Token`].
pub fn read_token(path: &Path) -> Result<String, ClientError> {
    let failed = |error| ClientError::File { path: path.to_owned(), error };
    let read = File::open(path).and_then(|file| read_at_most(file, MAX_TOKEN_BYTES)).map_err(failed)?;
    let refused = |reason| ClientError::Token { path: path.to_owned(), reason };
    let bytes = read.ok_or_else(|| refused("is too long for an access token"))?;
    let text = String::from_utf8(bytes).map_err(|_| refused("is not an access token"))?;
    match text.trim() {
        "" => Err(refused("is empty; it must hold an access token")),
        token if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token.to_owned()),
        _ => Err(refused("must hold one access token and nothing else")),
    }
}

/// A caller of the service. It keeps its connections open.
pub struct Client {
    agent: ureq::Agent,
    address: Address,
    token: String,
    patience: Duration,
    /// Whether the service has answered: only then can it be lost.
    reached: Cell<bool>,
}

/// A successful answer.
pub(super) struct Answer {
    pub(super) body: Value,
    /// Whether the service repeats the answer of an earlier request with the same key.
    pub(super) replayed: bool,
}

/// Why an attempt failed.
pub(super) enum Failed {
    /// It may succeed later.
    ForNow(Setback),
    /// It will not.
    ForGood(ClientError),
}

impl Client {
    /// A caller with `token`, which tries each request again for as long as `patience`.
    pub fn new(address: Address, token: String, patience: Duration) -> Self {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(address.is_encrypted())
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(ANSWER_TIMEOUT))
            .timeout_per_write(Some(IDLE_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .timeout_recv_body(Some(IDLE_TIMEOUT));
        if !address.is_encrypted() {
            // a proxy would read the token
            config = config.proxy(None);
        }
        Self { agent: config.build().into(), address, token, patience, reached: Cell::new(false) }
    }

    /// The same service, called with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            agent: self.agent.clone(),
            address: self.address.clone(),
            token: token.to_owned(),
            patience: self.patience,
            reached: self.reached.clone(),
        }
    }

    /// The address of the service.
    pub fn address(&self) -> &str {
        self.address.as_str()
    }

    pub(super) fn pauses(&self) -> Pauses {
        Pauses::new(self.patience)
    }

    /// The JSON at `path`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.persist(|| {
            let request = self.request("GET", path).body(());
            let request = request.map_err(|e| Failed::ForGood(self.unreachable(&e)))?;
            self.judge(path, self.agent.run(request))
        })
        .map(|answer| answer.body)
    }

    /// Whether the service shows a page at `path`.
    ///
    /// # Errors
    /// [`ClientError`], after one attempt.
    pub fn shows(&self, path: &str) -> Result<(), ClientError> {
        let request = self.request("GET", path).body(());
        let answer = request
            .map_err(|e| self.unreachable(&e))
            .and_then(|request| self.agent.run(request).map_err(|e| self.unreachable(&e)))?;
        let status = answer.status();
        let other = || ClientError::NotTheService { address: self.at(path), status: status.as_u16() };
        if status.is_success() { Ok(()) } else { Err(other()) }
    }

    /// Posts a document, under a key with which it takes effect once.
    pub(super) fn post(&self, path: &str, key: &str, body: &str) -> Result<Answer, ClientError> {
        self.persist(|| {
            let request = self.request("POST", path).header(header::CONTENT_TYPE, "application/json");
            let request = request.header("idempotency-key", key).body(body.to_owned());
            let request = request.map_err(|e| Failed::ForGood(self.unreachable(&e)))?;
            self.judge(path, self.agent.run(request))
        })
    }

    /// Puts `length` bytes of a file, once.
    pub(super) fn put(&self, path: &str, digest: &str, length: u64, mut content: impl Read) -> Result<(), Failed> {
        let request = self.request("PUT", path).header(header::CONTENT_TYPE, "application/octet-stream");
        let request = request.header(header::CONTENT_LENGTH, length).header("content-digest", digest);
        let request = request.body(ureq::SendBody::from_reader(&mut content));
        let request = request.map_err(|e| Failed::ForGood(self.unreachable(&e)))?;
        self.judge(path, self.agent.run(request)).map(drop)
    }

    fn request(&self, method: &str, path: &str) -> ureq::http::request::Builder {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.address()));
        request.header(header::AUTHORIZATION, format!("Bearer {}", self.token))
    }

    /// Makes attempts until one succeeds or fails for good, or patience ends.
    fn persist(&self, attempt: impl Fn() -> Result<Answer, Failed>) -> Result<Answer, ClientError> {
        let mut pauses = self.pauses();
        loop {
            match attempt() {
                Ok(answer) => return Ok(answer),
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::ForNow(setback)) => thread::sleep(pauses.after(&setback, self.address())?),
            }
        }
    }

    fn unreachable(&self, reason: &dyn std::fmt::Display) -> ClientError {
        ClientError::Unreachable { address: self.address().to_owned(), reason: reason.to_string() }
    }

    fn judge(&self, path: &str, answered: Result<Response<ureq::Body>, ureq::Error>) -> Result<Answer, Failed> {
        let mut answer = answered.map_err(|error| self.failed(&error))?;
        let status = answer.status();
        let field = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (location, media_type) = (field("location"), field("content-type").unwrap_or_default());
        let retry_after = field("retry-after").and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
        let replayed = field("idempotent-replayed").is_some();
        if status.is_redirection() {
            let target = spelled_out(&location.unwrap_or_else(|| "no address".to_owned())).to_string();
            return Err(Failed::ForGood(ClientError::Redirect { address: self.at(path), target }));
        }
        let text = answer.body_mut().read_to_string().map_err(|error| self.failed(&error))?;
        let body = if text.is_empty() { Some(Value::Null) } else { serde_json::from_str(&text).ok() };
        let problem = media_type.starts_with("application/problem+json");
        self.reached.set(self.reached.get() || problem);
        if matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504) {
            let reason = body.filter(|_| problem).map_or_else(|| status.to_string(), |body| said(&body));
            return Err(Failed::ForNow(Setback { reason, retry_after }));
        }
        let not_the_service =
            || Failed::ForGood(ClientError::NotTheService { address: self.at(path), status: status.as_u16() });
        let body = body.filter(|_| problem || status.is_success()).ok_or_else(not_the_service)?;
        self.reached.set(true);
        if status.is_success() {
            return Ok(Answer { body, replayed });
        }
        let (status, reason) = (status.as_u16(), said(&body));
        Err(Failed::ForGood(match status {
            401 | 403 => ClientError::NotAllowed { status, reason },
            _ => {
                let kind = body["type"].as_str().unwrap_or_default().trim_start_matches("/problems/").to_owned();
                ClientError::Refused { what: path.to_owned(), status, kind, reason }
            }
        }))
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.address())
    }

    /// A connection that never was is no lost one: the address is probably wrong.
    fn failed(&self, error: &ureq::Error) -> Failed {
        let passing = matches!(
            error,
            ureq::Error::Io(_)
                | ureq::Error::Timeout(_)
                | ureq::Error::HostNotFound
                | ureq::Error::ConnectionFailed
                | ureq::Error::Protocol(_)
                | ureq::Error::BodyStalled
        );
        if passing && self.reached.get() {
            return Failed::ForNow(Setback { reason: error.to_string(), retry_after: None });
        }
        Failed::ForGood(self.unreachable(error))
    }
}

/// What a problem document says, with its findings.
fn said(problem: &Value) -> String {
    let text = |key: &str| problem[key].as_str();
    let mut said = text("detail").or(text("title")).unwrap_or("no reason given").to_owned();
    for error in problem["errors"].as_array().into_iter().flatten() {
        let (place, reason) =
            (error["place"].as_str().unwrap_or_default(), error["reason"].as_str().unwrap_or_default());
        said.push_str(&match error["line"].as_u64() {
            Some(line) => format!("; {place}:{line}: {reason}"),
            None => format!("; {place}: {reason}"),
        });
    }
    said
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_holds_one_token_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        fs::write(&file, "abc.def.ghi\n").unwrap();
        assert_eq!(read_token(&file).unwrap(), "abc.def.ghi");
        for wrong in [&b""[..], b"\n", b"abc def", b"abc\ndef", b"\xff", &[b'a'; 20_000]] {
            fs::write(&file, wrong).unwrap();
            assert_eq!(read_token(&file).unwrap_err().exit_code(), 2);
        }
        assert_eq!(read_token(&dir.path().join("none")).unwrap_err().exit_code(), 3);
    }

    #[test]
    fn a_problem_is_told_with_its_findings() {
        let errors = json!([{"place": "a", "line": 3, "reason": "is odd"}, {"place": "b", "reason": "is even"}]);
        let problem = json!({"title": "t", "detail": "it is wrong", "errors": errors});
        assert_eq!(said(&problem), "it is wrong; a:3: is odd; b: is even");
        assert_eq!(said(&json!({"title": "t"})), "t");
    }
}
