//! Published attestations. The database refuses to change or delete one, to publish two for one exchange and epoch, to publish
//! an epoch before the newest one, and to publish a statement other than the job's.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{
    error::{Result, StoreError},
    ids::digest,
    sql::statements,
    tx::{Session, Tx},
};

/// An attestation to publish, verified by the caller.
#[derive(Debug, Clone)]
pub struct NewAttestation {
    /// SHA-256 of the statement.
    pub id: [u8; 32],
    /// The job, which determines exchange, snapshot, epoch and shape.
    pub job_id: Uuid,
    /// The exchange's name in the statement.
    pub exchange_name: String,
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
    /// The current time.
    pub now: OffsetDateTime,
}

/// The outcome of [`publish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The attestation is new.
    Now,
    /// The same statement was published before; nothing has changed.
    Before,
}

/// An attestation without its artefacts.
#[derive(Debug, Clone, PartialEq)]
pub struct AttestationRow {
    /// SHA-256 of the statement.
    pub id: [u8; 32],
    /// Domain of its exchange.
    pub exchange_domain: String,
    /// The exchange's name in the statement.
    pub exchange_name: String,
    /// The snapshot's own id.
    pub snapshot_name: String,
    /// The job that made it, under which its pages are stored.
    pub job_id: Uuid,
    /// The snapshot's instant.
    pub epoch: OffsetDateTime,
    /// Name of the shape.
    pub shape: String,
    /// Whether the statement meets its own policy.
    pub valid: bool,
    /// The verifier's report.
    pub report: Value,
    /// When it was published.
    pub published_at: OffsetDateTime,
}

/// Which attestations to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of the exchange with this domain.
    pub exchange: Option<String>,
    /// Only with this epoch or a later one.
    pub from: Option<OffsetDateTime>,
    /// Only with this epoch or an earlier one.
    pub to: Option<OffsetDateTime>,
    /// Only those listed after this epoch and id: the last attestation of the previous page.
    pub after: Option<(OffsetDateTime, [u8; 32])>,
    /// Maximum number of attestations.
    pub limit: i64,
}

/// A stored file of an attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artefact {
    /// The statement's canonical bytes.
    Statement,
    /// The proof's envelope.
    Proof,
    /// The service's signature, general JSON.
    Jws,
}

/// The columns of [`AttestationRow`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT a.attestation_id, e.domain, a.exchange_name, s.name, a.job_id, a.epoch, a.shape, a.valid, a.report, a.published_at ",
            "FROM attestations a JOIN exchanges e USING (exchange_id) JOIN snapshots s USING (snapshot_id) ",
            $rest
        )
    };
}

statements! {
    IS_THERE = "SELECT FROM attestations WHERE attestation_id = $1";
    ADD = "INSERT INTO attestations (attestation_id, exchange_id, snapshot_id, job_id, epoch, shape, valid, report, statement,
                                     proof, jws, published_at, exchange_name)
           SELECT $1, s.exchange_id, s.snapshot_id, j.job_id, s.epoch, j.shape, $3, $4, $5, $6, $7, $8, $9
           FROM jobs j JOIN snapshots s USING (snapshot_id) WHERE j.job_id = $2";
    BY_ID = select!("WHERE a.attestation_id = $1");
    LATEST = select!("WHERE $1::text IS NULL OR e.domain = $1 ORDER BY a.epoch DESC, a.attestation_id LIMIT 1");
    LIST = select!(
        "WHERE ($1::text IS NULL OR e.domain = $1)
         AND ($2::timestamptz IS NULL OR a.epoch >= $2) AND ($3::timestamptz IS NULL OR a.epoch <= $3)
         AND ($4::timestamptz IS NULL OR a.epoch < $4 OR (a.epoch = $4 AND a.attestation_id > $5::bytea))
         ORDER BY a.epoch DESC, a.attestation_id LIMIT $6"
    );
    LATEST_OF_EACH = select!(
        "WHERE a.epoch = e.newest_epoch AND ($1::text IS NULL OR e.domain > $1) ORDER BY e.domain LIMIT $2"
    );
    STATEMENT = "SELECT statement FROM attestations WHERE attestation_id = $1";
    PROOF = "SELECT proof FROM attestations WHERE attestation_id = $1";
    JWS = "SELECT convert_to(jws, 'UTF8') FROM attestations WHERE attestation_id = $1";
    COUNT_VERIFICATION = "INSERT INTO verifications (attestation_id, nullifier, included) VALUES ($1, $2, $3)
                          ON CONFLICT (attestation_id, nullifier) DO UPDATE SET included = excluded.included
                          WHERE verifications.included <> excluded.included";
    VERIFICATION_COUNTS = "SELECT count(*) FILTER (WHERE included), count(*) FILTER (WHERE NOT included)
                           FROM verifications WHERE attestation_id = $1";
    NEWEST_PUBLISHED = "SELECT published_at FROM attestations ORDER BY epoch DESC, attestation_id LIMIT 1";
    OLDEST_DUE = "SELECT (extract(epoch FROM oldest_due_task()) * 1000)::int8";
    NEWEST_HEARTBEAT = "SELECT greatest(max(jobs.heartbeat_at), max(units.heartbeat_at))
                        FROM jobs LEFT JOIN units USING (job_id) WHERE NOT has_ended";
}

