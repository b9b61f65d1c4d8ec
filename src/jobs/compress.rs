//! Stage 4: the complete fold becomes a zero-knowledge proof.

use std::time::Instant;

use assay_core::sealed::Sealed;
use assay_fold::Error;
use assay_programs::ledger::{fold::compress, statement::Statement};

use super::{
    check::next,
    fold::{kept, planned},
    stage::{Running, Stage, StageError, still_ours},
};
use crate::store::{
    Conflict,
    jobs::{advance, enqueue, set_proof},
};

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let planned = planned(&running).await?;
    let Some(kept) = kept(&running).await? else {
        return next(&running, Stage::Compress, Stage::Fold).await;
    };
    let proof = running
        .blocking(move |running| {
            let statement = Sealed::<Statement>::parse(&planned).map_err(Error::from)?;
            let parameters = running.context.parameters(statement.shape().map_err(Error::from)?)?;
            let begun = Instant::now();
            match compress(&parameters, &statement, 0, &kept) {
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
        return next(&running, Stage::Compress, Stage::Fold).await;
    };
    let (context, id, now) = (&running.context, running.job.id, running.context.now());
    let stored = context.store.run_tx("store proof", async |tx| {
        set_proof(&tx, id, &proof, now).await?;
        let moved = still_ours(&tx, &running).await?
            && advance(&tx, id, &[Stage::Compress.state()], Stage::Verify.state(), now).await?;
        if !moved {
            // a worker that lost the job must not store its result
            return Err(Conflict::JobEnded.into());
        }
        enqueue(&tx, Stage::Verify.task(), id).await
    });
    Ok(stored.await?)
}
