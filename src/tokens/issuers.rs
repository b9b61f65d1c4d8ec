//! Other issuers of tokens: their configuration, exchange, scopes and public keys.
//!
//! Keys are cached. They are fetched again when they are old, or when a token has an unknown key id, but at most once a minute, so
//! that nobody can make this service flood another one by sending invalid tokens.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::{Duration, OffsetDateTime};

use super::{
    jwks::{MAX_JWKS_BYTES, PublicKey, TokenAlgorithm, parse},
    scope::{Scope, UnknownName},
};
use crate::config::IssuerConfig;

/// Minimum time between two fetches.
const FETCH_AT_MOST_EVERY: Duration = Duration::minutes(1);
/// Age at which keys are fetched again.
const FRESH_FOR: Duration = Duration::minutes(10);
/// Age at which cached keys expire if they cannot be fetched again.
const USABLE_FOR: Duration = Duration::hours(6);
/// Timeout of a fetch.
const FETCH_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// An error in the configuration of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("issuer {issuer}: {reason}")]
pub struct IssuerError {
    pub(super) issuer: String,
    pub(super) reason: String,
}

/// Fetches a list of keys: its bytes, or an error sentence.
type Fetch = Box<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>;

/// An additional issuer of tokens.
pub struct ForeignIssuer {
    pub(super) issuer: String,
    pub(super) algorithms: BTreeSet<TokenAlgorithm>,
    /// The only exchange that the issuer's tokens may be for; any exchange if `None`.
    pub(super) exchange: Option<String>,
    /// Scopes that the issuer's tokens may have.
    pub(super) scopes: BTreeSet<Scope>,
    fetch: Fetch,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    keys: Option<(Arc<BTreeMap<String, PublicKey>>, OffsetDateTime)>,
    attempted_at: Option<OffsetDateTime>,
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
        let fetch: Fetch = match (&config.jwks_file, &config.jwks_url) {
            (Some(path), None) => {
                let path: PathBuf = path.clone();
                Box::new(move || read_file(&path))
            }
            (None, Some(url)) if url.starts_with("https://") => {
                let url = url.clone();
                Box::new(move || fetch_url(&url, Encryption::Required))
            }
            (None, Some(_)) => return Err(refuse("jwks_url must begin with https://".to_owned())),
            _ => return Err(refuse("set exactly one of jwks_file and jwks_url".to_owned())),
        };
        Self::with_fetch(config, fetch)
    }

    pub(super) fn with_fetch(config: &IssuerConfig, fetch: Fetch) -> Result<Self, IssuerError> {
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
            fetch,
            cache: Mutex::default(),
        })
    }

    /// The key with the id `kid`. Never blocks.
    pub(super) fn key(&self, kid: &str, now: OffsetDateTime) -> Lookup {
        let cache = self.cache();
        let due = cache.is_due(now);
        let Some((keys, fetched_at)) = &cache.keys else {
            return if due { Lookup::Fetch } else { Lookup::Unavailable };
        };
        let age = (now - *fetched_at).abs();
        match keys.get(kid) {
            _ if due && age > FRESH_FOR => Lookup::Fetch,
            _ if age > USABLE_FOR => Lookup::Unavailable,
            Some(key) => Lookup::Found(key.clone()),
            None if due => Lookup::Fetch,
            None => Lookup::Unknown,
        }
    }

    /// Fetches the keys, unless they were fetched within the last minute. Blocks for a file or the network, at most for
    /// [`FETCH_TIMEOUT`].
    ///
    /// # Errors
    /// A sentence. The cached keys stay in use until they expire.
    pub(super) fn refresh(&self, now: OffsetDateTime) -> Result<(), String> {
        {
            let mut cache = self.cache();
            if !cache.is_due(now) {
                return Ok(());
            }
            cache.attempted_at = Some(now);
        }
        let keys = (self.fetch)().and_then(|bytes| parse(&bytes))?;
        self.cache().keys = Some((Arc::new(keys), now));
        Ok(())
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn is_due(&self, now: OffsetDateTime) -> bool {
        self.attempted_at.is_none_or(|at| (now - at).abs() >= FETCH_AT_MOST_EVERY)
    }
}

impl std::fmt::Debug for ForeignIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForeignIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    bounded(file).map_err(|reason| format!("{}: {reason}", path.display()))
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
    let mut bytes = Vec::new();
    reader.take(MAX_JWKS_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() > MAX_JWKS_BYTES {
        return Err(format!("is longer than {MAX_JWKS_BYTES} bytes"));
    }
    Ok(bytes)
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
        assert!(read_file(&path).unwrap_err().contains("jwks.json"));
        std::fs::write(&path, vec![b' '; MAX_JWKS_BYTES + 1]).unwrap();
        assert!(read_file(&path).unwrap_err().contains("is longer than"));
    }
}
