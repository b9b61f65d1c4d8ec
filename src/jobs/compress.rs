//! Stage 4: the complete fold becomes a zero-knowledge proof.

use std::time::Instant;

use assay_fold::Error;

use super::{
    check::next,
    fold::{kept, planned},
    ledger::{materialise, same_statement, with_prepared},
    stage::{Running, Stage, StageError, still_ours},
};
use crate::{
    attest::begin_fold,
    store::{
        Conflict,
        jobs::{advance, enqueue, set_proof},
    },
};

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let dir = materialise(&running).await?;
    let planned = planned(&running).await?;
    let Some(kept) = kept(&running).await? else {
        return next(&running, Stage::Compress, Stage::Fold).await;
    };
    let proof = running
        .blocking(move |running| {
            with_prepared(running, &dir, |prepared| {
                same_statement(&planned, prepared)?;
                let parameters = running.context.parameters(prepared.shape())?;
                let fold = match begin_fold(prepared, &parameters.0, Some(&kept)) {
                    Ok(fold) if fold.steps_done() == fold.steps() => fold,
                    // not the end of this fold: back to where it is made
                    Ok(_) | Err(Error::Checkpoint(_)) => return Ok(None),
                    Err(e) => return Err(e.into()),
                };
                let begun = Instant::now();
                let proof = fold.compress()?;
                metrics::histogram!("assay_compress_seconds").record(begun.elapsed());
                Ok(Some(proof))
            })
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
            // what a worker that lost the job has made is not kept
            return Err(Conflict::JobEnded.into());
        }
        enqueue(&tx, Stage::Verify.task(), id).await
    });
    Ok(stored.await?)
}
