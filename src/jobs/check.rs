//! Stage 1: checks the ledger. If it is not valid, the job ends as refused, with the findings for the ledger's owner.

use super::{
    ledger::{checked, choice, materialise},
    stage::{Running, Stage, StageError, still_ours},
};
use crate::store::jobs::{JobState, advance, enqueue};

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let (context, id) = (&running.context, running.job.id);
    let now = context.now();
    let begun = context.store.run_tx("begin job", async |tx| {
        advance(&tx, id, &[JobState::Queued, JobState::Checking], JobState::Checking, now).await
    });
    if !begun.await? {
        return Err(StageError::Lost);
    }
    let dir = materialise(&running).await?;
    running
        .blocking(move |running| {
            choice(running)?;
            checked(running, &dir).map(drop)
        })
        .await?;
    next(&running, Stage::Check, Stage::Plan).await
}

/// Moves the job from stage `from` to stage `to` and enqueues its task. [`StageError::Lost`] if the job has moved without us.
pub(super) async fn next(running: &Running, from: Stage, to: Stage) -> Result<(), StageError> {
    let (id, now) = (running.job.id, running.context.now());
    let moved = running.context.store.run_tx("next stage", async |tx| {
        let moved = still_ours(&tx, running).await? && advance(&tx, id, &[from.state()], to.state(), now).await?;
        if moved {
            enqueue(&tx, to.task(), id).await?;
        }
        Ok(moved)
    });
    if moved.await? { Ok(()) } else { Err(StageError::Lost) }
}
