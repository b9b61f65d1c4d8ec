//! The store's errors, grouped by what a caller can do about them.

use tokio_postgres::error::{Severity, SqlState};

/// The result of the store's functions.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// An error of the store; `Display` is a sentence for the operator and contains no stored data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no connection, it was lost before the commit, the server lacks memory or disk, or other transactions
    /// conflicted in every attempt. The same call may succeed later. A transaction has changed nothing. A statement outside a
    /// transaction may have taken effect; every such statement can be repeated.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The connection was lost during the commit, so the transaction may or may not have taken effect. Read before continuing.
    #[error("{name}: the connection was lost during the commit, so its outcome is unknown")]
    CommitUnknown {
        /// The transaction.
        name: &'static str,
    },
    /// The change conflicts with the stored rows. Nothing has changed.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// There is no such row.
    #[error("not found")]
    NotFound,
    /// The database refused because of a bug in this program or an error in its setup. Nothing has changed.
    #[error("{name}: {source}")]
    Database {
        /// The statement or transaction.
        name: &'static str,
        /// The database's reason.
        source: Refusal,
    },
    /// Stored data or the schema is not what this program expects, or a function of the store was misused.
    #[error("{0}")]
    Corrupt(String),
}

/// The database's error without its details, which quote values: neither `Display` nor `Debug` reveals stored data.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Its SQLSTATE; `None` if the client refused.
    pub code: Option<SqlState>,
    message: String,
}

/// The rule that a change violates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another snapshot of the exchange has this name.
    #[error("the exchange has a snapshot with this id already")]
    SnapshotName,
    /// Another snapshot of the exchange holds the same instant. A snapshot gives up its instant when its job is refused, fails
    /// or is cancelled.
    #[error("the exchange already has a snapshot for this time")]
    SnapshotEpoch,
    /// The exchange has published an attestation for this instant or a later one.
    #[error("the exchange has published an attestation for this time or a later one")]
    EpochNotAfterPublished,
    /// The attestation's instant is later than its publication.
    #[error("the time of the attestation is in the future")]
    EpochInFuture,
    /// The snapshot is sealed, or the content belongs to a complete file: neither can change.
    #[error("the snapshot is sealed; its files can no longer change")]
    Sealed,
    /// The snapshot has a file of this table under another name.
    #[error("the snapshot has another file of this table")]
    FileOfTable,
    /// The stored chunks are not contiguous, or not as long as the announced file.
    #[error("the file is incomplete")]
    FileIncomplete,
    /// A job of the snapshot is under way.
    #[error("the snapshot has a running job")]
    JobUnderWay,
    /// The job is published, refused, failed or cancelled.
    #[error("the job has ended")]
    JobEnded,
    /// The job's stored statement is another one.
    #[error("the job has another statement")]
    StatementDiffers,
    /// An attestation of this snapshot, job or instant exists already.
    #[error("this snapshot or time is attested already")]
    AttestationExists,
    /// The exchange has as many unsealed snapshots as it may have.
    #[error(
        "the exchange has as many snapshots without a requested attestation as it may have; request one, or delete a snapshot"
    )]
    OpenSnapshots,
    /// The exchange's unpublished files are as large as they may be.
    #[error(
        "the files of the exchange's unpublished snapshots are as large as they may be; delete a snapshot that is not needed"
    )]
    StoredBytes,
    /// The key has signed the attestation already.
    #[error("this key has already signed the attestation")]
    SignatureExists,
    /// The attestation has a notice of this kind already.
    #[error("the attestation has a notice of this kind already")]
    NoticeExists,
    /// An attestation can only be superseded by a later one of its exchange.
    #[error("an attestation is superseded by a later one of its exchange")]
    NotLater,
    /// The row, or this part of it, can never change.
    #[error("this row can be inserted once and never changed or deleted")]
    InsertOnly,
}

