//! What can go wrong in the store, told apart by what a caller can do about it.

use tokio_postgres::error::{Severity, SqlState};

/// What a function of this module gives back.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// An error of the store; `Display` is a sentence for the operator and holds nothing that was stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no connection, it was lost before anything was committed, the server lacks memory or disk, or others were in
    /// the way time and again. The same call may work later. Of a transaction nothing has happened; a statement on its own
    /// may have, and all that stand alone may be said again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The connection was lost while the transaction was committed: it may have happened or not. Read before going on.
    #[error("{name}: the connection was lost during the commit, so its outcome is unknown")]
    CommitUnknown {
        /// The transaction.
        name: &'static str,
    },
    /// The change goes against what is there. Nothing has happened.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// There is no such row.
    #[error("not found")]
    NotFound,
    /// The database refused for a reason that is a bug, of this program or of how it is set up. Nothing has happened.
    #[error("{name}: {source}")]
    Database {
        /// The statement or transaction.
        name: &'static str,
        /// What the database says.
        source: Refusal,
    },
    /// What is stored is not what can have been written.
    #[error("{0}")]
    Corrupt(String),
}

/// What the database says, without the values that it quotes: neither `Display` nor `Debug` holds what was stored.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Its SQLSTATE, unless the client refused.
    pub code: Option<SqlState>,
    message: String,
}

/// The rule that a change violates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another snapshot has this name.
    #[error("a snapshot with this id exists already")]
    SnapshotName,
    /// Another snapshot of the exchange is for the same instant and was not refused.
    #[error("the exchange already has a snapshot for this time")]
    SnapshotEpoch,
    /// The exchange has published an attestation for this instant or a later one.
    #[error("the exchange has published an attestation for this time or a later one")]
    EpochNotAfterPublished,
    /// The attestation's instant is later than its publication.
    #[error("the time of the attestation is in the future")]
    EpochInFuture,
    /// Files of a snapshot cannot change any more, nor can what is in them.
    #[error("the snapshot is sealed; its files can no longer change")]
    Sealed,
    /// The chunks that came in are not the file that was announced.
    #[error("the file is incomplete")]
    FileIncomplete,
    /// A job of the snapshot is under way.
    #[error("the snapshot has a running job")]
    JobUnderWay,
    /// The job is published, refused, failed or cancelled.
    #[error("the job has ended")]
    JobEnded,
    /// The job has planned another statement before.
    #[error("the job has another statement")]
    StatementDiffers,
    /// The snapshot is attested, or the instant is, by another attestation.
    #[error("this snapshot or time is attested already")]
    AttestationExists,
    /// The key has signed the attestation already, with another signature.
    #[error("this key has already signed the attestation")]
    SignatureExists,
    /// What was written once cannot change.
    #[error("this row can be inserted once and never changed or deleted")]
    InsertOnly,
}

impl Conflict {
    /// By the name that the constraint has in the migrations.
    fn of_constraint(name: &str) -> Option<Self> {
        Some(match name {
            "snapshots_one_name" => Self::SnapshotName,
            "snapshots_one_epoch" => Self::SnapshotEpoch,
            "snapshots_sealed" | "file_chunks_kept" => Self::Sealed,
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
            "insert_only" | "snapshots_kept" | "jobs_kept" => Self::InsertOnly,
            _ => return None,
        })
    }
}

/// Whether the same transaction can work when it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chance {
    /// It would fail likewise, or may have happened already.
    None,
    /// Others were in the way.
    OthersFinish,
    /// The connection was lost before the commit was sent.
    DatabaseReturns,
}

impl StoreError {
    /// Of the statement `name`, which is no commit.
    pub fn from_postgres(name: &'static str, source: tokio_postgres::Error) -> Self {
        if not_available(&source) {
            return Self::Unavailable(format!("{name}: {}", sentence(&source)));
        }
        if let Some(conflict) = source.as_db_error().and_then(|e| e.constraint()).and_then(Conflict::of_constraint) {
            return Self::Conflict(conflict);
        }
        Self::Database { name, source: Refusal { code: source.code().cloned(), message: sentence(&source) } }
    }

    /// Of a commit. Only an error that the server sent as one says that the transaction was rolled back.
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

    /// Without a connection from the pool.
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

    /// What the caller gets when no more attempts are made.
    pub(super) fn given_up(self, name: &'static str, attempts: u32) -> Self {
        match self.chance() {
            Chance::OthersFinish => {
                Self::Unavailable(format!("{name}: others changed the same rows in each of {attempts} attempts"))
            }
            _ => self,
        }
    }
}

/// Whether the connection is gone, or the server is going, not yet there or out of something (class 53).
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

/// What the database says, without the values that it quotes in details.
fn sentence(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(e) => format!("{} ({})", e.message(), e.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
