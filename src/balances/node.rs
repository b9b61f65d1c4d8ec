//! Questions to one node (JSON-RPC over HTTP).

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use assay_core::text::shown;
use serde_json::{Value, json};
use ureq::http::{Request, header};

use super::endpoint::Endpoint;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one question that a node answers from its index.
pub(super) const QUICK: Duration = Duration::from_secs(30);
/// Most bytes of an answer to such a question.
pub(super) const SMALL: u64 = 1 << 20;
/// A node that is busy or restarts is asked so often.
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
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
        self.call_within(method, params, (QUICK, SMALL))
    }

    /// [`call`](Self::call) for an answer that may take longer and be larger.
    pub(super) fn call_within(
        &self,
        method: &'static str,
        params: Value,
        (time, bytes): (Duration, u64),
    ) -> Result<Value, NodeError> {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.attempt(method, &question, time, bytes) {
                Err(NodeError::Unreachable { .. } | NodeError::Status { status: 429 | 500.., .. }) => {}
                outcome => return outcome,
            }
            thread::sleep(pause);
            pause *= 2;
        }
        self.attempt(method, &question, time, bytes)
    }

    fn attempt(&self, method: &'static str, question: &str, time: Duration, bytes: u64) -> Result<Value, NodeError> {
        self.wait();
        let host = || self.endpoint.to_string();
        let unreachable = |error: &ureq::Error| NodeError::Unreachable { host: host(), reason: reason(error) };
        let mut request = Request::post(self.endpoint.url()).header(header::CONTENT_TYPE, "application/json");
        if let Some(authorization) = self.endpoint.authorization() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(question).map_err(|error| unreachable(&error.into()))?;
        let request = self.agent.configure_request(request).timeout_global(Some(time)).build();
        let mut answer = self.agent.run(request).map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(bytes).read_to_vec();
        // an error of the protocol comes with any status
        match (serde_json::from_slice::<Value>(&body.map_err(|error| unreachable(&error))?), status.is_success()) {
            (Ok(answer), _) if answer.get("error").is_some_and(|error| !error.is_null()) => {
                let error = &answer["error"];
                let words: String = error["message"].as_str().unwrap_or_default().chars().take(MAX_WORDS).collect();
                let code = error["code"].as_i64().unwrap_or_default();
                Err(NodeError::Refused { host: host(), method, code, message: shown(&words) })
            }
            (_, false) => Err(NodeError::Status { host: host(), method, status: status.as_u16() }),
            (Ok(mut answer), true) if answer["id"] == 1 && answer.get("result").is_some() => {
                Ok(answer["result"].take())
            }
            (_, true) => Err(self.malformed(method)),
        }
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
