//! Questions to one node (JSON-RPC over HTTP).

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use assay_core::text::shown;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};
use ureq::http::{Request, header};

use super::endpoint::Endpoint;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one question that a node answers from its index.
pub(super) const QUICK: Duration = Duration::from_secs(30);
/// Most bytes of an answer to such a question.
pub(super) const SMALL: u64 = 1 << 20;
/// A node that is busy or restarts is asked so often.
pub(super) const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Errors of the protocol that pass: too many requests, by two conventions, and a node that has not loaded its chain yet.
const PASSING: [i64; 3] = [-32_005, 429, -28];
/// Most characters of a node's own words that are repeated.
const MAX_WORDS: usize = 200;

/// Why a node did not answer; `Display` is a sentence that names its host alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NodeError {
    /// There is no connection, or no answer.
    #[error("{host}: {reason}")]
    Unreachable { host: String, reason: String },
    /// It answers with an error of HTTP.
    #[error("{host} answers {method} with HTTP status {status}")]
    Status { host: String, method: &'static str, status: u16 },
    /// It answers with an error of its own.
    #[error("{host} answers {method} with error {code}: {message}")]
    Refused { host: String, method: &'static str, code: i64, message: String },
    /// Its answer does not follow the format.
    #[error("{host}: the answer to {method} is not what the protocol asks for")]
    Malformed { host: String, method: &'static str },
    /// It is a node of something else.
    #[error("{host} {reason}")]
    OtherChain { host: String, reason: String },
}

/// What one attempt came to.
struct Failed {
    error: NodeError,
    /// Whether another attempt may do better.
    passes: bool,
}

/// An answer of the protocol.
#[derive(Deserialize)]
struct Envelope<'b> {
    #[serde(default)]
    id: Value,
    #[serde(borrow, default)]
    result: Option<&'b RawValue>,
    #[serde(default)]
    error: Option<NodeWords>,
}

#[derive(Deserialize)]
struct NodeWords {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

/// A node, and how fast it may be asked.
pub(super) struct Node {
    agent: ureq::Agent,
    endpoint: Endpoint,
    interval: Duration,
    next: Mutex<Instant>,
}

impl Node {
    /// The node at `endpoint`, which is asked at most once in `interval`.
    pub(super) fn new(endpoint: Endpoint, interval: Duration) -> Self {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(endpoint.is_encrypted())
            .timeout_connect(Some(CONNECT_TIMEOUT));
        if !endpoint.is_encrypted() {
            // a proxy is not this machine
            config = config.proxy(None);
        }
        Self { agent: config.build().into(), endpoint, interval, next: Mutex::new(Instant::now()) }
    }

    /// The result of `method`.
    pub(super) fn call(&self, method: &'static str, params: Value) -> Result<Value, NodeError> {
        self.call_within(method, params, (QUICK, SMALL, TRIES))
    }

    /// [`call`](Self::call) for an answer that may take longer and be larger, and is asked for so often.
    pub(super) fn call_within<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
        (time, bytes, tries): (Duration, u64, u32),
    ) -> Result<T, NodeError> {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let mut pause = FIRST_PAUSE;
        for left in (0..tries).rev() {
            match self.attempt(method, &question, time, bytes) {
                Err(Failed { passes: true, .. }) if left > 0 => {}
                outcome => return outcome.map_err(|failed| failed.error),
            }
            thread::sleep(pause);
            pause *= 2;
        }
        Err(self.malformed(method))
    }

    fn attempt<T: DeserializeOwned>(
        &self,
        method: &'static str,
        question: &str,
        time: Duration,
        bytes: u64,
    ) -> Result<T, Failed> {
        self.wait();
        let host = || self.endpoint.to_string();
        let unreachable = |error: &ureq::Error| Failed {
            passes: !matches!(error, ureq::Error::BodyExceedsLimit(_) | ureq::Error::Rustls(_)),
            error: NodeError::Unreachable { host: host(), reason: reason(error) },
        };
        let mut request = Request::post(self.endpoint.url()).header(header::CONTENT_TYPE, "application/json");
        if let Some(authorization) = self.endpoint.authorization() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(question).map_err(|error| unreachable(&error.into()))?;
        let request = self.agent.configure_request(request).timeout_global(Some(time)).build();
        let mut answer = self.agent.run(request).map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(bytes).read_to_vec().map_err(|error| unreachable(&error))?;
        let is_busy = matches!(status.as_u16(), 429 | 502..=504);
        let malformed = || Failed { passes: false, error: self.malformed(method) };
        match serde_json::from_slice(&body) {
            // an error of the protocol comes with any status
            Ok(Envelope { error: Some(NodeWords { code, message }), .. }) => Err(Failed {
                passes: is_busy || PASSING.contains(&code),
                error: NodeError::Refused { host: host(), method, code, message: self.repeated(&message) },
            }),
            _ if !status.is_success() => Err(Failed {
                passes: is_busy || status == 500,
                error: NodeError::Status { host: host(), method, status: status.as_u16() },
            }),
            Ok(Envelope { id, result, error: None }) if id == 1 => {
                serde_json::from_str(result.map_or("null", RawValue::get)).map_err(|_| malformed())
            }
            _ => Err(malformed()),
        }
    }

    /// A node's own words, unless they repeat its address.
    fn repeated(&self, message: &str) -> String {
        let words: String = message.chars().take(MAX_WORDS).collect();
        if self.endpoint.is_repeated_in(message) { "(words that repeat its address)".to_owned() } else { shown(&words) }
    }

    /// Waits for the node's turn.
    fn wait(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.interval;
            turn
        };
        thread::sleep(turn.saturating_duration_since(Instant::now()));
    }

    pub(super) fn malformed(&self, method: &'static str) -> NodeError {
        NodeError::Malformed { host: self.endpoint.to_string(), method }
    }

    pub(super) fn other_chain(&self, reason: String) -> NodeError {
        NodeError::OtherChain { host: self.endpoint.to_string(), reason }
    }
}

/// What went wrong, without the address.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::BodyExceedsLimit(limit) => format!("the answer is longer than {limit} bytes"),
        ureq::Error::Rustls(error) => error.to_string(),
        _ => "the connection failed".to_owned(),
    }
}
