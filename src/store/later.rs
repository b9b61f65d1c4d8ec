//! What is signed about an attestation after its publication: countersignatures and opinions of others, and notices of the exchange. The
//! database appends an entry to the transparency log with each, and refuses to change or delete one.

use assay_core::notice::NoticeKind;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{
    error::{Result, StoreError},
    ids::digest,
    sql::statements,
    tx::{Session, Tx},
};

/// What somebody else's signature is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureKind {
    /// The statement.
    Countersignature,
    /// An opinion about it.
    Opinion,
}

impl SignatureKind {
    /// The name in the table and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Countersignature => "countersignature",
            Self::Opinion => "opinion",
        }
    }
}

/// A signature to add, verified by the caller.
#[derive(Debug, Clone)]
pub struct NewSignature {
    /// The key's id.
    pub kid: String,
    /// What it is over.
    pub kind: SignatureKind,
    /// The JWS in general JSON; a countersignature without the statement.
    pub jws: String,
    /// The current time.
    pub now: OffsetDateTime,
}

/// A signature of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRow {
    /// What it is over.
    pub kind: SignatureKind,
    /// The JWS.
    pub jws: String,
}

/// A notice to add, signed by the caller.
#[derive(Debug, Clone)]
pub struct NewNotice {
    /// The attestation that it is about.
    pub attestation: [u8; 32],
    /// What it says.
    pub kind: NoticeKind,
    /// The attestation that takes its place, of a superseded one.
    pub superseded_by: Option<[u8; 32]>,
    /// The JWS in general JSON.
    pub jws: String,
    /// The time in the notice.
    pub issued_at: OffsetDateTime,
    /// The subject of the request.
    pub created_by: String,
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// The attestation that it is about.
    pub attestation: [u8; 32],
    /// The JWS.
    pub jws: String,
}

statements! {
    IS_THERE = "SELECT FROM attestations WHERE attestation_id = $1";
    SIGN = "INSERT INTO signatures (attestation_id, kid, kind, jws, created_at) VALUES ($1, $2, $3, $4, $5)";
    SIGNATURES = "SELECT kind, jws FROM signatures WHERE attestation_id = $1 ORDER BY created_at, kid";
    NOTIFY = "INSERT INTO notices (attestation_id, kind, superseded_by, jws, issued_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)";
    NOTICES = "SELECT attestation_id, jws FROM notices WHERE attestation_id = ANY($1) ORDER BY attestation_id, kind DESC";
}

/// Adds a countersignature or an opinion.
///
/// # Errors
/// [`super::Conflict::SignatureExists`] if the key has signed already; [`StoreError::NotFound`] without the attestation.
pub async fn add_signature(tx: &Tx, id: &[u8; 32], new: &NewSignature) -> Result<()> {
    IS_THERE.row(tx, &[&id.as_slice()]).await?.ok_or(StoreError::NotFound)?;
    SIGN.execute(tx, &[&id.as_slice(), &new.kid, &new.kind.as_str(), &new.jws, &new.now]).await?;
    Ok(())
}

/// Whether there is an attestation `id`.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn require(client: &impl Session, id: &[u8; 32]) -> Result<()> {
    IS_THERE.row(client, &[&id.as_slice()]).await?.ok_or(StoreError::NotFound).map(drop)
}

/// The countersignatures and opinions of the attestation `id`, oldest first.
///
/// # Errors
/// Those of the database.
pub async fn signatures(client: &impl Session, id: &[u8; 32]) -> Result<Vec<SignatureRow>> {
    let rows = SIGNATURES.rows(client, &[&id.as_slice()]).await?;
    let row = |row: &tokio_postgres::Row| {
        let opinion = row.get::<_, &str>(0) == SignatureKind::Opinion.as_str();
        let kind = if opinion { SignatureKind::Opinion } else { SignatureKind::Countersignature };
        SignatureRow { kind, jws: row.get(1) }
    };
    Ok(rows.iter().map(row).collect())
}

/// Adds a notice.
///
/// # Errors
/// [`super::Conflict::NoticeExists`], [`super::Conflict::NotLater`]; [`StoreError::NotFound`] without one of the attestations.
pub async fn add_notice(tx: &Tx, new: &NewNotice) -> Result<()> {
    let NewNotice { attestation, kind, superseded_by, jws, issued_at, created_by } = new;
    for id in [attestation].into_iter().chain(superseded_by) {
        IS_THERE.row(tx, &[&id.as_slice()]).await?.ok_or(StoreError::NotFound)?;
    }
    let by = superseded_by.as_ref().map(<[u8; 32]>::as_slice);
    NOTIFY.execute(tx, &[&attestation.as_slice(), &kind.as_str(), &by, jws, issued_at, created_by]).await?;
    Ok(())
}

/// The notices about these attestations, of each the withdrawal first.
///
/// # Errors
/// Those of the database.
pub async fn notices(client: &impl Session, ids: &[[u8; 32]]) -> Result<Vec<NoticeRow>> {
    let ids: Vec<&[u8]> = ids.iter().map(<[u8; 32]>::as_slice).collect();
    let rows = NOTICES.rows(client, &[&ids]).await?;
    rows.iter().map(|row| Ok(NoticeRow { attestation: digest(row.get(0))?, jws: row.get(1) })).collect()
}

/// A digest of what was signed later.
pub fn digest_of(signed: &[SignatureRow], notices: &[NoticeRow]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for jws in signed.iter().map(|row| &row.jws).chain(notices.iter().map(|row| &row.jws)) {
        digest.update((jws.len() as u64).to_be_bytes());
        digest.update(jws);
    }
    digest.finalize().into()
}
