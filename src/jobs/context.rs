//! The resources that all stages share.

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicBool};

use assay_fold::keys::Keys;
use assay_programs::ledger::Ledger;
use assay_programs::{ledger::shape::Shape, purpose::TestShapes};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    clock::Clock,
    config::Config,
    home::Home,
    store::{Store, StoreError},
};

/// Signs the canonical bytes of a statement. Returns the JWS, or the reason why there is none.
pub type Sign = Arc<dyn Fn(&[u8]) -> Result<String, String> + Send + Sync>;

/// Why a worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue.
    #[error("the queue: {0}")]
    Queue(String),
    /// The proving threads.
    #[error("cannot start the threads that prove: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// A shape's name and its keys.
type SharedKeys = (&'static str, Arc<Keys<Ledger>>);

/// The resources that all stages of a worker share.
pub(super) struct Context {
    pub(super) store: Store,
    pub(super) home: Home,
    pub(super) config: Arc<Config>,
    pub(super) sign: Sign,
    pub(super) clock: Arc<dyn Clock>,
    /// Name under which this worker takes jobs, new at every start.
    pub(super) name: String,
    /// Proving has its own threads, so that heartbeats continue.
    pub(super) pool: rayon::ThreadPool,
    /// Set when the worker must stop.
    pub(super) stop: Arc<AtomicBool>,
    /// The parameters used last. Those of a large shape take seconds to read, and much memory.
    parameters: Mutex<Option<SharedKeys>>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Context {
    pub(super) fn new(
        store: Store,
        home: Home,
        config: Arc<Config>,
        sign: Sign,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WorkerError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = match config.worker.threads {
            // one core is left to the runtime
            0 => cores.saturating_sub(1).max(1),
            given => given,
        };
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("prove-{i}")).build()?;
        Ok(Self {
            store,
            home,
            config,
            sign,
            clock,
            name: Uuid::now_v7().to_string(),
            pool,
            stop: Arc::new(AtomicBool::new(false)),
            parameters: Mutex::new(None),
        })
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Whether circuits made for tests are accepted.
    pub(super) fn tests(&self) -> TestShapes {
        if self.config.worker.test_shapes { TestShapes::Accepted } else { TestShapes::Refused }
    }

    /// The parameters of a shape, kept for the next stage.
    pub(super) fn parameters(&self, shape: &'static Shape) -> Result<Arc<Keys<Ledger>>, assay_fold::Error> {
        let mut kept = self.parameters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, parameters)) = &*kept
            && *name == shape.name
        {
            return Ok(Arc::clone(parameters));
        }
        // memory may not hold two of the largest sets at once
        *kept = None;
        let parameters = Arc::new(self.home.parameters(shape)?);
        *kept = Some((shape.name, Arc::clone(&parameters)));
        Ok(parameters)
    }
}
