//! The end of a log that cannot be continued: a note by its own key that says how far it was signed, why it ends, and which log comes after it.
//!
//! It is kept in the database, where every process that could sign sees it, and in the home directories of those that have seen it, so that
//! a database from before the end does not take it back. It counts only if the log's key signed it. A statement of this kind is no checkpoint: its first line is no
//! log's name, and its second one is no number.

use std::fmt;

use assay_core::text::visible;
use assay_verifier::log::{
    checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, parse_decimal, parse_hash},
    note::{KeyKind, Note, NoteError, SignatureLine, VerifierKey},
    policy::Policy,
    tree::TreeHash,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::SigningKey;
use time::OffsetDateTime;

use super::mark::{Mark, MarkError};
use crate::store::{
    Session, StoreError,
    log::{SignerSession, newest_checkpoint},
    retirements::{add_retirement, retirement},
};
use crate::tokens::{KeyRing, KeyRingError};

/// Name and version of the format.
const PROTOCOL: &str = "assay/log/retired/1";
/// Longest reason, in bytes: as long as what a reader is shown.
pub const MAX_REASON_BYTES: usize = 400;

/// Why a log is not retired; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RetirementError {
    /// The reason cannot stand in the statement.
    #[error("the reason must be one line of 1 to {MAX_REASON_BYTES} bytes, without control characters")]
    Reason,
    /// The name of the next log is that of this one.
    #[error("the next log must have another name than {0}")]
    SameName(String),
    /// A process signs, or refuses to.
    #[error(
        "a process of the service has the right to sign for the log: stop every `assay serve` first, so that nothing is signed after the end"
    )]
    InUse,
    /// There is nothing to end.
    #[error("no checkpoint of the log {0} was ever signed here: there is nothing to retire")]
    NeverSigned(String),
    /// It has ended before.
    #[error("the log {origin} is retired already: {reason}")]
    Retired {
        /// Name of the log.
        origin: String,
        /// Why.
        reason: String,
    },
    /// Nobody would believe the statement.
    #[error(
        "the key of the log {0} is not in this home directory, so nothing can be signed for it: restore the log-….json that signed its checkpoints. \
         If it is lost, tell those who trust the log in another way"
    )]
    OtherKey(String),
    /// The keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The mark cannot be read.
    #[error(transparent)]
    Mark(#[from] MarkError),
    /// The newest stored checkpoint cannot be read.
    #[error("the newest checkpoint in the database: {0}")]
    Stored(#[from] CheckpointError),
    /// A name cannot be that of a log.
    #[error(transparent)]
    Name(#[from] NoteError),
    /// A stored statement is none.
    #[error("the statement of retirement {0}")]
    Malformed(String),
    /// The database cannot be used.
    #[error("database: {0}")]
    Store(#[from] StoreError),
}

/// That a log has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// The newest checkpoint that is known to have been signed.
    pub last: Checkpoint,
    /// Name of the log that comes after it.
    pub successor: String,
    /// Why, in the operator's words.
    pub reason: String,
}

impl fmt::Display for Retirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { last: Checkpoint { origin, size, root, .. }, successor, reason } = self;
        let root = STANDARD.encode(root);
        writeln!(f, "{PROTOCOL}\norigin {origin}\nsize {size}\nroot {root}\nsuccessor {successor}\nreason {reason}")
    }
}

impl Retirement {
    /// Reads the text of a note. Its signatures are not verified.
    ///
    /// # Errors
    /// [`RetirementError::Malformed`], [`RetirementError::Reason`].
    pub fn parse(note: &Note) -> Result<Self, RetirementError> {
        let lines: Vec<&str> = note.text().lines().collect();
        let refused = || RetirementError::Malformed(format!("is not of the form {PROTOCOL}"));
        let &[PROTOCOL, origin, size, root, successor, reason] = &lines[..] else { return Err(refused()) };
        let member = |line: &str, name: &str| line.strip_prefix(name).map(str::to_owned).ok_or_else(refused);
        let size = parse_decimal(&member(size, "size ")?).ok_or_else(refused)?;
        let root: TreeHash = parse_hash(&member(root, "root ")?).ok_or_else(refused)?;
        let last = Checkpoint::new(&member(origin, "origin ")?, size, root);
        let found = Self { last, successor: member(successor, "successor ")?, reason: member(reason, "reason ")? };
        found.check()?;
        if found.to_string() == note.text() { Ok(found) } else { Err(refused()) }
    }

