//! The resources that all stages share.

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicBool};

use assay_fold::keys::Keys;
use assay_programs::ledger::Ledger;
use assay_programs::{ledger::shape::Shape, purpose::TestShapes};
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::{
    attest::Prepared,
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
    /// Of the master secret that belongs to the database.
    pub(super) secret_fingerprint: String,
    pub(super) clock: Arc<dyn Clock>,
    /// Name under which this worker takes jobs, new at every start.
    pub(super) name: String,
    /// Proving has its own threads, so that heartbeats continue.
    pub(super) threads: Arc<Threads>,
    /// Set when the worker must stop.
    pub(super) stop: Arc<AtomicBool>,
    /// The parameters used last. Those of a large shape take seconds to read, and much memory.
    parameters: Mutex<Option<SharedKeys>>,
    /// The plan used last, which the units of its job share. Whoever needs another one makes it under this lock, so that one
    /// process writes the files of a ledger once.
    pub(super) planned: tokio::sync::Mutex<Option<(Uuid, Arc<Prepared>)>>,
}

/// The proving threads, divided among the units that a worker takes at once.
pub(super) struct Threads {
    pools: Vec<rayon::ThreadPool>,
    /// Places of the pools that nobody uses.
    free: Mutex<Vec<usize>>,
    turns: Arc<Semaphore>,
}

/// The threads of one unit; given back when dropped.
pub(super) struct UnitThreads {
    all: Arc<Threads>,
    place: usize,
    _turn: OwnedSemaphorePermit,
}

impl Threads {
    /// `threads` threads for `units` units, at least one for each.
    fn new(threads: usize, units: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let own = (threads / units).max(1);
        let pool = |unit: usize| {
            let name = move |i| format!("prove-{unit}-{i}");
            rayon::ThreadPoolBuilder::new().num_threads(own).thread_name(name).build()
        };
        let pools = (0..units).map(pool).collect::<Result<_, _>>()?;
        Ok(Self { pools, free: Mutex::new((0..units).collect()), turns: Arc::new(Semaphore::new(units)) })
    }

    /// Waits for the threads of a unit.
    pub(super) async fn take(self: &Arc<Self>) -> UnitThreads {
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("the turns are never closed");
        let place = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        UnitThreads { all: Arc::clone(self), place: place.expect("there are as many turns as pools"), _turn: turn }
    }
}

impl UnitThreads {
    /// Runs `work` on these threads.
    pub(super) fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.all.pools[self.place].install(work)
    }
}

impl Drop for UnitThreads {
    fn drop(&mut self) {
        self.all.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.place);
    }
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
        secret_fingerprint: String,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WorkerError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = match config.worker.threads {
            // one core is left to the runtime
            0 => cores.saturating_sub(1).max(1),
            given => given,
        };
        let threads = Arc::new(Threads::new(threads, config.worker.units)?);
        Ok(Self {
            store,
            home,
            config,
            sign,
            secret_fingerprint,
            clock,
            name: Uuid::now_v7().to_string(),
            threads,
            stop: Arc::new(AtomicBool::new(false)),
            parameters: Mutex::new(None),
            planned: tokio::sync::Mutex::new(None),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn as_many_units_run_at_once_as_there_are_pools() {
        let threads = Arc::new(Threads::new(5, 2).unwrap());
        let (first, second) = (threads.take().await, threads.take().await);
        assert_ne!(first.place, second.place);
        assert_eq!(first.install(rayon::current_num_threads), 2);
        assert!(threads.turns.try_acquire().is_err());
        let freed = first.place;
        drop(first);
        assert_eq!(threads.take().await.place, freed);
        assert_eq!(Threads::new(1, 3).unwrap().pools.len(), 3, "at least one thread each");
    }
}
