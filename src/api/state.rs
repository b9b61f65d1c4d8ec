//! State that all requests share.

use std::{
    net::IpAddr,
    ops::Deref,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::HttpRequest;
use assay_core::identity::MasterSecret;
use time::OffsetDateTime;
use tokio::sync::watch;

use super::{
    body::{Pace, Reading},
    connection::Connections,
    evidence::Evidence,
    limits::{Buckets, Network, client_address},
    pages::cache::PageCache,
    parse::AttestationId,
    problem::Problem,
    quota::{Exhausted, Quota, Share},
    readiness::Readiness,
    token_cache::TokenCache,
};
use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    ledger::Limits,
    store::Store,
    tokens::{KeyRing, TokenVerifier},
    transparency::signer::SignerHealth,
};

/// Maximum number of concurrent uploads in one process, and to one exchange; each may need a decompression window of 128 MiB.
const UPLOADS: (u64, u64) = (8, 4);
/// Maximum number of event streams in one process, and to one exchange; each queries the database once a second.
const STREAMS: (u64, u64) = (256, 64);

/// Bytes of large answers that are on their way, in all and to one address. Bytes that requests share, such as those of a cache,
/// do not count.
const ANSWER_BYTES: (u64, u64) = (256 << 20, 32 << 20);

/// Bytes of JSON bodies that are on their way, in all and from one address.
const BODY_BYTES: (u64, u64) = (128 << 20, 16 << 20);

/// Seconds for which a checkpoint of the transparency log, and what is made from it, may be cached.
pub const LOG_FRESH_SECONDS: i64 = 5;

/// The components of the service, created by its caller.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Checks tokens.
    pub verifier: Arc<TokenVerifier>,
    /// Signing keys; their public halves are published.
    pub keys: Arc<KeyRing>,
    /// The settings.
    pub config: Arc<Config>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Master secret for salts and blinds.
    pub secret: MasterSecret,
    /// Where the database keeps its files, if that is on this machine: uploads leave a reserve of space there.
    pub disk: Option<PathBuf>,
    /// Whether the transparency log is signed.
    pub signer: SignerHealth,
}

/// State that all requests share; cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

/// Contents of [`ApiState`].
pub struct Inner {
    pub(super) store: Store,
    pub(super) verifier: Arc<TokenVerifier>,
    pub(super) keys: Arc<KeyRing>,
    pub(super) config: Arc<Config>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) secret: MasterSecret,
    pub(super) evidence: Evidence,
    pub(super) pages: PageCache,
    pub(super) readiness: Readiness,
    pub(super) tokens: TokenCache,
    pub(super) by_subject: Buckets,
    pub(super) by_address: Buckets,
    pub(super) trusted_proxies: Vec<Network>,
    pub(super) connections: Arc<Connections>,
    /// Bytes of large answers that are on their way, by address.
    pub(super) answers: Arc<Quota<IpAddr>>,
    /// Bytes of JSON bodies that are on their way, by address.
    bodies: Arc<Quota<IpAddr>>,
    uploads: Arc<Quota<String>>,
    streams: Arc<Quota<String>>,
    /// Requests above a rate limit since the last report.
    refused: AtomicU64,
    pub(super) disk: Option<PathBuf>,
    pub(super) signer: SignerHealth,
    stopping: watch::Sender<bool>,
}

impl ApiState {
    /// Builds the state from its parts.
    ///
    /// # Errors
    /// [`ConfigError`] if a trusted proxy is not an address or a network.
    pub fn new(parts: Parts) -> Result<Self, ConfigError> {
        let Parts { store, verifier, keys, config, clock, secret, disk, signer } = parts;
        let trusted_proxies = trusted_proxies(&config)?;
        let bounds = &config.bounds;
        let connections = Connections::new(bounds.connections, bounds.connections_per_address, trusted_proxies.clone());
        let start = Instant::now();
        Ok(Self(Arc::new(Inner {
            by_subject: Buckets::new(config.rate_limit_subject, start),
            by_address: Buckets::new(config.rate_limit_anonymous, start),
            tokens: TokenCache::new(config.token_believed_seconds),
            evidence: Evidence::default(),
            pages: PageCache::default(),
            readiness: Readiness::default(),
            connections: Arc::new(connections),
            answers: Quota::new(ANSWER_BYTES.0, ANSWER_BYTES.1),
            bodies: Quota::new(BODY_BYTES.0, BODY_BYTES.1),
            uploads: Quota::new(UPLOADS.0, UPLOADS.1),
            streams: Quota::new(STREAMS.0, STREAMS.1),
            refused: AtomicU64::new(0),
            disk,
            signer,
            stopping: watch::Sender::new(false),
            store,
            verifier,
            keys,
            config,
            clock,
            secret,
            trusted_proxies,
        })))
    }

