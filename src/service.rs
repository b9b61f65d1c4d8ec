//! The running service: what `serve` and `work` start, and the order in which it stops.
//!
//! **In:** settings and a home directory. **Out:** a process that answers requests, works on jobs, or both, until it is
//! stopped. Then requests finish, the proof under way stops at a checkpoint, and a private cluster stops last. A private
//! cluster that ends before is started again.

mod home_match;
mod log_end;
mod log_repair;
mod part;

use std::{
    future::{Future, pending},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::dev::{Server, ServerHandle};
use assay_core::identity::MasterSecret;
use assay_programs::purpose::TestShapes;
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};

use home_match::{Adoption, match_home};
pub use home_match::{HomeMatchError, compare_home};
use log_end::{LogParts, end_log};
use log_repair::complete_log;
pub use log_repair::{LogRepairError, Repaired, Source as LogSource};
pub use part::Ended;
use part::{Part, first_end, look_after, report_refused};

use crate::{
    api::{self, ApiState},
    clock::{Clock, SystemClock},
    config::{Config, ConfigError},
    descriptors,
    home::{Home, HomeError},
    jobs::{Worker, WorkerError},
    pg::{Cluster, ClusterError},
    store::{SIGNER_CONNECTIONS, Store, StoreError, home_fingerprints::noted_fingerprints},
    telemetry,
    tokens::{IssuerError, KeyRing, KeyRingError, TokenVerifier},
    transparency::{
        cosigners::{Cosigner, WitnessError},
        mark::Mark,
        retirement::{Retirement, RetirementError},
        signer::{Signer, SignerHealth},
    },
};

