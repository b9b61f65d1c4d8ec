//! Other issuers of tokens: their configuration, exchange, scopes and public keys.
//!
//! Keys are cached. They are fetched again when they are old, or when a token has an unknown key id, but not too often, so that nobody
//! can make this service flood another one by sending invalid tokens. [`Times`] says how old and how often.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::{Duration, OffsetDateTime};

use super::{
    jwks::{MAX_JWKS_BYTES, PublicKey, TokenAlgorithm, parse},
    scope::{Scope, UnknownName},
};
use crate::{config::IssuerConfig, files};

/// How old keys may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Minimum time between two fetches.
    at_most_every: Duration,
    /// Age at which keys are fetched again.
    fresh_for: Duration,
    /// Age at which cached keys expire if they cannot be fetched again.
    usable_for: Duration,
}

/// Keys in a file on this machine. A file that is gone or cannot be used takes its keys with it.
const OF_FILE: Times =
    Times { at_most_every: Duration::seconds(1), fresh_for: Duration::seconds(5), usable_for: Duration::minutes(2) };
/// Keys at an address, which may be out of reach for a while.
pub(super) const OF_ADDRESS: Times =
    Times { at_most_every: Duration::minutes(1), fresh_for: Duration::minutes(5), usable_for: Duration::hours(1) };

/// Timeout of a fetch.
const FETCH_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// An error in the configuration of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("issuer {issuer}: {reason}")]
pub struct IssuerError {
    pub(super) issuer: String,
    pub(super) reason: String,
}

/// Why there is no list of keys; `Display` is a sentence.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum FetchError {
    /// The list is not there any more, and so are its keys.
    #[error("{0}; none of its keys is used")]
    Withdrawn(String),
    /// It cannot be read at present.
    #[error("{0}")]
    Failed(String),
}

/// Fetches the bytes of a list of keys.
type Fetch = Box<dyn Fn() -> Result<Vec<u8>, FetchError> + Send + Sync>;

/// An additional issuer of tokens.
pub struct ForeignIssuer {
    pub(super) issuer: String,
    pub(super) algorithms: BTreeSet<TokenAlgorithm>,
    /// The only exchange that the issuer's tokens may be for; any exchange if `None`.
    pub(super) exchange: Option<String>,
    /// Scopes that the issuer's tokens may have.
    pub(super) scopes: BTreeSet<Scope>,
    times: Times,
    fetch: Fetch,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    keys: Option<(Arc<BTreeMap<String, PublicKey>>, OffsetDateTime)>,
    attempted_at: Option<OffsetDateTime>,
    /// What the log was told last.
    told: Vec<String>,
}

/// Result of a key lookup.
pub(super) enum Lookup {
    /// The key.
    Found(PublicKey),
    /// The issuer has no such key.
    Unknown,
    /// The issuer's keys are not available at present.
    Unavailable,
    /// Fetch the keys, then look again.
    Fetch,
}

impl ForeignIssuer {
    /// The issuer in `config`. This fetches nothing.
    ///
    /// # Errors
    /// [`IssuerError`] for an algorithm other than EdDSA and ES256, an unknown scope, or anything but exactly one source of keys:
    /// a file or an https address.
    pub fn new(config: &IssuerConfig) -> Result<Self, IssuerError> {
        let refuse = |reason: String| IssuerError { issuer: config.issuer.clone(), reason };
        let (times, fetch): (Times, Fetch) = match (&config.jwks_file, &config.jwks_url) {
            (Some(path), None) => {
                let path: PathBuf = path.clone();
                (OF_FILE, Box::new(move || read_file(&path)))
            }
            (None, Some(url)) if url.starts_with("https://") => {
                let url = url.clone();
                (OF_ADDRESS, Box::new(move || fetch_url(&url, Encryption::Required).map_err(FetchError::Failed)))
            }
            (None, Some(_)) => return Err(refuse("jwks_url must begin with https://".to_owned())),
            _ => return Err(refuse("set exactly one of jwks_file and jwks_url".to_owned())),
        };
        Self::with_fetch(config, times, fetch)
    }