    fn check(&self) -> Result<(), RetirementError> {
        let Self { last: Checkpoint { origin, .. }, successor, reason } = self;
        if reason.trim() != reason || !(1..=MAX_REASON_BYTES).contains(&reason.len()) || reason != &visible(reason) {
            return Err(RetirementError::Reason);
        }
        if origin == successor {
            return Err(RetirementError::SameName(visible(origin)));
        }
        Ok(())
    }

    fn signed(&self, key: &SigningKey) -> Result<Note, RetirementError> {
        self.check()?;
        // a key of this name could be made
        VerifierKey::new(&self.successor, KeyKind::Log, key.verifying_key())?;
        let line = SignatureLine::sign(&self.to_string(), &self.last.origin, key)?;
        Ok(Note::new(self.to_string(), vec![line]))
    }

    /// The retirement in a note, if a log of the policy signed it for itself.
    pub fn of_policy(policy: &Policy, bytes: &[u8]) -> Option<Self> {
        let note = Note::parse(bytes, 1).ok()?;
        let found = Self::parse(&note).ok()?;
        let mut own = policy.logs().iter().filter(|log| log.key.name() == found.last.origin);
        own.any(|log| matches!(note.signed_by(&log.key), Ok(Some(_)))).then_some(found)
    }
}

/// The name of the next log: the same with the next number at its end.
pub fn next_name(origin: &str) -> String {
    let base = origin.trim_end_matches(|digit: char| digit.is_ascii_digit());
    // without a number it is the first one
    let next = origin[base.len()..].parse::<u64>().map_or(Some(2), |number| number.checked_add(1));
    // as the end of an address, a number could be its port
    match next {
        Some(next) if base.ends_with(|last: char| last.is_ascii_alphabetic()) => format!("{base}{next}"),
        _ => format!("{origin}-2"),
    }
}

/// What is about to end: the newest checkpoint by the mark and by the database, which the key must have signed.
///
/// # Errors
/// [`RetirementError`].
pub async fn last_signed(
    session: &SignerSession,
    origin: &str,
    mark: &Mark,
    keys: &KeyRing,
    now: OffsetDateTime,
) -> Result<Checkpoint, RetirementError> {
    let key = keys.log_key(now)?.map(|key| VerifierKey::new(origin, KeyKind::Log, key.verifying_key())).transpose()?;
    if let Some(Retirement { reason, .. }) = ended(session, origin, mark, |note| is_by(note, key.as_ref())).await? {
        return Err(RetirementError::Retired { origin: visible(origin), reason });
    }
    let stored = newest_checkpoint(session, origin).await?;
    let stored = stored.map(|row| SignedCheckpoint::parse(row.note.as_bytes())).transpose()?;
    let marked = mark.read()?.filter(|marked| marked.checkpoint().origin == origin);
    let newest = marked.into_iter().chain(stored).max_by_key(|signed| signed.checkpoint().size);
    let newest = newest.ok_or_else(|| RetirementError::NeverSigned(visible(origin)))?;
    if !is_by(newest.note(), key.as_ref()) {
        return Err(RetirementError::OtherKey(visible(origin)));
    }
    Ok(newest.checkpoint().clone())
}

/// Ends the log. From here on no process signs for it. Returns the note.
///
/// # Errors
/// [`RetirementError`]; the log has ended all the same if only the home directory cannot be written.
pub async fn retire(
    session: &SignerSession,
    ended: &Retirement,
    mark: &Mark,
    keys: &KeyRing,
    now: OffsetDateTime,
) -> Result<String, RetirementError> {
    let key = keys.log_key(now)?.ok_or_else(|| RetirementError::OtherKey(visible(&ended.last.origin)))?;
    let note = ended.signed(&key)?.to_string();
    // as readers will read it
    Retirement::parse(&Note::parse(note.as_bytes(), 1)?)?;
    add_retirement(session, &ended.last.origin, &note, now).await?;
    mark.keep_end(&ended.last.origin, note.as_bytes())?;
    Ok(note)
}

/// Whether the key signed the note.
pub fn is_by(note: &Note, key: Option<&VerifierKey>) -> bool {
    key.is_some_and(|key| matches!(note.signed_by(key), Ok(Some(_))))
}

