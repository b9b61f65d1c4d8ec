//! Stage 5: the proof as anybody will verify it, by this process.

use assay_core::{check::Checks, sealed::Sealed};
use assay_programs::ledger::{
    report::{Report, Verified},
    statement::Statement,
    verify::verify,
};

use super::{
    check::next,
    stage::{Running, Stage, StageError},
};
use crate::store::jobs::statement_and_proof;

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    verified(&running).await?;
    next(&running, Stage::Verify, Stage::Publish).await
}

/// What the stages before have kept.
async fn stored(running: &Running) -> Result<(Vec<u8>, Vec<u8>), StageError> {
    let client = running.context.store.read().await?;
    match statement_and_proof(&client, running.job.id).await? {
        (Some(statement), Some(proof)) => Ok((statement, proof)),
        _ => Err(StageError::Failed("the job has no proof".to_owned())),
    }
}

/// A proof that this process has verified.
pub(super) struct VerifiedProof {
    /// What it proves.
    pub(super) statement: Verified<Sealed<Statement>>,
    /// The envelope.
    pub(super) proof: Vec<u8>,
    /// Every check that was made.
    pub(super) checks: Checks,
    /// Whether the statement keeps its own policy. One that breaks it is proved, too.
    pub(super) valid: bool,
}

/// Verifies what the stages before have kept.
pub(super) async fn verified(running: &Running) -> Result<VerifiedProof, StageError> {
    let (statement, proof) = stored(running).await?;
    running
        .blocking(move |running| {
            let context = &running.context;
            let statement = Sealed::parse(&statement);
            let report = verify(statement.as_ref(), &proof, context.tests(), |shape| context.parameters(shape));
            let valid = report.is_valid();
            let Report { checks, statement: Some(statement), .. } = report else {
                let failed = report.checks.iter().find(|c| !c.passed).map_or("", |c| c.detail.as_str());
                return Err(StageError::Failed(format!("the proof does not verify: {failed}")));
            };
            Ok(VerifiedProof { statement, proof, checks, valid })
        })
        .await
}
