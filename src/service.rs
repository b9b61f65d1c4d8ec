//! The running service: what `serve` and `work` start, and the order in which it stops.
//!
//! **In:** settings and a home directory. **Out:** a process that answers requests, works on jobs, or both, until it is
//! stopped. Then requests finish, the proof under way stops at a checkpoint, and a private cluster stops last. A private
//! cluster that ends before is started again.

use std::{
    future::Future,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use crate::{
    api::{self, ApiState},
    clock::{Clock, SystemClock},
    config::{Config, ConfigError},
    descriptors,
    home::{Home, HomeError},
    jobs::{Worker, WorkerError},
    pg::{Cluster, ClusterError},
    store::{Store, StoreError},
    telemetry,
    tokens::{IssuerError, KeyRing, KeyRingError, TokenVerifier},
};

/// Why a service cannot start or continue; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
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

/// What all services share: settings, home, keys, and an open database.
pub struct Service {
    config: Arc<Config>,
    home: Home,
    clock: Arc<dyn Clock>,
    database_url: String,
    store: Store,
    keys: Arc<KeyRing>,
    /// The private cluster, if there is one; it stops last.
    cluster: Arc<Mutex<Option<Cluster>>>,
}

/// Interval between two reports of refused callers.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// How often the private cluster is checked.
const LOOK_AFTER_CLUSTER: Duration = Duration::from_secs(2);

impl Service {
    /// Opens the keys and the configured database, or starts a private one. Migrates a private database; any other only
    /// if `migrate` is set, since that is its owner's decision.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn open(mut config: Config, home: Home, migrate: bool) -> Result<Self, ServiceError> {
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
        if migrate || is_private {
            for name in Store::migrate(&database_url).await? {
                tracing::info!(migration = name, "database brought up to date");
            }
        }
        let store = Store::connect(&database_url, config.database_connections).await?;
        store.check().await?;
        let keys = Arc::new(KeyRing::open_or_create(&home.keys_dir(), clock.now())?);
        home.master_secret()?;
        if is_private {
            tokio::spawn(look_after(Arc::downgrade(&cluster)));
        }
        Ok(Self { config: Arc::new(config), home, clock, database_url, store, keys, cluster })
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
        let worker = self.worker().await?;
        tracing::info!("working on jobs");
        stop.await;
        tracing::info!("stopping");
        worker.stop().await;
        self.close();
        Ok(())
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
        let state = ApiState::new(api::Parts {
            store: self.store.clone(),
            verifier,
            keys: Arc::clone(&self.keys),
            config: Arc::clone(&self.config),
            clock: Arc::clone(&self.clock),
            secret: self.home.master_secret()?,
            disk: self.is_private().then(|| self.home.postgres_dir()),
        })?;
        let listener = listen(self.config.listen)?;
        let address = listener.local_addr()?;
        let server = api::server(state.clone(), listener)?;
        let mut upkeep = JoinSet::new();
        let metrics = match self.config.metrics_listen {
            Some(at) => {
                let handle = telemetry::start_metrics()?;
                upkeep.spawn(telemetry::keep_metrics(handle.clone()));
                Some(api::metrics_server(handle, listen(at)?)?)
            }
            None => None,
        };
        upkeep.spawn(report_refused(state.clone()));
        let worker = if with_worker { Some(self.worker().await?) } else { None };
        let (handle, metrics_handle) = (server.handle(), metrics.as_ref().map(|m| m.handle()));
        let serving = tokio::spawn(server);
        let metrics = metrics.map(tokio::spawn);
        tracing::info!(%address, worker = with_worker, "serving");
        ready(address);
        stop.await;

        tracing::info!("stopping");
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
        if let Some(metrics) = metrics_handle {
            metrics.stop(false).await;
        }
        for task in [Some(serving), metrics].into_iter().flatten() {
            task.abort();
        }
        self.close();
        Ok(())
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

/// Starts the private cluster again if it ends, since nobody else would.
async fn look_after(cluster: Weak<Mutex<Option<Cluster>>>) {
    loop {
        tokio::time::sleep(LOOK_AFTER_CLUSTER).await;
        let Some(cluster) = cluster.upgrade() else { return };
        let looked = tokio::task::spawn_blocking(move || {
            let mut cluster = cluster.lock().unwrap_or_else(PoisonError::into_inner);
            Some(cluster.as_mut()?.revive())
        });
        match looked.await {
            Ok(Some(Ok(false))) => {}
            Ok(Some(Ok(true))) => tracing::warn!("the private Postgres had ended and was started again"),
            Ok(Some(Err(e))) => tracing::error!(error = %e, "the private Postgres has ended and cannot be started"),
            Ok(None) | Err(_) => return,
        }
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

/// Reports once a minute how many callers were refused.
async fn report_refused(state: ApiState) {
    loop {
        tokio::time::sleep(REPORT_EVERY).await;
        state.report_refused();
    }
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
