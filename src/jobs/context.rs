//! What every stage works with.

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

/// Signs the canonical bytes of a statement; the JWS, or why there is none.
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
    /// The threads that prove.
    #[error("cannot start the threads that prove: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Keys with the name of their shape.
type SharedKeys = (&'static str, Arc<Keys<Ledger>>);

/// What every stage works with; shared by all tasks of a worker.
pub(super) struct Context {
    pub(super) store: Store,
    pub(super) home: Home,
    pub(super) config: Arc<Config>,
    pub(super) sign: Sign,
    pub(super) clock: Arc<dyn Clock>,
    /// Name under which this worker takes jobs: new for every start.
    pub(super) name: String,
    /// Proving has threads of its own, so that heartbeats go on.
    pub(super) pool: rayon::ThreadPool,
    /// Set once the worker is to stop.
    pub(super) stop: Arc<AtomicBool>,
    /// Parameters that were used last: those of large shapes take seconds to read and much memory.
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
            // one core stays with the runtime
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
        // two sets of the largest would not fit side by side
        *kept = None;
        let parameters = Arc::new(self.home.parameters(shape)?);
        *kept = Some((shape.name, Arc::clone(&parameters)));
        Ok(parameters)
    }
}
