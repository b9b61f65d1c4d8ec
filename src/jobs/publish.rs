//! Stage 6: signed and published, once. The database refuses a second attestation for an exchange's epoch.

use assay_core::sealed::StatementDigest;
use serde_json::{Value, json};

use super::{
    ledger::scratch,
    stage::{Running, Stage, StageError, still_ours},
    verify::{stored, verified},
};
use crate::store::{
    attestations::{NewAttestation, Published, publish},
    audit::audit,
    jobs::{JobState, advance},
};

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let (context, id) = (&running.context, running.job.id);
    let (statement, proof) = stored(&running).await?;
    // verified again: what the last stage stored was read back from a database that others can write
    let report = verified(&running, statement.clone(), proof.clone()).await?;
    if !context.has_verified(&statement, &proof) {
        return Err(StageError::Failed("this process has not verified the proof".to_owned()));
    }
    let checks: Value = serde_json::to_value(&report.checks).map_err(|e| StageError::Failed(e.to_string()))?;
    let jws = (context.sign)(&statement).map_err(StageError::Machine)?;
    let now = context.now();
    let attestation = NewAttestation {
        id: StatementDigest::of(&statement).0,
        job_id: id,
        valid: report.is_valid(),
        report: json!({ "checks": checks }),
        statement,
        proof,
        jws,
        now,
    };
    let name = hex::encode(attestation.id);
    let published = context.store.run_tx("publish", async |tx| {
        if !still_ours(&tx, &running).await? {
            return Ok(None);
        }
        let published = publish(&tx, &attestation).await?;
        if published == Published::Now {
            audit(&tx, &context.name, "attestation.published", &name, None, now).await?;
        }
        advance(&tx, id, &[Stage::Publish.state()], JobState::Published, now).await?;
        Ok(Some(published))
    });
    let published = published.await?.ok_or(StageError::Lost)?;
    if published == Published::Now {
        metrics::counter!("assay_jobs_total", "state" => "published").increment(1);
        tracing::info!(job = %id, attestation = name, "published");
    }
    // the ledger's files were needed for the last time
    if let Err(e) = std::fs::remove_dir_all(scratch(&running)) {
        tracing::debug!(error = %e, "no scratch to remove");
    }
    Ok(())
}