impl Conflict {
    /// The conflict of a constraint, by its name in the migrations.
    fn of_constraint(name: &str) -> Option<Self> {
        Some(match name {
            "snapshots_one_name" => Self::SnapshotName,
            "snapshots_one_epoch" => Self::SnapshotEpoch,
            "snapshots_sealed" | "file_chunks_kept" => Self::Sealed,
            "snapshot_files_one_a_table" => Self::FileOfTable,
            "jobs_one_under_way" => Self::JobUnderWay,
            "jobs_ended" => Self::JobEnded,
            "jobs_one_statement" | "attestations_as_planned" => Self::StatementDiffers,
            "attestations_forward_only" => Self::EpochNotAfterPublished,
            "attestations_not_in_the_future" => Self::EpochInFuture,
            "attestations_pkey"
            | "attestations_one_a_snapshot"
            | "attestations_one_a_job"
            | "attestations_one_epoch" => Self::AttestationExists,
            "signatures_one_a_key" => Self::SignatureExists,
            "notices_one_a_kind" => Self::NoticeExists,
            "notices_by_a_later_one" => Self::NotLater,
            "insert_only" | "snapshots_kept" | "jobs_kept" => Self::InsertOnly,
            _ => return None,
        })
    }
}

/// Whether a retry of the same transaction can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chance {
    /// No: it would fail again, or may have taken effect already.
    None,
    /// Once the other transactions that conflicted with it have finished.
    OthersFinish,
    /// Once the database is available; nothing was committed.
    DatabaseReturns,
}

impl StoreError {
    /// For an error of the statement `name`, which is not a COMMIT.
    pub fn from_postgres(name: &'static str, source: tokio_postgres::Error) -> Self {
        if not_available(&source) {
            return Self::Unavailable(format!("{name}: {}", sentence(&source)));
        }
        if let Some(conflict) = source.as_db_error().and_then(|e| e.constraint()).and_then(Conflict::of_constraint) {
            return Self::Conflict(conflict);
        }
        Self::Database { name, source: Refusal { code: source.code().cloned(), message: sentence(&source) } }
    }

    /// For an error of a COMMIT. Only the server's severity ERROR means that the transaction was rolled back.
    pub(super) fn from_commit(name: &'static str, source: tokio_postgres::Error) -> Self {
        let refused = source.as_db_error().is_some_and(|e| {
            e.parsed_severity() == Some(Severity::Error)
                && !matches!(
                    *e.code(),
                    SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN | SqlState::TRANSACTION_RESOLUTION_UNKNOWN
                )
        });
        if refused { Self::from_postgres(name, source) } else { Self::CommitUnknown { name } }
    }

    /// For an error of the pool.
    pub(super) fn no_connection(error: &deadpool_postgres::PoolError) -> Self {
        Self::Unavailable(match error {
            deadpool_postgres::PoolError::Backend(e) => sentence(e),
            other => other.to_string(),
        })
    }

    pub(super) fn chance(&self) -> Chance {
        match self {
            Self::Unavailable(_) => Chance::DatabaseReturns,
            Self::Database { source: Refusal { code: Some(code), .. }, .. }
                if matches!(
                    *code,
                    SqlState::T_R_SERIALIZATION_FAILURE
                        | SqlState::T_R_DEADLOCK_DETECTED
                        | SqlState::LOCK_NOT_AVAILABLE
                ) =>
            {
                Chance::OthersFinish
            }
            _ => Chance::None,
        }
    }

    /// The error that the caller gets after the last attempt.
    pub(super) fn given_up(self, name: &'static str, attempts: u32) -> Self {
        match self.chance() {
            Chance::OthersFinish => {
                Self::Unavailable(format!("{name}: others changed the same rows in each of {attempts} attempts"))
            }
            _ => self,
        }
    }
}

/// Whether the connection is lost, or the server is starting, stopping or out of a resource (SQLSTATE class 53).
fn not_available(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        Some(e) => {
            e.parsed_severity().is_some_and(|s| matches!(s, Severity::Fatal | Severity::Panic))
                || e.code().code().starts_with("08")
                || e.code().code().starts_with("53")
                || matches!(
                    *e.code(),
                    SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW
                )
        }
        None => error.is_closed() || std::error::Error::source(error).is_some_and(|s| s.is::<std::io::Error>()),
    }
}

/// The database's message and SQLSTATE, without the details, which quote values.
fn sentence(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(e) => format!("{} ({})", e.message(), e.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