/// Publishes an attestation. The same transaction must move the job to [`super::jobs::JobState::Published`]: the database
/// refuses to commit one without the other.
///
/// # Errors
/// [`super::Conflict::AttestationExists`], [`super::Conflict::EpochNotAfterPublished`], [`super::Conflict::EpochInFuture`],
/// [`super::Conflict::StatementDiffers`]; [`StoreError::NotFound`] without the job.
pub async fn publish(tx: &Tx, new: &NewAttestation) -> Result<Published> {
    if IS_THERE.row(tx, &[&new.id.as_slice()]).await?.is_some() {
        return Ok(Published::Before);
    }
    let NewAttestation { id, job_id, exchange_name, valid, report, statement, proof, jws, now } = new;
    let values: [&(dyn ToSql + Sync); 9] =
        [&id.as_slice(), job_id, valid, report, statement, proof, jws, now, exchange_name];
    let added = ADD.execute(tx, &values).await?;
    if added == 0 { Err(StoreError::NotFound) } else { Ok(Published::Now) }
}

/// The attestation `id`.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn attestation(client: &impl Session, id: &[u8; 32]) -> Result<AttestationRow> {
    attestation_row(&BY_ID.row(client, &[&id.as_slice()]).await?.ok_or(StoreError::NotFound)?)
}

/// The attestation of the newest epoch, of one exchange (by domain) or of all.
///
/// # Errors
/// [`StoreError::NotFound`] if there is none.
pub async fn latest(client: &impl Session, exchange: Option<&str>) -> Result<AttestationRow> {
    attestation_row(&LATEST.row(client, &[&exchange]).await?.ok_or(StoreError::NotFound)?)
}

/// Attestations, newest epoch first.
///
/// # Errors
/// Those of the database.
pub async fn list(client: &impl Session, filter: &Filter) -> Result<Vec<AttestationRow>> {
    let Filter { exchange, from, to, after, limit } = filter;
    let (epoch, id) = after.as_ref().map(|(epoch, id)| (epoch, id.as_slice())).unzip();
    LIST.rows(client, &[exchange, from, to, &epoch, &id, limit]).await?.iter().map(attestation_row).collect()
}

/// The attestation of the newest epoch of each exchange, by ascending domain, behind the domain `after`.
///
/// # Errors
/// Those of the database.
pub async fn latest_of_each(client: &impl Session, after: Option<&str>, limit: i64) -> Result<Vec<AttestationRow>> {
    LATEST_OF_EACH.rows(client, &[&after, &limit]).await?.iter().map(attestation_row).collect()
}

fn attestation_row(row: &Row) -> Result<AttestationRow> {
    Ok(AttestationRow {
        id: digest(row.get(0))?,
        exchange_domain: row.get(1),
        exchange_name: row.get(2),
        snapshot_name: row.get(3),
        job_id: row.get(4),
        epoch: row.get(5),
        shape: row.get(6),
        valid: row.get(7),
        report: row.get(8),
        published_at: row.get(9),
    })
}

/// A stored file of the attestation `id`. A statement is given out only if its SHA-256 is the id.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::Corrupt`] if the stored statement is another one.
pub async fn artefact(client: &impl Session, id: &[u8; 32], artefact: Artefact) -> Result<Vec<u8>> {
    let statement = match artefact {
        Artefact::Statement => STATEMENT,
        Artefact::Proof => PROOF,
        Artefact::Jws => JWS,
    };
    let bytes: Vec<u8> = statement.row(client, &[&id.as_slice()]).await?.ok_or(StoreError::NotFound)?.get(0);
    if artefact == Artefact::Statement && <[u8; 32]>::from(Sha256::digest(&bytes)) != *id {
        let id = hex::encode(id);
        return Err(StoreError::Corrupt(format!(
            "the stored statement of attestation {id} is another one: restore it"
        )));
    }
    Ok(bytes)
}

/// Records whether a customer was `included`, once for each `nullifier`; a later answer replaces the earlier one.
///
/// # Errors
/// [`StoreError::NotFound`] without the attestation.
pub async fn count_verification(tx: &Tx, id: &[u8; 32], nullifier: &[u8; 32], included: bool) -> Result<()> {
    IS_THERE.row(tx, &[&id.as_slice()]).await?.ok_or(StoreError::NotFound)?;
    COUNT_VERIFICATION.execute(tx, &[&id.as_slice(), &nullifier.as_slice(), &included]).await?;
    Ok(())
}

/// How many customers found themselves included, and how many did not.
///
/// # Errors
/// Those of the database.
pub async fn verification_counts(client: &impl Session, id: &[u8; 32]) -> Result<(i64, i64)> {
    Ok(VERIFICATION_COUNTS.row(client, &[&id.as_slice()]).await?.map_or((0, 0), |r| (r.get(0), r.get(1))))
}

/// When the attestation of the newest epoch was published.
///
/// # Errors
/// Those of the database.
pub async fn newest_published_at(client: &impl Session) -> Result<Option<OffsetDateTime>> {
    Ok(NEWEST_PUBLISHED.row(client, &[]).await?.map(|r| r.get(0)))
}

/// How long the oldest due task without a worker has waited, by the database's clock. `None` if there is no such task.
///
/// # Errors
/// Those of the database.
pub async fn queue_age(client: &impl Session) -> Result<Option<Duration>> {
    let millis: Option<i64> = OLDEST_DUE.row(client, &[]).await?.and_then(|r| r.get(0));
    Ok(millis.map(|m| Duration::from_millis(u64::try_from(m).unwrap_or(0))))
}

/// The newest heartbeat of any job that has not ended.
///
/// # Errors
/// Those of the database.
pub async fn newest_heartbeat(client: &impl Session) -> Result<Option<OffsetDateTime>> {
    Ok(NEWEST_HEARTBEAT.row(client, &[]).await?.and_then(|r| r.get(0)))
}
