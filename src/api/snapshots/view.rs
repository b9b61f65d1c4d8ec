//! A snapshot as the API shows it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::parse::utc;
use crate::store::snapshots::{FileRow, SnapshotRow};

/// A snapshot as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Its id in this API.
    pub id: Uuid,
    /// Domain of the exchange.
    #[schema(example = "exchange.example")]
    pub exchange: String,
    /// The exchange's own name for it.
    #[schema(example = "2026-11-23")]
    pub snapshot: String,
    /// The instant that the ledger shows, RFC 3339 in UTC.
    #[schema(format = "date-time")]
    pub taken_at: String,
    /// Whether its files cannot change any more, because an attestation was asked for.
    pub sealed: bool,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// The files that are complete, by name.
    pub files: Vec<File>,
}

/// A complete file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name.
    #[schema(example = "balances.csv.zst")]
    pub name: String,
    /// Length as it was sent.
    pub bytes: u64,
    /// SHA-256 as it was sent, 64 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
}

impl Snapshot {
    pub(super) fn new(row: &SnapshotRow, files: &[FileRow]) -> Self {
        let file = |file: &FileRow| File {
            name: file.name.clone(),
            bytes: u64::try_from(file.bytes).unwrap_or(0),
            sha256: hex::encode(file.sha256),
        };
        Self {
            id: row.id,
            exchange: row.exchange_domain.clone(),
            snapshot: row.name.clone(),
            taken_at: utc(row.epoch),
            sealed: row.sealed_at.is_some(),
            created_at: utc(row.created_at),
            files: files.iter().map(file).collect(),
        }
    }
}
