//! All keys of a directory, read at once. A file that cannot be used loses its own key and no other.

use std::{
    fs::{self, File},
    path::Path,
};

use ed25519_dalek::SigningKey;
use time::{Duration, OffsetDateTime};

use super::{
    error::KeyRingError,
    jwt::LEEWAY,
    keyfile::{Key, Purpose, private_dir_exists},
};
use crate::durable;

/// Longest lifetime of a token. A replaced key stays published for this time.
pub const MAX_TTL: Duration = Duration::days(31);
/// Maximum number of keys in the directory.
const MAX_KEYS: usize = 1000;
/// Maximum number of sentences about files that cannot be used.
const MAX_DEFECTS: usize = 20;

/// The keys of a directory.
#[derive(Default)]
pub(super) struct Keys {
    /// Oldest first.
    pub(super) list: Vec<Key>,
    /// Why files there are not among them, a sentence for each.
    pub(super) defects: Vec<String>,
}

impl Keys {
    /// Reads all files. None where there is no directory: whoever deletes it takes all keys back.
    ///
    /// # Errors
    /// [`KeyRingError::Environment`] if other users can enter the directory, or it has too many keys; [`KeyRingError::File`] if it
    /// cannot be read, or the system has no means left to read a file.
    pub(super) fn read(dir: &Path) -> Result<Self, KeyRingError> {
        let mut keys = Self::default();
        if !private_dir_exists(dir)? {
            return Ok(keys);
        }
        for entry in fs::read_dir(dir).map_err(KeyRingError::file(dir))? {
            let path = entry.map_err(KeyRingError::file(dir))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match Key::read(&path) {
                Ok(key) => keys.list.push(key),
                // deleted between listing and reading
                Err(KeyRingError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) if error.is_exhaustion() => return Err(error),
                Err(error) if keys.defects.len() < MAX_DEFECTS => keys.defects.push(error.to_string()),
                Err(_) => {}
            }
            if keys.list.len() > MAX_KEYS {
                return Err(KeyRingError::Environment(format!(
                    "{}: the directory contains more than {MAX_KEYS} keys",
                    dir.display()
                )));
            }
        }
        keys.defects.sort();
        keys.list.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
        Ok(keys)
    }

    /// The key that signs, or none.
    pub(super) fn newest(&self, purpose: Purpose) -> Option<&Key> {
        self.list.iter().rev().find(|key| key.purpose == purpose)
    }

    /// The private half of the newest key, and its id.
    ///
    /// # Errors
    /// [`KeyRingError::Environment`] with the remedy, and what is wrong with files there.
    pub(super) fn signing(&self, purpose: Purpose) -> Result<(&str, &SigningKey), KeyRingError> {
        let missing = || {
            let purpose = purpose.as_str();
            KeyRingError::Environment(format!(
                "there is no signing key for the purpose {purpose}; create one with: assay keys rotate --purpose {purpose}{}",
                self.defects.iter().map(|defect| format!(" ({defect})")).collect::<String>()
            ))
        };
        let newest = self.newest(purpose).ok_or_else(missing)?;
        Ok((&newest.kid, newest.private.as_ref().ok_or_else(missing)?))
    }

    /// Each key with the time after which nothing that it signed is valid; `None` for current keys and for statement keys.
    pub(super) fn with_ends(&self) -> impl Iterator<Item = (&Key, Option<OffsetDateTime>)> {
        self.list.iter().enumerate().map(|(i, key)| {
            let next = self.list[i + 1..].iter().find(|later| later.purpose == key.purpose);
            let end = next.filter(|_| key.purpose == Purpose::Token);
            (key, end.map(|next| next.created_at + MAX_TTL + LEEWAY))
        })
    }
}

/// Locks the directory until dropped: one writer at a time, over all processes.
///
/// # Errors
/// [`KeyRingError::File`].
pub(super) fn lock(dir: &Path) -> Result<File, KeyRingError> {
    let file = File::open(dir).map_err(KeyRingError::file(dir))?;
    file.lock().map_err(KeyRingError::file(dir))?;
    // of a writer that died: there is no other one now
    durable::remove_partial_files(dir).map_err(KeyRingError::file(dir))?;
    Ok(file)
}
