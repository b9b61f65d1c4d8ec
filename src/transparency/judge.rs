//! Whether the next checkpoint may be signed: whether the tree in the database continues every checkpoint that is known to have been
//! signed, the marked one and the newest stored one.

use std::path::PathBuf;

use assay_verifier::log::{
    checkpoint::{CheckpointError, SignedCheckpoint},
    note::{KeyKind, Note, NoteError, SignatureLine, VerifierKey},
};
use ed25519_dalek::VerifyingKey;

use super::{
    mark::{Mark, MarkError},
    proofs::stored_root,
    retirement::{Retirement, RetirementError, ended, is_by},
};
use crate::{
    store::{
        Session, StoreError,
        log::{newest_checkpoint, newest_of_others, size},
    },
    tokens::KeyRingError,
};

/// Why no checkpoint is signed; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The database was restored from an older backup.
    #[error(
        "the log in the database has {size} entries, and {} shows that a checkpoint of {marked} entries was signed: the database is older \
         than the log. Restore a newer backup of the database. Until then nothing is signed, because the log would fork",
        mark.display()
    )]
    Behind {
        /// Entries in the database.
        size: u64,
        /// Entries of the signed checkpoint.
        marked: u64,
        /// The file with the mark.
        mark: PathBuf,
    },
    /// The first entries of the database are not those that were signed.
    #[error(
        "the first {size} entries of the log in the database are not those that were signed: the database was restored from an older \
         backup and went on from there, or it was altered. Restore a newer backup of the database. Until then nothing is signed, because \
         the log would fork"
    )]
    Differs {
        /// Entries of the signed checkpoint.
        size: u64,
    },
    /// Hashes that are not those of the entries.
    #[error(
        "the log's hash {position} of height {height} in the database is not that of what is below it: the database was altered or is \
         damaged. Restore a backup of it"
    )]
    Damaged {
        /// Height of the subtree.
        height: i16,
        /// Its position.
        position: i64,
    },
    /// A witness has seen more than this database has.
    #[error(
        "the witness {witness} has cosigned a checkpoint of {seen} entries, and the newest one in the database has {size}: the database is \
         older than the log. Restore a newer backup of the database. Until then nothing is signed, because the log would fork"
    )]
    WitnessAhead {
        /// Name of the witness.
        witness: String,
        /// Entries of the checkpoint that it cosigned.
        seen: u64,
        /// Entries of the newest stored checkpoint.
        size: u64,
    },
    /// A witness has seen another tree.
    #[error(
        "the witness {witness} has cosigned another checkpoint of {size} entries than the one in the database: the database was restored from \
         an older backup and went on from there, or it was altered. Restore a newer backup of the database. Until then nothing is signed, \
         because the log has forked"
    )]
    WitnessDiffers {
        /// Name of the witness.
        witness: String,
        /// Entries of both checkpoints.
        size: u64,
    },
    /// The log has ended.
    #[error(
        "the log {origin} is retired ({reason}), and nothing is signed for it any more. Begin the next one in every home: set \
         transparency.origin = \"{successor}\", move log-….json of keys/ away, and make another key with: assay keys show"
    )]
    Retired {
        /// Name of the log.
        origin: String,
        /// Name of the log that comes after it.
        successor: String,
        /// Why, in the operator's words.
        reason: String,
    },
    /// The log got another name.
    #[error(
        "{} is of the log {marked}, and this service would sign for {origin}: set transparency.origin = \"{marked}\". To begin another log \
         under the new name, move the file away",
        mark.display()
    )]
    OtherOrigin {
        /// Name of the marked log.
        marked: String,
        /// Name by the settings.
        origin: String,
        /// The file with the mark.
        mark: PathBuf,
    },
    /// The database has checkpoints of another name, and none of this one.
    #[error(
        "the database has checkpoints of the log {stored}, and this service would sign for {origin}: set transparency.origin = \"{stored}\". \
         To begin another log, give it a name with transparency.origin and another key: move log-….json of keys/ away, and make one with: \
         assay keys show"
    )]
    EarlierOrigin {
        /// Name of the log in the database.
        stored: String,
        /// Name by the settings.
        origin: String,
    },
    /// There is no key, and nothing was signed.
    #[error(
        "there is no key for the transparency log; make it with: assay keys show, and copy log-….json of keys/ to every home of the service"
    )]
    NoKey,
    /// There is no key although checkpoints were signed.
    #[error(
        "the key that signed the log {origin} is missing: restore log-….json of the directory of keys from its backup. If it is lost for \
         ever, begin another log with transparency.origin"
    )]
    KeyMissing {
        /// Name of the log.
        origin: String,
    },
    /// Another key signed.
    #[error(
        "{what} is not signed by the key of the log {origin} in this home directory: restore the log-….json that signed it"
    )]
    OtherKey {
        /// Name of the log.
        origin: String,
        /// What was signed.
        what: String,
    },
    /// A stored checkpoint cannot be read.
    #[error("the newest checkpoint in the database: {0}")]
    Stored(#[from] CheckpointError),
    /// The statement that the log has ended cannot be read.
    #[error(transparent)]
    Retirement(#[from] RetirementError),
    /// The name cannot be that of a log.
    #[error(transparent)]
    Name(#[from] NoteError),
    /// The mark cannot be read or written.
    #[error(transparent)]
    Mark(#[from] MarkError),
    /// The keys cannot be read or made.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The database cannot be used.
    #[error("database: {0}")]
    Store(#[from] StoreError),
}

impl SigningError {
    /// Whether no other process may sign either, whatever its home directory holds: somebody has seen a log that the database does not
    /// continue. A process without a mark would not notice.
    pub fn holds_everywhere(&self) -> bool {
        matches!(
            self,
            Self::Behind { .. }
                | Self::Differs { .. }
                | Self::WitnessAhead { .. }
                | Self::WitnessDiffers { .. }
                | Self::Retired { .. }
        )
    }
}

/// What is known of the log before a signature.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Entries in the database.
    pub size: u64,
    /// The newest checkpoint in the database.
    pub newest: Option<SignedCheckpoint>,
    /// The marked checkpoint.
    pub marked: Option<SignedCheckpoint>,
}

impl Standing {
    /// Whether a checkpoint of this log was ever signed.
    pub fn was_signed(&self) -> bool {
        self.newest.is_some() || self.marked.is_some()
    }
}

/// The log that this service would sign.
#[derive(Debug, Clone, Copy)]
pub struct OwnLog<'a> {
    /// Its name.
    pub origin: &'a str,
    /// Whether the settings give it this name. Otherwise the name follows from the service's address, and changes with it.
    pub is_named: bool,
    /// Its key, if there is one.
    pub key: Option<VerifyingKey>,
}

/// Judges the log.
///
/// # Errors
/// [`SigningError`] if nothing may be signed.
pub async fn judge(client: &impl Session, own: OwnLog<'_>, mark: &Mark) -> Result<Standing, SigningError> {
    let OwnLog { origin, key, .. } = own;
    let own_key = key.map(|key| VerifierKey::new(origin, KeyKind::Log, key)).transpose()?;
    let ended = ended(client, origin, mark, |note| is_by(note, own_key.as_ref())).await?;
    if let Some(Retirement { successor, reason, .. }) = ended {
        let (origin, successor) = (assay_core::text::visible(origin), assay_core::text::visible(&successor));
        return Err(SigningError::Retired { origin, successor, reason });
    }
    // before the size: what is marked afterwards is at most what is there
    let marked = followed(client, origin, mark).await?;
    let newest = newest_checkpoint(client, origin).await?.map(|row| SignedCheckpoint::parse(row.note.as_bytes()));
    let newest = newest.transpose()?;
    let size = u64::try_from(size(client).await?).unwrap_or(0);
    let standing = Standing { size, newest, marked };
    if let Some(marked) = standing.marked.as_ref().map(|marked| &marked.checkpoint().origin)
        && marked != origin
    {
        let (marked, origin) = (assay_core::text::visible(marked), origin.to_owned());
        return Err(SigningError::OtherOrigin { marked, origin, mark: mark.path().to_owned() });
    }
    if !standing.was_signed() {
        return may_begin(client, own).await.map(|()| standing);
    }
    let key = own_key.ok_or_else(|| SigningError::KeyMissing { origin: origin.to_owned() })?;
    let stored = standing.newest.iter().map(|signed| (signed, "the newest checkpoint in the database".to_owned()));
    let marked = standing.marked.iter().map(|signed| (signed, mark.path().display().to_string()));
    for (signed, what) in marked.chain(stored) {
        if !matches!(signed.note().signed_by(&key), Ok(Some(_))) {
            return Err(SigningError::OtherKey { origin: origin.to_owned(), what });
        }
        let checkpoint = signed.checkpoint();
        if checkpoint.size > size {
            return Err(SigningError::Behind { size, marked: checkpoint.size, mark: mark.path().to_owned() });
        }
        if stored_root(client, checkpoint.size).await? != checkpoint.root {
            return Err(SigningError::Differs { size: checkpoint.size });
        }
    }
    Ok(standing)
}

/// The marked checkpoint, unless it is of a log that has ended and after which this one comes. The key of that log is gone, so the note counts if
/// it names the key that the mark names.
async fn followed(client: &impl Session, origin: &str, mark: &Mark) -> Result<Option<SignedCheckpoint>, SigningError> {
    let Some(marked) = mark.read()? else { return Ok(None) };
    let other = &marked.checkpoint().origin;
    if other == origin {
        return Ok(Some(marked));
    }
    let of_log: Vec<_> =
        marked.note().signatures().iter().map(SignatureLine::key).filter(|key| key.0 == *other).collect();
    let is_signed = |note: &Note| note.signatures().iter().any(|line| of_log.contains(&line.key()));
    let ended = ended(client, other, mark, is_signed).await?;
    Ok(if ended.is_some_and(|ended| ended.successor == origin) { None } else { Some(marked) })
}

/// Whether a log of this name may begin in this database. Beside a log of another name that would be the same one under two names, unless
/// the operator asks for another log and gives it a key of its own.
async fn may_begin(client: &impl Session, own: OwnLog<'_>) -> Result<(), SigningError> {
    for (stored, note) in newest_of_others(client, own.origin).await? {
        let signed = SignedCheckpoint::parse(note.as_bytes())?;
        let key = own.key.map(|key| VerifierKey::new(&stored, KeyKind::Log, key)).transpose()?;
        // a false signature by the key is one by the key as well
        let by_key = key.is_some_and(|key| !matches!(signed.note().signed_by(&key), Ok(None)));
        if !own.is_named || by_key {
            let (stored, origin) = (assay_core::text::visible(&stored), own.origin.to_owned());
            return Err(SigningError::EarlierOrigin { stored, origin });
        }
    }
    Ok(())
}
