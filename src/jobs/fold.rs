//! Stage 3: folds the accounts of one shard. Goes on from the last checkpoint of any worker, and stores checkpoints in the
//! database.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use assay_fold::Error;
use assay_programs::ledger::fold::Fold;
use tokio::runtime::Handle;

use super::{
    ledger::{drop_shared_plan, shared_plan},
    stage::{Running, Stage, StageError, still_ours},
};
use crate::{
    attest::{self, AttestError, Prepared, begin_fold},
    store::{
        jobs::statement_and_proof,
        units::{checkpoint, drop_checkpoint, put_checkpoint, unit_folded},
        within,
    },
};

/// How long storing a checkpoint may take; it has tens of megabytes.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(60);
/// How long a finished fold waits for an unavailable database.
const WAIT_TO_KEEP: Duration = Duration::from_secs(600);

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let shard = running.shard()?;
    let prepared = shared_plan(&running, planned(&running).await?).await?;
    let kept = kept(&running, shard).await?;
    let runtime = Handle::current();
    running.blocking(move |running| fold(running, &prepared, shard, kept, &runtime)).await?;
    let (context, id, now) = (&running.context, running.job.id, running.context.now());
    let moved = context.store.run_tx("unit folded", async |tx| {
        if !still_ours(&tx, &running).await? {
            return Ok(None);
        }
        unit_folded(&tx, id, shard as i32, Stage::Compress.task(), now).await
    });
    let others_fold = moved.await?.ok_or(StageError::Lost)?;
    if !others_fold {
        drop_shared_plan(&running).await;
    }
    Ok(())
}

/// The statement that the plan stage stored.
pub(super) async fn planned(running: &Running) -> Result<Vec<u8>, StageError> {
    let client = running.context.store.read().await?;
    let (statement, _) = statement_and_proof(&client, running.job.id).await?;
    statement.ok_or_else(|| StageError::Failed("the job has no statement".to_owned()))
}

/// The bytes of the shard's last checkpoint.
pub(super) async fn kept(running: &Running, shard: u32) -> Result<Option<Vec<u8>>, StageError> {
    let client = running.context.store.read().await?;
    Ok(checkpoint(&client, running.job.id, shard as i32).await?.map(|(_, bytes)| bytes))
}

fn fold(
    running: &Running,
    prepared: &Prepared,
    shard: u32,
    kept: Option<Vec<u8>>,
    runtime: &Handle,
) -> Result<(), StageError> {
    let (context, id) = (&running.context, running.job.id);
    let parameters = context.parameters(prepared.shape())?;
    let mut fold = match begin_fold(prepared, &parameters, shard, kept.as_deref()) {
        Err(Error::Checkpoint(reason)) => {
            // this costs time, not soundness: a refused checkpoint proves nothing about this statement
            tracing::warn!(job = %id, reason, "the checkpoint is dropped and the fold begun anew");
            let drop = context.store.run_tx("drop checkpoint", async |tx| drop_checkpoint(&tx, id, shard as i32).await);
            runtime.block_on(drop)?;
            begin_fold(prepared, &parameters, shard, None)?
        }
        other => other?,
    };
    running.steps_done.store(fold.steps_done() as i32, Ordering::Relaxed);
    let every = Duration::from_secs(context.config.worker.checkpoint_seconds);
    let keep = |fold: &Fold<'_>| -> Result<(), AttestError> {
        let bytes = fold.checkpoint()?;
        metrics::gauge!("assay_checkpoint_bytes").set(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let (steps, complete) = (fold.steps_done() as i32, fold.steps_done() == fold.steps());
        let began = Instant::now();
        loop {
            let put = async {
                let client = context.store.read().await?;
                put_checkpoint(&client, id, shard as i32, steps, &bytes, context.now()).await
            };
            // called inside the runtime, because `within` makes a timer
            let put = async { within(CHECKPOINT_PATIENCE, put).await };
            let Err(error) = runtime.block_on(put) else { return Ok(()) };
            tracing::warn!(job = %id, steps, %error, "the checkpoint is not kept");
            if !complete {
                // without this checkpoint, a stop or crash before the next one costs only the steps since the last
                return Ok(());
            }
            if running.stop.load(Ordering::Relaxed) || began.elapsed() > WAIT_TO_KEEP {
                return Err(AttestError::Environment(format!("the finished fold cannot be kept: {error}")));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    };
    let mut last = Instant::now();
    let step = |done: usize| {
        running.steps_done.store(done as i32, Ordering::Relaxed);
        metrics::counter!("assay_fold_steps_total").increment(1);
        metrics::histogram!("assay_fold_step_seconds").record(last.elapsed());
        last = Instant::now();
    };
    Ok(attest::fold(&mut fold, prepared, shard, every, &running.stop, keep, step)?)
}