/// Why a service cannot start or continue; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A witness in the settings is none.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// Another issuer's keys cannot be used.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The private cluster cannot be started.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database cannot be used.
    #[error("database: {0}")]
    Store(#[from] StoreError),
    /// The keys cannot be read or written.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The master secret cannot be read or made.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The home directory is not the one that belongs to the database.
    #[error(transparent)]
    HomeMatch(#[from] HomeMatchError),
    /// A part of the service ended without having been asked to.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// The transparency log cannot be repaired.
    #[error(transparent)]
    LogRepair(#[from] LogRepairError),
    /// The transparency log cannot be ended.
    #[error(transparent)]
    Retirement(#[from] RetirementError),
    /// The worker cannot start.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The server or the runtime failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// What opening a service may change in a database that it does not own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Nothing but the note of which home belongs to it, at the first start.
    AsItIs,
    /// The schema.
    Migrate,
    /// The schema, and which home belongs to it.
    MigrateAndAdoptHome,
}

/// What all services share: settings, home, keys, and an open database.
pub struct Service {
    config: Arc<Config>,
    home: Home,
    clock: Arc<dyn Clock>,
    database_url: String,
    store: Store,
    keys: Arc<KeyRing>,
    /// Of the master secret that belongs to the database.
    fingerprint: String,
    /// The private cluster, if there is one; it stops last.
    cluster: Arc<Mutex<Option<Cluster>>>,
    /// What runs beside the requests and the jobs.
    parts: Vec<Part>,
}

/// How long a start waits for the keys of other issuers.
const WARM_PATIENCE: Duration = Duration::from_secs(5);
impl Service {
    /// Opens the keys and the configured database, or starts a private one. Migrates a private database; any other only
    /// if `opening` says so, since that is its owner's decision.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn open(mut config: Config, home: Home, opening: Opening) -> Result<Self, ServiceError> {
        config.validate()?;
        api::trusted_proxies(&config)?;
        fit_connections(&mut config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (database_url, cluster) = match &config.database_url {
            Some(url) => (url.expose_secret().to_owned(), None),
            None => {
                let dir = home.postgres_dir();
                let cluster = tokio::task::spawn_blocking(move || Cluster::start(&dir)).await;
                let cluster = cluster.map_err(|e| std::io::Error::other(e.to_string()))??;
                (cluster.url().to_owned(), Some(cluster))
            }
        };
        let is_private = cluster.is_some();
        Store::await_restart(&database_url).await?;
        let cluster = Arc::new(Mutex::new(cluster));
        let keys = Arc::new(KeyRing::open(&home.keys_dir(), clock.now())?);
        let adoption = if opening == Opening::MigrateAndAdoptHome { Adoption::Wanted } else { Adoption::Refused };
        if opening != Opening::AsItIs || is_private {
            if adoption == Adoption::Refused {
                // before anything is changed
                let client = Store::connect(&database_url, 1).await?.read().await?;
                let noted = noted_fingerprints(&client).await?;
                // after the note: whoever notes a key has written it before
                keys.reload(clock.now())?;
                compare_home(&home, &keys, &noted)?;
            }
            for name in Store::migrate(&database_url).await? {
                tracing::info!(migration = name, "database brought up to date");
            }
        }
        let store = Store::connect(&database_url, config.database_connections).await?;
        store.check().await?;
        let fingerprint = match_home(&store, &home, &keys, adoption, clock.now()).await?;
        keys.check_signing()?;
        let mut parts = Vec::new();
        if is_private {
            parts.push(Part::new("the watch over the private Postgres", look_after(Arc::downgrade(&cluster))));
        }
        let config = Arc::new(config);
        Ok(Self { config, home, clock, database_url, store, keys, fingerprint, cluster, parts })
    }

    /// The master secret, if it still is the one that belongs to the database.
    fn secret(&self) -> Result<MasterSecret, ServiceError> {
        let secret = self.home.existing_secret()?;
        let found = secret.fingerprint();
        if found == self.fingerprint {
            return Ok(secret);
        }
        let (file, noted) = (self.home.secret_file(), self.fingerprint.clone());
        Err(HomeMatchError::SecretDiffers { file, found, noted }.into())
    }

    /// The signing keys.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Whether the database is this process's private cluster.
    pub fn is_private(&self) -> bool {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Works on jobs until `stop`.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn work(mut self, stop: impl Future<Output = ()>) -> Result<(), ServiceError> {
        let mut parts = std::mem::take(&mut self.parts);
        let metrics = serve_metrics(self.config.worker.metrics_listen, &mut parts)?;
        let mut worker = self.worker().await?;
        tracing::info!("working on jobs");
        let ended = tokio::select! {
            () = stop => None,
            ended = first_end(&mut parts) => Some(ended),
            ended = worker_end(Some(&mut worker)) => Some(ended),
        };
        note_stop(ended.as_ref());
        worker.stop().await;
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        parts.iter().for_each(Part::abort);
        self.close();
        ended.map_or(Ok(()), |ended| Err(ended.into()))
    }

    /// Answers requests until `stop`, and also works on jobs if `with_worker` is set. Calls `ready` with the address once
    /// the service listens.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn serve(
        mut self,
        with_worker: bool,
        ready: impl FnOnce(SocketAddr),
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServiceError> {
        let verifier = Arc::new(TokenVerifier::from_config(&self.config, Arc::clone(&self.keys))?);
        let (warmed, now) = (Arc::clone(&verifier), self.clock.now());
        // what cannot be fetched is told to the log, and does not keep the service from starting
        let _ = tokio::time::timeout(WARM_PATIENCE, tokio::task::spawn_blocking(move || warmed.warm(now))).await;
        let signer_health = SignerHealth::default();
        let signer = self.signer(signer_health.clone()).await?;
        let state = self.state(verifier, signer_health)?;
        let listener = listen(self.config.listen)?;
        let address = listener.local_addr()?;
        let server = api::server(state.clone(), listener)?;
        let mut parts = std::mem::take(&mut self.parts);
        parts.push(Part::upkeep("the report of refused callers", report_refused(state.clone())));
        parts.push(Part::upkeep("the signer of the transparency log", signer.run()));
        let metrics = serve_metrics(self.config.metrics_listen, &mut parts)?;
        let mut worker = if with_worker { Some(self.worker().await?) } else { None };
        let handle = server.handle();
        parts.push(run_server("the REST server", server));
        tracing::info!(%address, worker = with_worker, "serving");
        ready(address);
        let ended = tokio::select! {
            () = stop => None,
            ended = first_end(&mut parts) => Some(ended),
            ended = worker_end(worker.as_mut()) => Some(ended),
        };

        note_stop(ended.as_ref());
        // open progress streams would delay the shutdown; requests finish while the worker saves a checkpoint
        state.stop_streams();
        let limit = Duration::from_secs(self.config.shutdown_seconds);
        let stop_server = tokio::time::timeout(limit, handle.stop(true));
        let stop_worker = async {
            if let Some(worker) = worker {
                worker.stop().await;
            }
        };
        let (stopped, ()) = tokio::join!(stop_server, stop_worker);
        if stopped.is_err() {
            tracing::warn!("requests were cut off after {} s", self.config.shutdown_seconds);
            handle.stop(false).await;
        }
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        parts.iter().for_each(Part::abort);
        self.close();
        ended.map_or(Ok(()), |ended| Err(ended.into()))
    }

    fn log_parts(&self) -> LogParts {
        let (store, keys, home) = (self.store.clone(), Arc::clone(&self.keys), self.home.clone());
        LogParts { origin: self.config.log_origin(), store, keys, home, now: self.clock.now() }
    }

    /// Ends the service's log, if `confirm` agrees with what is to be signed; `None` if not. The next log is `successor`, or has the same
    /// name with the next number.
    ///
    /// # Errors
    /// [`ServiceError::Retirement`].
    pub async fn retire_log(
        mut self,
        successor: Option<String>,
        reason: String,
        confirm: impl FnOnce(&Retirement) -> bool,
    ) -> Result<Option<String>, ServiceError> {
        let outcome = end_log(&self.log_parts(), successor, reason, confirm).await;
        self.close();
        Ok(outcome?)
    }

    /// Publishes again what the database lacks of its log: see [`LogSource`].
    ///
    /// # Errors
    /// [`ServiceError::LogRepair`].
    pub async fn repair_log(
        mut self,
        from: LogSource,
        bundles: Option<PathBuf>,
        without_mark: bool,
        tests: TestShapes,
    ) -> Result<Repaired, ServiceError> {
        let outcome = complete_log(&self.log_parts(), from, bundles, without_mark, tests).await;
        self.close();
        Ok(outcome?)
    }

    async fn signer(&self, health: SignerHealth) -> Result<Signer, ServiceError> {
        let witnesses = &self.config.transparency.witnesses;
        Ok(Signer {
            origin: self.config.log_origin(),
            is_named: !self.config.transparency.origin.is_empty(),
            // it holds a connection for good, which requests and jobs must not miss
            store: Store::connect(&self.database_url, SIGNER_CONNECTIONS as usize).await?,
            keys: Arc::clone(&self.keys),
            mark: Mark::of(&self.home),
            clock: Arc::clone(&self.clock),
            health,
            cosigners: witnesses.iter().map(|text| Cosigner::parse(text)).collect::<Result<_, _>>()?,
        })
    }

    fn state(&self, verifier: Arc<TokenVerifier>, signer: SignerHealth) -> Result<ApiState, ServiceError> {
        let state = ApiState::new(api::Parts {
            store: self.store.clone(),
            verifier,
            keys: Arc::clone(&self.keys),
            config: Arc::clone(&self.config),
            clock: Arc::clone(&self.clock),
            secret: self.secret()?,
            disk: self.cluster_directory(),
            signer,
        })?;
        Ok(state)
    }

    /// Where the private cluster keeps its files, which may be on another disk than the home.
    fn cluster_directory(&self) -> Option<PathBuf> {
        let cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.as_ref().map(|cluster| cluster.directory().to_owned())
    }

    async fn worker(&self) -> Result<Worker, ServiceError> {
        let (keys, clock) = (Arc::clone(&self.keys), Arc::clone(&self.clock));
        let now = Arc::clone(&clock);
        let sign = move |statement: &[u8]| keys.sign_statement(statement, now.now()).map_err(|e| e.to_string());
        let worker = Worker::start(
            self.store.clone(),
            &self.database_url,
            self.home.clone(),
            Arc::clone(&self.config),
            Arc::new(sign),
            self.fingerprint.clone(),
            clock,
        );
        Ok(worker.await?)
    }

    /// Stops the private cluster, last of all.
    fn close(&mut self) {
        let cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(e)) = cluster.map(Cluster::stop) {
            tracing::warn!(error = %e, "the private Postgres was not stopped in order");
        }
    }
}

/// The worker's end, if there is a worker.
async fn worker_end(worker: Option<&mut Worker>) -> Ended {
    match worker {
        Some(worker) => Ended { part: "the worker", reason: worker.ended().await },
        None => pending().await,
    }
}

fn note_stop(ended: Option<&Ended>) {
    match ended {
        None => tracing::info!("stopping"),
        Some(reason) => tracing::error!(%reason, "stopping"),
    }
}

/// Raises the limit on open files, and admits no more connections than it allows.
fn fit_connections(config: &mut Config) -> Result<(), ServiceError> {
    let room = descriptors::raise()?.for_connections(config.database_connections);
    if room < config.bounds.connections {
        tracing::warn!(
            connections = room,
            wanted = config.bounds.connections,
            "the limit on open files admits fewer connections than bounds.connections"
        );
        config.bounds.connections = room;
    }
    Ok(())
}

/// Counts from now on and serves the metrics at `address`, if there is one. The server and its upkeep join `parts`.
fn serve_metrics(address: Option<SocketAddr>, parts: &mut Vec<Part>) -> Result<Option<ServerHandle>, ServiceError> {
    let Some(address) = address else { return Ok(None) };
    let listener = listen(address)?;
    let metrics = telemetry::start_metrics()?;
    let server = api::metrics_server(metrics.clone(), listener)?;
    let handle = server.handle();
    parts.push(Part::upkeep("the upkeep of the metrics", telemetry::keep_metrics(metrics)));
    parts.push(run_server("the server of the metrics", server));
    Ok(Some(handle))
}

fn run_server(name: &'static str, server: Server) -> Part {
    Part::new(name, async { server.await.map_or_else(|e| e.to_string(), |()| "it stopped".to_owned()) })
}

fn listen(address: SocketAddr) -> Result<TcpListener, ServiceError> {
    TcpListener::bind(address).map_err(|source| ServiceError::Listen { address, source })
}

/// Resolves at the first SIGTERM, SIGINT or SIGHUP. A second one ends the process at once.
///
/// # Errors
/// If a signal handler cannot be installed.
pub fn stop_signal() -> Result<impl Future<Output = ()>, std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut tell = Some(tell);
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {}
            }
            match tell.take() {
                // the receiver may be gone: then there is nothing left to stop
                Some(tell) => drop(tell.send(())),
                None => std::process::exit(3),
            }
        }
    });
    Ok(async move {
        let _ = told.await;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_is_not_there_ends_nothing() {
        assert!(tokio::time::timeout(Duration::from_millis(50), worker_end(None)).await.is_err());
    }
}
