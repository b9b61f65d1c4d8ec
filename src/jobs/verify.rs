//! Stage 5: this process verifies the proof, with the same checks as any other verifier.

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

/// The statement and the proof that earlier stages stored.
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
    /// The result of every check.
    pub(super) checks: Checks,
    /// Whether the statement meets its own policy. One that does not is proved and published as well.
    pub(super) valid: bool,
}

/// Verifies the stored proof of the stored statement.
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
