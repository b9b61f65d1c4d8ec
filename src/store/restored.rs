//! Attestations that were published before and are missing, because the database was restored from an older backup.

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    attestations::{NewAttestation, publish},
    audit::audit,
    error::{Result, StoreError},
    exchanges::ensure_exchange,
    ids::new_id,
    jobs::{JobState, advance},
    later::{NewNotice, NewSignature, add_notice, add_signature},
    log::{entries_between, entry_of},
    snapshots::{NewSnapshot, create_snapshot},
    sql::statements,
    tx::Tx,
};

/// Who did it, in the audit trail.
pub const SUBJECT: &str = "assay log repair";

statements! {
    SNAPSHOT = "SELECT snapshot_id, s.epoch FROM snapshots s JOIN exchanges e USING (exchange_id) WHERE e.domain = $1 AND s.name = $2";
    JOB_OF = "SELECT job_id, statement FROM jobs WHERE snapshot_id = $1 AND (NOT has_ended OR state = 'published')";
    SEAL = "UPDATE snapshots SET sealed_at = coalesce(sealed_at, $2), holds_epoch = true WHERE snapshot_id = $1";
    ADD_JOB = "INSERT INTO jobs (job_id, snapshot_id, shape, shards, state, steps, statement, created_by, created_at, updated_at)
               VALUES ($1, $2, $3, $4, 'publishing', $5, $6, $7, $8, $8)";
}

/// An attestation, verified by the caller, and its place in the log.
#[derive(Debug, Clone)]
pub struct Restored {
    /// SHA-256 of the statement.
    pub id: [u8; 32],
    /// Domain of the exchange.
    pub exchange: String,
    /// The exchange's name.
    pub exchange_name: String,
    /// The snapshot's own id.
    pub snapshot: String,
    /// The snapshot's instant.
    pub epoch: OffsetDateTime,
    /// Name of the shape.
    pub shape: String,
    /// Number of shards.
    pub shards: i32,
    /// Number of steps of all shards.
    pub steps: i32,
    /// Whether the statement meets its own policy.
    pub valid: bool,
    /// The verifier's report.
    pub report: Value,
    /// The statement's canonical bytes.
    pub statement: Vec<u8>,
    /// The proof's envelope.
    pub proof: Vec<u8>,
    /// The service's signature.
    pub jws: String,
    /// Position of its entry.
    pub position: i64,
    /// Its entry.
    pub entry: Vec<u8>,
    /// The current time.
    pub now: OffsetDateTime,
}

/// The outcome of [`restore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restoration {
    /// Its job was there with its pages, and has ended with it.
    WithPages,
    /// Snapshot or job were not there. No customer can get an inclusion file.
    WithoutPages,
    /// Nothing has changed: the snapshot has another job that has not ended.
    Blocked {
        /// The job.
        job: Uuid,
    },
}

/// Publishes the attestation again, as the next entry of the log.
///
/// # Errors
/// [`StoreError::Corrupt`] if its entry is not at its position with its bytes, or the snapshot has another instant; those of the database.
/// Nothing has changed then.
pub async fn restore(tx: &Tx, new: &Restored) -> Result<Restoration> {
    let found = SNAPSHOT.row(tx, &[&new.exchange, &new.snapshot]).await?;
    let snapshot = match found.map(|row| (row.get::<_, Uuid>(0), row.get::<_, OffsetDateTime>(1))) {
        Some((_, epoch)) if epoch != new.epoch => {
            let (id, exchange) = (&new.snapshot, &new.exchange);
            return Err(StoreError::Corrupt(format!(
                "the snapshot {id} of {exchange} in the database is of another instant"
            )));
        }
        Some((snapshot, _)) => snapshot,
        None => add_snapshot(tx, new).await?,
    };
    let job = JOB_OF.row(tx, &[&snapshot]).await?.map(|row| (row.get::<_, Uuid>(0), row.get::<_, Option<Vec<u8>>>(1)));
    let (job, outcome) = match job {
        Some((job, statement)) if statement.as_ref() == Some(&new.statement) => (job, Restoration::WithPages),
        Some((job, _)) => return Ok(Restoration::Blocked { job }),
        None => (add_job(tx, snapshot, new).await?, Restoration::WithoutPages),
    };
    let Restored { id, exchange_name, valid, report, statement, proof, jws, now, .. } = new.clone();
    let attestation = NewAttestation { id, job_id: job, exchange_name, valid, report, statement, proof, jws, now };
    publish(tx, &attestation).await?;
    let (position, entry) = entry_of(tx, &new.id).await?;
    if (position, &entry) != (new.position, &new.entry) {
        let (id, expected) = (hex::encode(new.id), new.position);
        return Err(StoreError::Corrupt(format!(
            "the database would enter attestation {id} otherwise than as entry {expected} of the log"
        )));
    }
    audit(tx, SUBJECT, "attestation.restored", &hex::encode(new.id), None, new.now).await?;
    advance(tx, job, &JobState::ALL, JobState::Published, new.now).await?;
    Ok(outcome)
}

async fn add_snapshot(tx: &Tx, new: &Restored) -> Result<Uuid> {
    let exchange = ensure_exchange(tx, &new.exchange, new.now).await?;
    let (name, manifest, created_by) = (new.snapshot.clone(), String::new(), SUBJECT.to_owned());
    create_snapshot(tx, &NewSnapshot { exchange, name, epoch: new.epoch, manifest, created_by, now: new.now }).await
}

async fn add_job(tx: &Tx, snapshot: Uuid, new: &Restored) -> Result<Uuid> {
    SEAL.execute(tx, &[&snapshot, &new.now]).await?;
    let id = new_id(new.now);
    ADD_JOB
        .execute(tx, &[&id, &snapshot, &new.shape, &new.shards, &new.steps, &new.statement, &SUBJECT, &new.now])
        .await?;
    Ok(id)
}

/// What was signed about an attestation later, and its place in the log.
#[derive(Debug, Clone)]
pub struct RestoredLater {
    /// The attestation.
    pub attestation: [u8; 32],
    /// What was signed.
    pub document: LaterDocument,
    /// Position of its entry.
    pub position: i64,
    /// Its entry.
    pub entry: Vec<u8>,
    /// The current time.
    pub now: OffsetDateTime,
}

/// A document that was signed later.
#[derive(Debug, Clone)]
pub enum LaterDocument {
    /// A countersignature or an opinion.
    Signature(NewSignature),
    /// A notice.
    Notice(NewNotice),
}

/// Adds the document again, as the next entry of the log.
///
/// # Errors
/// [`StoreError::Corrupt`] if its entry is not at its position with its bytes; those of the database. Nothing has changed then.
pub async fn restore_later(tx: &Tx, new: &RestoredLater) -> Result<()> {
    match &new.document {
        LaterDocument::Signature(signature) => add_signature(tx, &new.attestation, signature).await?,
        LaterDocument::Notice(notice) => add_notice(tx, notice).await?,
    }
    let appended = entries_between(tx, new.position, i64::MAX).await?;
    if appended != [new.entry.clone()] {
        return Err(StoreError::Corrupt(format!(
            "the database would enter what was signed later otherwise than as entry {} of the log",
            new.position
        )));
    }
    audit(tx, SUBJECT, "attestation.later.restored", &hex::encode(new.attestation), None, new.now).await
}
