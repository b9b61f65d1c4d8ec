//! Stage 5: the proof as anybody will verify it, by this process.

use assay_core::sealed::Sealed;
use assay_programs::ledger::{report::Report, verify::verify};

use super::{
    check::next,
    stage::{Running, Stage, StageError},
};
use crate::store::jobs::statement_and_proof;

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let (statement, proof) = stored(&running).await?;
    verified(&running, statement, proof).await?;
    next(&running, Stage::Verify, Stage::Publish).await
}

/// What the stages before have kept.
pub(super) async fn stored(running: &Running) -> Result<(Vec<u8>, Vec<u8>), StageError> {
    let client = running.context.store.read().await?;
    match statement_and_proof(&client, running.job.id).await? {
        (Some(statement), Some(proof)) => Ok((statement, proof)),
        _ => Err(StageError::Failed("the job has no proof".to_owned())),
    }
}

/// The report on a statement that this process has verified. A statement that breaks its own policy is proved, too.
pub(super) async fn verified(running: &Running, statement: Vec<u8>, proof: Vec<u8>) -> Result<Report, StageError> {
    running
        .blocking(move |running| {
            let context = &running.context;
            let report =
                verify(Sealed::parse(&statement).as_ref(), &proof, context.tests(), |shape| context.parameters(shape));
            if report.statement.is_none() {
                let failed = report.checks.iter().find(|c| !c.passed).map_or("", |c| c.detail.as_str());
                return Err(StageError::Failed(format!("the proof does not verify: {failed}")));
            }
            context.note_verified(&statement, &proof);
            Ok(report)
        })
        .await
}
