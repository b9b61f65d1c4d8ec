//! Stage 4: the complete fold of one shard becomes a zero-knowledge proof. The last shard's makes the job's proof whole.

use std::time::Instant;

use assay_core::sealed::Sealed;
use assay_fold::Error;
use assay_programs::ledger::{fold::compress, statement::Statement};

use super::{
    fold::{kept, planned},
    ledger::drop_shared_plan,
    stage::{Running, Stage, StageError, still_ours},
};
use crate::store::{
    Conflict,
    jobs::enqueue,
    units::{return_unit, unit_proved},
};

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let shard = running.shard()?;
    let planned = planned(&running).await?;
    let Some(kept) = kept(&running, shard).await? else {
        return back(&running, shard).await;
    };
    let proof = running
        .blocking(move |running| {
            let statement = Sealed::<Statement>::parse(&planned).map_err(Error::from)?;
            let parameters = running.context.parameters(statement.shape().map_err(Error::from)?)?;
            let begun = Instant::now();
            match compress(&parameters, &statement, shard, &kept) {
                Ok(proof) => {
                    metrics::histogram!("assay_compress_seconds").record(begun.elapsed());
                    Ok(Some(proof))
                }
                // the checkpoint is not the end of this fold: back to the fold stage
                Err(Error::Checkpoint(_) | Error::OutOfBounds(_)) => Ok(None),
                Err(e) => Err(e.into()),
            }
        })
        .await?;
    let Some(proof) = proof else {
        return back(&running, shard).await;
    };
    let (context, id, now) = (&running.context, running.job.id, running.context.now());
    let stored = context.store.run_tx("store proof", async |tx| {
        if !still_ours(&tx, &running).await? {
            // a worker that lost the unit must not store its result
            return Err(Conflict::JobEnded.into());
        }
        if unit_proved(&tx, id, shard as i32, &proof, now).await? {
            enqueue(&tx, Stage::Verify.task(), id).await?;
        }
        Ok(())
    });
    stored.await?;
    // folds are taken before compressions: none is waiting for this worker's copy by now, and one under way has its own hold on it
    drop_shared_plan(&running).await;
    Ok(())
}

/// Gives the unit back to the fold, a few times.
async fn back(running: &Running, shard: u32) -> Result<(), StageError> {
    let (id, now) = (running.job.id, running.context.now());
    let returned = running.context.store.run_tx("fold again", async |tx| {
        if !still_ours(&tx, running).await? {
            return Err(Conflict::JobEnded.into());
        }
        return_unit(&tx, id, shard as i32, Stage::Fold.task(), now).await
    });
    if returned.await? {
        return Ok(());
    }
    Err(StageError::Failed(format!("shard {shard}: the finished fold was refused by its compression again and again")))
}
