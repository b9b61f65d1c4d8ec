//! Files that somebody else made: read whole, within a limit.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Unreadable {
    path: String,
    reason: String,
}

impl Unreadable {
    /// The file at `path`, and why.
    pub fn new(path: &Path, reason: impl ToString) -> Self {
        Self { path: path.display().to_string(), reason: reason.to_string() }
    }
}

/// The whole file, if it is no longer than `limit` bytes.
///
/// # Errors
/// [`Unreadable`] otherwise.
pub fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, Unreadable> {
    let unreadable = |e: io::Error| Unreadable::new(path, e);
    // asked before it is opened: opening a pipe would wait for a writer
    let kind = fs::metadata(path).map_err(unreadable)?;
    if !kind.is_file() {
        return Err(Unreadable::new(path, "not a regular file"));
    }
    let file = File::open(path).map_err(unreadable)?;
    bounded(file, limit).map_err(|reason| Unreadable::new(path, reason))
}

/// The rest of `reader`, if it is no longer than `limit` bytes.
pub(crate) fn bounded(reader: impl Read, limit: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() > limit {
        return Err(format!("is longer than {limit} bytes"));
    }
    Ok(bytes)
}
