//! The queue, graphile_worker, and nothing of it anywhere else: tasks, heartbeats of the process, and taking over from workers
//! that died.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext, WorkerOptions};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    check, compress,
    context::{Context, Sign, WorkerError},
    fold, plan, publish,
    stage::{self, Running, Stage, StageError},
    sweep, verify,
};
use crate::{attest::Home, clock::Clock, config::Config, store::Store};

/// A worker in this process.
pub struct Worker {
    context: Arc<Context>,
    queue: Arc<graphile_worker::Worker>,
    running: tokio::task::JoinHandle<()>,
    sweeping: tokio::task::JoinHandle<()>,
}

impl Worker {
    /// Begins to work on what the queue at `database_url` holds.
    ///
    /// # Errors
    /// [`WorkerError`] if there is no queue, or no threads.
    pub async fn start(
        store: Store,
        database_url: &str,
        home: Home,
        config: Arc<Config>,
        sign: Sign,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WorkerError> {
        let grace = Duration::from_secs(config.shutdown_seconds);
        let (beat, dead_after) = (config.worker.heartbeat_seconds.max(1), config.worker.dead_after_seconds.max(2));
        let context = Arc::new(Context::new(store, home, config, sign, clock)?);
        let options = WorkerOptions::default()
            .database_url(database_url)
            .max_pg_conn(4)
            // one stage at a time: each takes all threads that prove
            .concurrency(1)
            .poll_interval(Duration::from_secs(1))
            .heartbeat_interval(Duration::from_secs(beat))
            .sweep_interval(Duration::from_secs(dead_after.div_ceil(2)))
            .sweep_threshold(Duration::from_secs(dead_after))
            .recovery_delay(Duration::ZERO)
            .listen_os_shutdown_signals(false)
            .shutdown_grace_period(grace)
            .shutdown_interrupted_job_retry_delay(Duration::ZERO)
            .add_extension(Arc::clone(&context))
            .define_job::<Check>()
            .define_job::<Plan>()
            .define_job::<Fold>()
            .define_job::<Compress>()
            .define_job::<Verify>()
            .define_job::<Publish>();
        let queue = Arc::new(options.init().await.map_err(|e| WorkerError::Queue(e.to_string()))?);
        let own = Arc::clone(&queue);
        let state = Arc::clone(&context);
        let running = tokio::spawn(async move {
            // a database that goes away ends the run; a new one begins until the worker is to stop
            while let Err(e) = own.run().await {
                if state.stop.load(Ordering::Relaxed) {
                    return;
                }
                tracing::warn!(error = %e, "the queue is interrupted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let sweeping = tokio::spawn(sweep::run(Arc::clone(&context)));
        Ok(Self { context, queue, running, sweeping })
    }

    /// Puts the stage under way down, so that another worker can go on with it, and ends.
    pub async fn stop(self) {
        self.context.stop.store(true, Ordering::Relaxed);
        self.queue.request_shutdown();
        self.sweeping.abort();
        let limit = Duration::from_secs(self.context.config.shutdown_seconds);
        if tokio::time::timeout(limit, self.running).await.is_err() {
            // what it did not keep is done again: the queue finds it dead
            tracing::warn!("the stage under way did not end in time");
        }
    }
}

macro_rules! tasks {
    ($($name:ident $stage:path => $run:path;)*) => {$(
        #[derive(Debug, Serialize, Deserialize)]
        struct $name {
            job_id: Uuid,
        }

        impl TaskHandler for $name {
            const IDENTIFIER: &'static str = match $stage {
                Stage::Check => "check",
                Stage::Plan => "plan",
                Stage::Fold => "fold",
                Stage::Compress => "compress",
                Stage::Verify => "verify",
                Stage::Publish => "publish",
            };

            async fn run(self, ctx: WorkerContext) -> impl IntoTaskHandlerResult {
                handle(ctx, $stage, self.job_id, $run).await
            }
        }
    )*};
}

tasks! {
    Check Stage::Check => check::run;
    Plan Stage::Plan => plan::run;
    Fold Stage::Fold => fold::run;
    Compress Stage::Compress => compress::run;
    Verify Stage::Verify => verify::run;
    Publish Stage::Publish => publish::run;
}

async fn handle<F, Fut>(ctx: WorkerContext, stage: Stage, job_id: Uuid, work: F) -> Result<(), String>
where
    F: FnOnce(Running) -> Fut,
    Fut: Future<Output = Result<(), StageError>>,
{
    let context = ctx.get_ext::<Arc<Context>>().ok_or("a task without its context")?;
    let last = ctx.job().attempts() >= ctx.job().max_attempts();
    stage::run(Arc::clone(context), stage, job_id, last, work).await
}
