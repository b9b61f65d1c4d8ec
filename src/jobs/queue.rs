//! Runs the queue, graphile_worker: tasks, the process's heartbeats, and recovery of tasks whose worker died.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext, WorkerOptions};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use super::{
    check, compress,
    context::{Context, Sign, WorkerError},
    fold, plan, publish,
    stage::{self, Running, Stage, StageError, Subject},
    sweep, verify,
};
use crate::{
    clock::Clock,
    config::Config,
    home::Home,
    store::{QUEUE_CONNECTIONS, Store},
};

/// How long to wait before reopening an interrupted queue.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// A worker in this process.
pub struct Worker {
    context: Arc<Context>,
    /// Set once, to stop the queue.
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
    sweeping: JoinHandle<()>,
}

impl Worker {
    /// Starts to work on the tasks of the queue at `database_url`, with the master secret of this fingerprint and no other.
    ///
    /// # Errors
    /// [`WorkerError::Queue`] if the queue cannot be opened; [`WorkerError::Threads`] if the proving threads cannot be started.
    pub async fn start(
        store: Store,
        database_url: &str,
        home: Home,
        config: Arc<Config>,
        sign: Sign,
        secret_fingerprint: String,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WorkerError> {
        let context = Arc::new(Context::new(store, home, config, sign, secret_fingerprint, clock)?);
        let stop = watch::Sender::new(false);
        let first = open(&context, database_url, &stop).await?;
        let running = tokio::spawn(run(Arc::clone(&context), database_url.to_owned(), stop.clone(), first));
        let sweeping = tokio::spawn(sweep::run(Arc::clone(&context)));
        Ok(Self { context, stop, running, sweeping })
    }

    /// Waits for the end of a worker that nobody has stopped, which would be a fault of this program. Returns the reason.
    pub async fn ended(&mut self) -> String {
        let ended = tokio::select! {
            ended = &mut self.running => ended,
            ended = &mut self.sweeping => ended,
        };
        match ended {
            Ok(()) => "it stopped".to_owned(),
            Err(e) if e.is_panic() => "it panicked".to_owned(),
            Err(e) => e.to_string(),
        }
    }

    /// Stops the running stage, so that another worker can resume it, and ends the worker. Waits at most `shutdown_seconds`.
    pub async fn stop(self) {
        self.context.stop.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        self.sweeping.abort();
        let limit = Duration::from_secs(self.context.config.shutdown_seconds);
        // one that has ended by itself was waited for
        if !self.running.is_finished() && tokio::time::timeout(limit, self.running).await.is_err() {
            // the queue will find this worker dead; another one resumes from the stored state
            tracing::warn!("the stage under way did not end in time");
        }
    }
}

async fn open(
    context: &Arc<Context>,
    database_url: &str,
    stop: &watch::Sender<bool>,
) -> Result<graphile_worker::Worker, WorkerError> {
    let config = &context.config;
    let (beat, dead_after) = (config.worker.heartbeat_seconds, config.worker.dead_after_seconds);
    let mut stopped = stop.subscribe();
    let options = WorkerOptions::default()
        .database_url(database_url)
        .max_pg_conn(QUEUE_CONNECTIONS)
        // each uses the proving threads of one unit
        .concurrency(config.worker.units)
        .poll_interval(Duration::from_secs(1))
        .heartbeat_interval(Duration::from_secs(beat))
        .sweep_interval(Duration::from_secs(dead_after.div_ceil(2)))
        .sweep_threshold(Duration::from_secs(dead_after))
        .recovery_delay(Duration::ZERO)
        .listen_os_shutdown_signals(false)
        .shutdown_signal(async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        })
        // a task that does not end in time is released while there is still time to do so
        .shutdown_grace_period(Duration::from_secs(config.shutdown_seconds.saturating_sub(5).max(1)))
        .shutdown_interrupted_job_retry_delay(Duration::ZERO)
        .add_extension(Arc::clone(context))
        .define_job::<Check>()
        .define_job::<Plan>()
        .define_job::<Fold>()
        .define_job::<Compress>()
        .define_job::<Verify>()
        .define_job::<Publish>();
    options.init().await.map_err(|e| WorkerError::Queue(e.to_string()))
}

/// Runs the queue until `stop` is set. A lost database ends the run, and the queue is opened again. The queue then finds the
/// tasks of the lost run dead and gives them to this process or another.
async fn run(context: Arc<Context>, database_url: String, stop: watch::Sender<bool>, first: graphile_worker::Worker) {
    let mut opened = Ok(first);
    loop {
        let ended = match &opened {
            Ok(queue) => queue.run().await.map_err(|e| e.to_string()),
            Err(e) => Err(WorkerError::to_string(e)),
        };
        if *stop.borrow() {
            return;
        }
        let reason = ended.err().unwrap_or_else(|| "it ended".to_owned());
        tracing::warn!(reason, "the queue is interrupted and opened again");
        tokio::time::sleep(REOPEN_AFTER).await;
        opened = open(&context, &database_url, &stop).await;
    }
}

macro_rules! tasks {
    ($($name:ident $stage:path => $run:path;)*) => {$(
        #[derive(Debug, Serialize, Deserialize)]
        struct $name {
            job_id: Uuid,
            /// Where the task is about one unit of the job.
            #[serde(default)]
            shard: Option<i32>,
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
                handle(ctx, $stage, Subject { job_id: self.job_id, shard: self.shard }, $run).await
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

async fn handle<F, Fut>(ctx: WorkerContext, stage: Stage, subject: Subject, work: F) -> Result<(), String>
where
    F: FnOnce(Running) -> Fut,
    Fut: Future<Output = Result<(), StageError>>,
{
    let context = ctx.get_ext::<Arc<Context>>().ok_or("a task without its context")?;
    let last = ctx.job().attempts() >= ctx.job().max_attempts();
    stage::run(Arc::clone(context), stage, subject, last, work).await
}
