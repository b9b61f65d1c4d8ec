//! The JSON of a snapshot.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::parse::utc;
use crate::store::snapshots::{FileRow, SnapshotRow};

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Id in this API.
    pub id: Uuid,
    /// Domain of the exchange.
    #[schema(example = "exchange.example")]
    pub exchange: String,
    /// Id chosen by the exchange.
    #[schema(example = "2026-11-23")]
    pub snapshot: String,
    /// Time of the snapshot, RFC 3339 in UTC.
    #[schema(format = "date-time")]
    pub taken_at: String,
    /// Whether the snapshot is sealed. The files of a sealed snapshot cannot change.
    pub sealed: bool,
    /// Creation time.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Complete files, ordered by name.
    pub files: Vec<File>,
}

/// A complete file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Name of the file.
    #[schema(example = "balances.csv.zst")]
    pub name: String,
    /// Size of the uploaded file in bytes.
    pub bytes: u64,
    /// SHA-256 of the uploaded file, 64 hexadecimal digits.
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
