//! The JSON of a job.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::parse::utc;
use crate::store::{jobs::JobRow, units::UnitRow};

/// A job: the proof of one snapshot, from request to publication.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Id of the snapshot.
    pub snapshot: Uuid,
    /// Where it is.
    pub state: State,
    /// Name of the shape, or `auto` until one is chosen.
    pub shape: String,
    /// Number of shards, once asked for or chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub shards: Option<u32>,
    /// Number of accounts in the ledger, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub accounts: Option<u64>,
    /// Number of pages, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pages: Option<u64>,
    /// Number of folded steps, over all shards.
    pub steps_done: u64,
    /// Total number of steps, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub steps: Option<u64>,
    /// Progress of each shard, in order; only where one job is shown, and only once it is planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<Unit>,
    /// Explanation for a person: why the job was refused or failed, or which policies of the exchange the ledger breaks, so that the
    /// attestation will not be valid. A cancelled job has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// Findings of the check, if the ledger was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub findings: Option<LedgerFindings>,
    /// Id of the attestation, once published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9a-f]{64}$")]
    pub attestation: Option<String>,
    /// Creation time.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time of the last change of state.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// Progress of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The shard, from 0.
    pub shard: u32,
    /// Where it is.
    pub state: UnitState,
    /// Number of folded steps.
    pub steps_done: u64,
    /// Total number of steps.
    pub steps: u64,
}

/// State of a shard's proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    /// Its accounts are folded, or wait for a worker.
    Folding,
    /// The fold becomes a proof, or waits for a worker.
    Compressing,
    /// There is a proof.
    Proved,
}

impl From<UnitRow> for Unit {
    fn from(row: UnitRow) -> Self {
        use crate::store::units::UnitState as Stored;
        Self {
            shard: u32::try_from(row.shard).unwrap_or(0),
            state: match row.state {
                Stored::Folding => UnitState::Folding,
                Stored::Compressing => UnitState::Compressing,
                Stored::Proved => UnitState::Proved,
            },
            steps_done: u64::try_from(row.steps_done).unwrap_or(0),
            steps: u64::try_from(row.steps).unwrap_or(0),
        }
    }
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
pub enum State {
    /// The job waits for a worker.
    Queued,
    /// A worker checks the ledger.
    Checking,
    /// A worker builds pages, tree and statement.
    Planning,
    /// A worker folds the accounts.
    Folding,
    /// A worker compresses the fold to a proof.
    Compressing,
    /// A worker verifies the proof.
    Verifying,
    /// A worker signs the attestation.
    Publishing,
    /// The attestation is published.
    Published,
    /// The ledger is not valid.
    Refused,
    /// The job failed for another reason.
    Failed,
    /// The job was cancelled on request.
    Cancelled,
}

impl From<crate::store::jobs::JobState> for State {
    fn from(state: crate::store::jobs::JobState) -> Self {
        use crate::store::jobs::JobState as Stored;
        match state {
            Stored::Queued => Self::Queued,
            Stored::Checking => Self::Checking,
            Stored::Planning => Self::Planning,
            Stored::Folding => Self::Folding,
            Stored::Compressing => Self::Compressing,
            Stored::Verifying => Self::Verifying,
            Stored::Publishing => Self::Publishing,
            Stored::Published => Self::Published,
            Stored::Refused => Self::Refused,
            Stored::Failed => Self::Failed,
            Stored::Cancelled => Self::Cancelled,
        }
    }
}

/// Findings of the check of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerFindings {
    /// The first findings.
    pub findings: Vec<LedgerFinding>,
    /// Total number of findings.
    pub total: u64,
}

/// One error in a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerFinding {
    /// Name of the file.
    pub file: String,
    /// Line, counted from 1; null if the finding concerns the whole file.
    pub line: Option<u64>,
    /// Reason, with the value found and the value allowed.
    pub reason: String,
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Self {
            id: row.id,
            snapshot: row.snapshot_id,
            state: row.state.into(),
            shape: row.shape,
            shards: row.shards.and_then(|shards| u32::try_from(shards).ok()),
            accounts: row.accounts.map(count),
            pages: row.pages.map(count),
            steps_done: count(row.steps_done.into()),
            steps: row.steps.map(|steps| count(steps.into())),
            units: Vec::new(),
            detail: row.detail,
            findings: row.findings.and_then(|value| serde_json::from_value(value).ok()),
            attestation: row.attestation_id.map(hex::encode),
            created_at: utc(row.created_at),
            updated_at: utc(row.updated_at),
        }
    }
}
