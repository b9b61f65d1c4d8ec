//! State that all requests share.

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use assay_core::identity::MasterSecret;
use time::OffsetDateTime;
use tokio::sync::{Semaphore, watch};

use super::{
    evidence::Evidence,
    limits::{Buckets, Network},
    readiness::Readiness,
    token_cache::TokenCache,
};
use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    ledger::Limits,
    store::Store,
    tokens::{KeyRing, TokenVerifier},
};

/// Maximum number of concurrent uploads in one process; each may need a decompression window of 128 MiB.
const MAX_UPLOADS: usize = 8;
/// Maximum number of event streams in one process; each queries the database once a second.
const MAX_STREAMS: usize = 256;

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
    pub(super) readiness: Readiness,
    pub(super) tokens: TokenCache,
    pub(super) by_subject: Buckets,
    pub(super) by_address: Buckets,
    pub(super) trusted_proxies: Vec<Network>,
    pub(super) uploads: Semaphore,
    pub(super) streams: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl ApiState {
    /// Builds the state from its parts.
    ///
    /// # Errors
    /// [`ConfigError`] if a trusted proxy is not an address or a network.
    pub fn new(parts: Parts) -> Result<Self, ConfigError> {
        let Parts { store, verifier, keys, config, clock, secret } = parts;
        let trusted_proxies = trusted_proxies(&config)?;
        let start = Instant::now();
        Ok(Self(Arc::new(Inner {
            by_subject: Buckets::new(config.rate_limit_subject, start),
            by_address: Buckets::new(config.rate_limit_anonymous, start),
            tokens: TokenCache::new(config.token_believed_seconds),
            evidence: Evidence::default(),
            readiness: Readiness::default(),
            uploads: Semaphore::new(MAX_UPLOADS),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
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

    /// Longest wait for the next part of a body.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.config.upload_idle_seconds.max(1))
    }
}