    /// Logs how many requests and connections were refused since the last call. One by one they would let anybody fill the log.
    pub fn report_refused(&self) {
        let (requests, connections) = (self.refused.swap(0, Ordering::Relaxed), self.connections.take_refused());
        if requests > 0 || connections > 0 {
            tracing::warn!(requests, connections, "callers above their limits were refused");
        }
    }

    /// The proof that the attestation `id` is in the transparency log.
    ///
    /// # Errors
    /// [`super::problem::Kind::NotFound`], also while no checkpoint contains it.
    pub async fn log_proof(&self, id: AttestationId) -> Result<Arc<String>, Problem> {
        let moment = self.now().unix_timestamp() / LOG_FRESH_SECONDS;
        self.evidence.log_proof(&self.store, &self.config.log_origin(), id, moment).await
    }

    /// Ends all event streams, so that they do not delay a shutdown. Other requests finish as usual.
    pub fn stop_streams(&self) {
        self.stopping.send_replace(true);
    }
}

/// The networks of the setting `trusted_proxies`.
///
/// # Errors
/// [`ConfigError`] with the entry that is neither an address nor a network.
pub fn trusted_proxies(config: &Config) -> Result<Vec<Network>, ConfigError> {
    let read = |text: &String| text.parse().map_err(|e| ConfigError::new(format!("trusted_proxies: {e}")));
    config.trusted_proxies.iter().map(read).collect()
}

impl Deref for ApiState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// The current time.
    pub(super) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Counts a request above a rate limit.
    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Lets an upload to `exchange` begin.
    ///
    /// # Errors
    /// [`super::problem::Kind::Unavailable`].
    pub(super) fn begin_upload(&self, exchange: &str) -> Result<Share<String>, Problem> {
        self.uploads.take(Some(exchange.to_owned()), 1).map_err(|exhausted| {
            Problem::unavailable(match exhausted {
                Exhausted::Caller => {
                    "too many uploads of this exchange are running; upload the files one after the other"
                }
                Exhausted::All => "too many uploads are running; try again later",
            })
        })
    }

    /// Lets an event stream for `exchange` begin.
    ///
    /// # Errors
    /// [`super::problem::Kind::Unavailable`].
    pub(super) fn begin_stream(&self, exchange: &str) -> Result<Share<String>, Problem> {
        self.streams.take(Some(exchange.to_owned()), 1).map_err(|exhausted| {
            Problem::unavailable(match exhausted {
                Exhausted::Caller => "too many event streams of this exchange are open; poll the job instead",
                Exhausted::All => "too many event streams are open; poll the job instead",
            })
        })
    }

    /// Becomes true when the service stops.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Limits of a decompressed upload.
    pub(super) fn upload_limits(&self) -> Limits {
        Limits {
            max_decompressed_bytes: self.config.upload_max_decompressed_bytes,
            max_ratio: self.config.upload_max_ratio,
            ..Limits::default()
        }
    }

    /// How a JSON body is read.
    pub(super) fn reading(&self, request: &HttpRequest) -> Reading<'_> {
        let address = client_address(request, &self.trusted_proxies);
        Reading { pace: self.pace(), bodies: &self.bodies, address }
    }

    /// How fast a body must arrive.
    pub(super) fn pace(&self) -> Pace {
        Pace {
            patience: Duration::from_secs(self.config.upload_idle_seconds),
            bytes_per_second: self.config.bounds.upload_bytes_per_second,
            longest: Duration::from_secs(self.config.bounds.upload_seconds),
        }
    }
}
