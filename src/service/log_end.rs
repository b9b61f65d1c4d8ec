//! Ends the transparency log of a service.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    home::Home,
    store::{Store, log::try_signer},
    tokens::KeyRing,
    transparency::{
        mark::Mark,
        retirement::{Retirement, RetirementError, last_signed, next_name, retire},
    },
};

/// A service's own log, for a command that changes more than its next checkpoint.
pub(super) struct LogParts {
    /// Its name.
    pub(super) origin: String,
    /// The database.
    pub(super) store: Store,
    /// The keys.
    pub(super) keys: Arc<KeyRing>,
    /// The home directory, which has the mark.
    pub(super) home: Home,
    /// The current time.
    pub(super) now: OffsetDateTime,
}

/// Ends the log, if `confirm` agrees with what is to be signed. Nobody may sign meanwhile. Without `successor`, the next log has the same name
/// with the next number. Returns the note, or `None` if it was not agreed.
///
/// # Errors
/// [`RetirementError`]; nothing has changed then, unless only the home directory could not be written.
pub(super) async fn end_log(
    log: &LogParts,
    successor: Option<String>,
    reason: String,
    confirm: impl FnOnce(&Retirement) -> bool,
) -> Result<Option<String>, RetirementError> {
    let LogParts { origin, store, keys, home, now } = log;
    let session = try_signer(store).await?.ok_or(RetirementError::InUse)?;
    let mark = Mark::of(home);
    let last = last_signed(&session, origin, &mark, keys, *now).await?;
    let ended = Retirement { last, successor: successor.unwrap_or_else(|| next_name(origin)), reason };
    if !confirm(&ended) {
        return Ok(None);
    }
    retire(&session, &ended, &mark, keys, *now).await.map(Some)
}