/// The end of the log `origin` by the database or by the home directory of `mark`. A note for which `is_signed` does not hold counts for
/// nothing: who can write to the database alone ends no log.
///
/// # Errors
/// [`RetirementError::Store`], [`RetirementError::Mark`]; [`RetirementError::Malformed`] if the log signed something else.
pub async fn ended(
    client: &impl Session,
    origin: &str,
    mark: &Mark,
    is_signed: impl Fn(&Note) -> bool,
) -> Result<Option<Retirement>, RetirementError> {
    let stored = retirement(client, origin).await?.map(String::into_bytes);
    let notes = stored.into_iter().chain(mark.end(origin)?).filter_map(|note| Note::parse(&note, 1).ok());
    for note in notes.filter(is_signed) {
        let ended = Retirement::parse(&note)?;
        if ended.last.origin == origin {
            return Ok(Some(ended));
        }
    }
    Ok(None)
}

/// Keeps the end of a log, which has ended by its own key, in the home directory as well, unless an end is there.
///
/// # Errors
/// [`RetirementError::Store`], [`RetirementError::Mark`].
pub async fn keep_end(client: &impl Session, origin: &str, mark: &Mark) -> Result<(), RetirementError> {
    if mark.end(origin)?.is_none()
        && let Some(note) = retirement(client, origin).await?
    {
        mark.keep_end(origin, note.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ended(reason: &str) -> Retirement {
        let last = Checkpoint::new("assay.example/log", 3, [7; 32]);
        Retirement { last, successor: "assay.example/log2".to_owned(), reason: reason.to_owned() }
    }

    #[test]
    fn a_statement_is_read_back_and_no_checkpoint() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let note = ended("The database was lost").signed(&key).unwrap();
        assert_eq!(Retirement::parse(&note).unwrap(), ended("The database was lost"));
        assert!(SignedCheckpoint::parse(note.to_string().as_bytes()).is_err());
        let checkpoint = Checkpoint::new("assay.example/log", 3, [7; 32]).to_string();
        assert!(Retirement::parse(&Note::new(checkpoint, Vec::new())).is_err());
        for (old, new) in
            [("size 3", "size 03"), ("reason ", "reason"), ("retired/1", "retired/2"), ("database", "data\nbase")]
        {
            let text = note.text().replace(old, new);
            assert!(text != note.text() && Retirement::parse(&Note::new(text, Vec::new())).is_err(), "{new}");
        }
    }

    #[test]
    fn only_the_logs_own_key_ends_it() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let policy = |name: &str, key: &SigningKey| {
            let key = VerifierKey::new(name, KeyKind::Log, key.verifying_key()).unwrap();
            Policy::parse(format!("log {key}\nquorum none\n").as_bytes()).unwrap()
        };
        let note = ended("x").signed(&key).unwrap().to_string();
        assert_eq!(Retirement::of_policy(&policy("assay.example/log", &key), note.as_bytes()), Some(ended("x")));
        assert_eq!(Retirement::of_policy(&policy("assay.example/other", &key), note.as_bytes()), None);
        let other = SigningKey::from_bytes(&[2; 32]);
        assert_eq!(Retirement::of_policy(&policy("assay.example/log", &other), note.as_bytes()), None);
        let altered = note.replace("reason x", "reason y");
        assert_eq!(Retirement::of_policy(&policy("assay.example/log", &key), altered.as_bytes()), None);
    }

    #[test]
    fn a_reason_is_one_line_and_the_next_log_another_one() {
        let key = SigningKey::from_bytes(&[1; 32]);
        for wrong in ["", " x", "x\n", "a\nb", "a\u{202e}b", &"x".repeat(401)] {
            assert!(matches!(ended(wrong).signed(&key), Err(RetirementError::Reason)), "{wrong:?}");
        }
        assert!(ended(&"x".repeat(400)).signed(&key).is_ok() && ended(&"\u{e9}".repeat(200)).signed(&key).is_ok());
        assert!(matches!(ended(&"\u{e9}".repeat(201)).signed(&key), Err(RetirementError::Reason)));
        let same = Retirement { successor: "assay.example/log".to_owned(), ..ended("x") };
        assert!(matches!(same.signed(&key), Err(RetirementError::SameName(_))));
        let wrong = Retirement { successor: "a b".to_owned(), ..ended("x") };
        assert!(matches!(wrong.signed(&key), Err(RetirementError::Name(_))));
        for (name, next) in [
            ("assay.example/log", "assay.example/log2"),
            ("assay.example/log2", "assay.example/log3"),
            ("assay.example/log99", "assay.example/log100"),
            ("assay.example:8080", "assay.example:8080-2"),
            ("assay.example/18446744073709551615", "assay.example/18446744073709551615-2"),
        ] {
            assert_eq!(next_name(name), next);
        }
    }
}
