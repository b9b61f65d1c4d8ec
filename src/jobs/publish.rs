//! Stage 6: signs and publishes the attestation, once. The database refuses a second one for an exchange and epoch.

use assay_verifier::log::entry::Entry;
use serde_json::{Value, json};

use super::{
    ledger::scratch,
    stage::{Running, Stage, StageError, still_ours},
    verify::{VerifiedProof, verified},
};
use crate::store::{
    StoreError,
    attestations::{NewAttestation, Published, publish},
    audit::audit,
    jobs::{JobState, advance},
    log::entry_of,
};

pub(super) async fn run(running: Running) -> Result<(), StageError> {
    let (context, id) = (&running.context, running.job.id);
    // verified again, because others can write to the database that statement and proof come from
    let VerifiedProof { statement, proof, checks, valid } = verified(&running).await?;
    let statement = statement.get();
    let checks: Value = serde_json::to_value(&checks).map_err(|e| StageError::Failed(e.to_string()))?;
    let jws = (context.sign)(statement.bytes()).map_err(StageError::Machine)?;
    let now = context.now();
    let attestation = NewAttestation {
        id: statement.digest().0,
        job_id: id,
        exchange_name: statement.exchange.name.clone(),
        valid,
        report: json!({ "checks": checks }),
        statement: statement.bytes().to_vec(),
        proof,
        jws,
        now,
    };
    let name = hex::encode(attestation.id);
    let entry = Entry::of(statement).map_err(|e| StageError::Failed(e.to_string()))?;
    let published = context.store.run_tx("publish", async |tx| {
        if !still_ours(&tx, &running).await? {
            return Ok(None);
        }
        let published = publish(&tx, &attestation).await?;
        if entry_of(&tx, &attestation.id).await?.1 != entry.bytes() {
            return Err(StoreError::Corrupt(format!(
                "the log entry of attestation {name} in the database is not the one that its statement asks for"
            )));
        }
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
    // no later stage needs the ledger's files
    if let Err(e) = std::fs::remove_dir_all(scratch(&running)) {
        tracing::debug!(error = %e, "no scratch to remove");
    }
    Ok(())
}
