//! Which home directory belongs to this database: fingerprints of its master secret and of its statement keys.
//!
//! Identities and salts of everything that is stored come from the master secret. A process with another secret would tell
//! every customer that they are missing, and one with another statement key would sign in a stranger's name.

use time::OffsetDateTime;

use super::{
    error::{Result, StoreError},
    sql::statements,
    tx::{Session, Tx},
};

/// Advisory lock of the transactions that compare and note, so that of two first starts one waits for the other.
const LOCK: i64 = i64::from_be_bytes(*b"homenote");

/// What a fingerprint is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FingerprintKind {
    /// The master secret; there is one.
    MasterSecret,
    /// A key that signs statements; there is one more after each rotation.
    StatementKey,
}

impl FingerprintKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::MasterSecret => "master_secret",
            Self::StatementKey => "statement_key",
        }
    }
}

/// The noted fingerprints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotedFingerprints {
    /// Of the master secret.
    pub master_secret: Option<String>,
    /// Of the statement keys, oldest first.
    pub statement_keys: Vec<String>,
}

statements! {
    TAKE_LOCK = "SELECT pg_advisory_xact_lock($1)::text";
    TABLE_EXISTS = "SELECT to_regclass('public.home_fingerprints') IS NOT NULL";
    ALL = "SELECT kind, fingerprint FROM home_fingerprints ORDER BY noted_at, fingerprint";
    NOTE = "INSERT INTO home_fingerprints (kind, fingerprint, noted_at) VALUES ($1, $2, $3)";
    FORGET = "DELETE FROM home_fingerprints";
}

/// Waits until no other transaction compares or notes. Call it first, in [`super::Store::run_load`]: what others have committed
/// meanwhile must be visible afterwards.
///
/// # Errors
/// Those of the database.
pub async fn lock_fingerprints(tx: &Tx) -> Result<()> {
    TAKE_LOCK.row(tx, &[&LOCK]).await?;
    Ok(())
}

/// The noted fingerprints; none in a database without tables.
///
/// # Errors
/// Those of the database.
pub async fn noted_fingerprints(client: &impl Session) -> Result<NotedFingerprints> {
    let mut noted = NotedFingerprints::default();
    let exists = TABLE_EXISTS.row(client, &[]).await?.ok_or(StoreError::NotFound)?;
    if !exists.get::<_, bool>(0) {
        return Ok(noted);
    }
    for row in ALL.rows(client, &[]).await? {
        let fingerprint: String = row.get(1);
        match row.get::<_, &str>(0) {
            "master_secret" => noted.master_secret = Some(fingerprint),
            _ => noted.statement_keys.push(fingerprint),
        }
    }
    Ok(noted)
}

/// Notes one fingerprint. The database refuses a second master secret.
///
/// # Errors
/// Those of the database.
pub async fn note_fingerprint(tx: &Tx, kind: FingerprintKind, fingerprint: &str, now: OffsetDateTime) -> Result<()> {
    NOTE.execute(tx, &[&kind.as_str(), &fingerprint, &now]).await?;
    Ok(())
}

/// Forgets all of them, so that another home directory can take the place of the one that is lost. Only the owner of the tables
/// may.
///
/// # Errors
/// Those of the database.
pub async fn forget_fingerprints(tx: &Tx) -> Result<()> {
    FORGET.execute(tx, &[]).await?;
    Ok(())
}
