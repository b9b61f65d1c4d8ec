//! Handing over a ledger: describe it, stream its files in, ask for its attestation.

pub mod attest;
pub mod create;
pub mod put_file;
pub mod show;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::parse::utc;
use crate::{
    store::snapshots::{FileRow, SnapshotRow},
    tokens::Caller,
};

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
    fn new(row: &SnapshotRow, files: &[FileRow]) -> Self {
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

/// Whose a named write is: names of one exchange's people say nothing to another's.
fn owner(caller: &Caller) -> String {
    let exchange = caller.exchange.as_deref().unwrap_or_default();
    // lengths, since any of the three may hold anything
    format!("{} {} {}{exchange}{}", caller.issuer.len(), exchange.len(), caller.issuer, caller.subject)
}

/// Who is written down as having done something: an exchange's own people and programs, never a customer.
fn actor(caller: &Caller) -> String {
    format!("{} {}", caller.issuer, caller.subject)
}
