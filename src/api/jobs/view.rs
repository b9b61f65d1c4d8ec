//! A job as the API shows it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::parse::utc;
use crate::store::jobs::JobRow;

/// The way of one attestation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// What is proved.
    pub snapshot: Uuid,
    /// Where it is.
    pub state: State,
    /// Name of the shape; `auto` until it is chosen.
    pub shape: String,
    /// Accounts in the ledger, once they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub accounts: Option<u64>,
    /// Pages of these accounts, once they are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pages: Option<u64>,
    /// Steps that are folded.
    pub steps_done: u64,
    /// Steps in all, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub steps: Option<u64>,
    /// For a person: why it was refused or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// What is wrong with the ledger, where it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub findings: Option<LedgerFindings>,
    /// Id of the attestation, once it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9a-f]{64}$")]
    pub attestation: Option<String>,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When its state last changed.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
pub enum State {
    /// Waits for a worker.
    Queued,
    /// The ledger is checked.
    Checking,
    /// Pages, tree and statement are made.
    Planning,
    /// Accounts are folded.
    Folding,
    /// The fold becomes a proof.
    Compressing,
    /// The proof is verified.
    Verifying,
    /// The attestation is signed and put together.
    Publishing,
    /// There is an attestation.
    Published,
    /// The ledger is not valid.
    Refused,
    /// Something else is wrong.
    Failed,
    /// Somebody asked for it.
    Cancelled,
}

impl From<crate::store::jobs::JobState> for State {
    fn from(state: crate::store::jobs::JobState) -> Self {
        use crate::store::jobs::JobState as Kept;
        match state {
            Kept::Queued => Self::Queued,
            Kept::Checking => Self::Checking,
            Kept::Planning => Self::Planning,
            Kept::Folding => Self::Folding,
            Kept::Compressing => Self::Compressing,
            Kept::Verifying => Self::Verifying,
            Kept::Publishing => Self::Publishing,
            Kept::Published => Self::Published,
            Kept::Refused => Self::Refused,
            Kept::Failed => Self::Failed,
            Kept::Cancelled => Self::Cancelled,
        }
    }
}

/// What is wrong with a ledger: the first findings in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerFindings {
    /// The first findings.
    pub findings: Vec<LedgerFinding>,
    /// How many there are in all.
    pub total: u64,
}

/// One thing that is wrong with a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerFinding {
    /// The file.
    pub file: String,
    /// The line, the first being 1; absent where the file as a whole is meant.
    pub line: Option<u64>,
    /// What is wrong, with the value found and the value allowed.
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
            accounts: row.accounts.map(count),
            pages: row.pages.map(count),
            steps_done: count(row.steps_done.into()),
            steps: row.steps.map(|steps| count(steps.into())),
            detail: row.detail,
            findings: row.findings.and_then(|value| serde_json::from_value(value).ok()),
            attestation: row.attestation_id.map(hex::encode),
            created_at: utc(row.created_at),
            updated_at: utc(row.updated_at),
        }
    }
}