    pub(super) fn with_fetch(config: &IssuerConfig, times: Times, fetch: Fetch) -> Result<Self, IssuerError> {
        let refuse = |reason: String| IssuerError { issuer: config.issuer.clone(), reason };
        let algorithm = |name: &String| {
            let known = TokenAlgorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name);
            known.ok_or_else(|| refuse(format!("algorithm {name} is not allowed; use EdDSA or ES256")))
        };
        let algorithms: BTreeSet<_> = config.algorithms.iter().map(algorithm).collect::<Result<_, _>>()?;
        let scope = |name: &String| name.parse().map_err(|e: UnknownName| refuse(format!("{name}: {e}")));
        let scopes: BTreeSet<Scope> = config.scopes.iter().map(scope).collect::<Result<_, _>>()?;
        if config.issuer.is_empty() || algorithms.is_empty() || scopes.is_empty() {
            return Err(refuse("issuer, algorithms and scopes must not be empty".to_owned()));
        }
        Ok(Self {
            issuer: config.issuer.clone(),
            algorithms,
            exchange: config.exchange.clone(),
            scopes,
            times,
            fetch,
            cache: Mutex::default(),
        })
    }

    /// The key with the id `kid`. Never blocks.
    pub(super) fn key(&self, kid: &str, now: OffsetDateTime) -> Lookup {
        let cache = self.cache();
        let due = cache.is_due(now, self.times);
        let Some((keys, fetched_at)) = &cache.keys else {
            return if due { Lookup::Fetch } else { Lookup::Unavailable };
        };
        let age = (now - *fetched_at).abs();
        match keys.get(kid) {
            _ if due && age > self.times.fresh_for => Lookup::Fetch,
            _ if age > self.times.usable_for => Lookup::Unavailable,
            Some(key) => Lookup::Found(key.clone()),
            None if due => Lookup::Fetch,
            None => Lookup::Unknown,
        }
    }

    /// Fetches the keys, unless that was tried a moment ago ([`Times`]). Blocks for a file or the network, at most for
    /// [`FETCH_TIMEOUT`]. Tells the log what cannot be used, once.
    ///
    /// # Errors
    /// A sentence. The cached keys stay in use until they expire, unless the list was withdrawn.
    pub(super) fn refresh(&self, now: OffsetDateTime) -> Result<(), String> {
        {
            let mut cache = self.cache();
            if !cache.is_due(now, self.times) {
                return Ok(());
            }
            cache.attempted_at = Some(now);
        }
        let fetched = (self.fetch)().and_then(|bytes| parse(&bytes).map_err(FetchError::Failed));
        let mut cache = self.cache();
        let told = match &fetched {
            Ok(list) => list.defects.clone(),
            Err(error) => vec![error.to_string()],
        };
        for reason in told.iter().filter(|reason| !cache.told.contains(reason)) {
            tracing::warn!(issuer = %self.issuer, reason, "keys of an issuer cannot be used");
        }
        cache.told = told;
        match fetched {
            Ok(list) => cache.keys = Some((Arc::new(list.keys), now)),
            Err(error) => {
                if matches!(error, FetchError::Withdrawn(_)) {
                    cache.keys = Some((Arc::default(), now));
                }
                return Err(error.to_string());
            }
        }
        Ok(())
    }

    /// Why keys of the list that was fetched last cannot be used, a sentence for each.
    pub(super) fn defects(&self) -> Vec<String> {
        self.cache().told.clone()
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn is_due(&self, now: OffsetDateTime, times: Times) -> bool {
        self.attempted_at.is_none_or(|at| (now - at).abs() >= times.at_most_every)
    }
}

impl std::fmt::Debug for ForeignIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForeignIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, FetchError> {
    let sentence = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    let file = files::open_file(path).map_err(|e| match files::is_exhaustion(&e) {
        true => FetchError::Failed(sentence(&e)),
        false => FetchError::Withdrawn(sentence(&e)),
    })?;
    bounded(file).map_err(|reason| FetchError::Failed(sentence(&reason)))
}

/// Whether a connection must be encrypted. Only tests, which have no certificate, use plain connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Required,
    #[cfg(test)]
    Optional,
}

fn fetch_url(url: &str, encryption: Encryption) -> Result<Vec<u8>, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .https_only(encryption == Encryption::Required)
        .max_redirects(0)
        .timeout_global(Some(FETCH_TIMEOUT))
        .build()
        .into();
    let failed = |reason: String| format!("{url}: {reason}");
    let response = agent.get(url).call().map_err(|e| failed(e.to_string()))?;
    if response.status() != 200 {
        return Err(failed(format!("answered {}", response.status().as_u16())));
    }
    bounded(response.into_body().into_reader()).map_err(failed)
}

fn bounded(reader: impl Read) -> Result<Vec<u8>, String> {
    let read = files::read_at_most(reader, MAX_JWKS_BYTES as u64).map_err(|e| e.to_string())?;
    read.ok_or_else(|| format!("is longer than {MAX_JWKS_BYTES} bytes"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        io::Write,
        net::{SocketAddr, TcpListener},
    };

    use super::*;

    /// Answers one request with these bytes.
    fn serve(answer: Vec<u8>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = connection.read(&mut request);
            // a reader that has seen enough hangs up
            let _ = connection.write_all(&answer);
        });
        address
    }

    fn fetch(status: &str, body: &[u8]) -> Result<Vec<u8>, String> {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let address = serve([head.as_bytes(), body].concat());
        fetch_url(&format!("http://{address}/jwks.json"), Encryption::Optional)
    }

    #[test]
    fn a_list_of_keys_is_fetched_whole_or_not_at_all() {
        assert_eq!(fetch("200 OK", b"{\"keys\":[]}").unwrap(), b"{\"keys\":[]}");
        assert_eq!(fetch("200 OK", &vec![b' '; MAX_JWKS_BYTES]).unwrap().len(), MAX_JWKS_BYTES);
        assert!(fetch("200 OK", &vec![b' '; MAX_JWKS_BYTES + 1]).unwrap_err().contains("is longer than"));
        assert!(fetch("404 Not Found", b"{\"keys\":[]}").unwrap_err().contains("404"));
        assert!(fetch("204 No Content", b"").unwrap_err().contains("204"));
    }

    #[test]
    fn nobody_is_sent_on_to_another_address() {
        let elsewhere = "302 Found\r\nLocation: http://127.0.0.1:1/other.json";
        assert!(fetch(elsewhere, b"").is_err());
    }

    #[test]
    fn a_plain_connection_is_refused_before_anything_is_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        assert!(fetch_url(&url, Encryption::Required).is_err());
        assert!(listener.accept().is_err());
    }

    #[test]
    fn a_file_of_keys_is_bounded_and_named_when_it_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jwks.json");
        assert!(read_file(&path).unwrap_err().to_string().contains("jwks.json"));
        std::fs::write(&path, vec![b' '; MAX_JWKS_BYTES + 1]).unwrap();
        assert!(read_file(&path).unwrap_err().to_string().contains("is longer than"));
    }

    #[test]
    fn a_pipe_in_place_of_a_file_of_keys_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("jwks.json");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(matches!(read_file(&pipe), Err(FetchError::Withdrawn(_))));
    }
}
