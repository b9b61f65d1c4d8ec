//! The high-water mark: the newest checkpoint that was signed, in a file of the home directory. It does not go back when the database
//! is restored from a backup. It is written before the checkpoint leaves this process, and while another process signs it follows that one.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use assay_verifier::log::checkpoint::{CheckpointError, SignedCheckpoint};
use sha2::{Digest, Sha256};

use crate::{
    durable::{self, Access},
    home::Home,
};

/// Why the mark cannot be used; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds no checkpoint.
    #[error("{}: {source}; restore this file from its newest backup", path.display())]
    NotCheckpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CheckpointError,
    },
}

/// The file with the mark.
#[derive(Debug, Clone)]
pub struct Mark {
    path: PathBuf,
}

impl Mark {
    /// The mark in this home directory.
    pub fn of(home: &Home) -> Self {
        Self { path: home.log_dir().join("high-water") }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The marked checkpoint; `None` if nothing was marked yet.
    ///
    /// # Errors
    /// [`MarkError`].
    pub fn read(&self) -> Result<Option<SignedCheckpoint>, MarkError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.file(source)),
        };
        let parsed = SignedCheckpoint::parse(&bytes);
        parsed.map(Some).map_err(|source| MarkError::NotCheckpoint { path: self.path.clone(), source })
    }

    /// Marks `signed` unless a checkpoint of the same log and at least as many entries is marked, and returns once that survives a power
    /// cut. Processes that share a home directory take turns, so none of them takes the mark back. The mark of another log, which has
    /// ended, is kept beside it.
    ///
    /// # Errors
    /// [`MarkError`]; the earlier mark is unchanged.
    pub fn raise(&self, signed: &SignedCheckpoint) -> Result<(), MarkError> {
        let dir = self.path.parent().unwrap_or(&self.path);
        durable::create_private_directory(dir).map_err(|e| self.file(e))?;
        let turn = File::open(dir).map_err(|e| self.file(e))?;
        turn.lock().map_err(|e| self.file(e))?;
        if let Some(marked) = self.read()? {
            let (old, new) = (marked.checkpoint(), signed.checkpoint());
            if old.origin != new.origin {
                let kept = dir.join(format!("high-water-{}-{}", old.size, hex::encode(&old.root[..4])));
                fs::rename(&self.path, kept).map_err(|e| self.file(e))?;
            } else if old.size >= new.size {
                return Ok(());
            }
        }
        durable::replace(&self.path, Access::Private, signed.note().to_string().as_bytes()).map_err(|e| self.file(e))
    }

    /// The note with which the log `origin` has ended, as it was kept beside the mark.
    ///
    /// # Errors
    /// [`MarkError::File`].
    pub fn end(&self, origin: &str) -> Result<Option<Vec<u8>>, MarkError> {
        let path = self.end_path(origin);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(MarkError::File { path, source }),
        }
    }

    /// Keeps that note, and returns once it survives a power cut.
    ///
    /// # Errors
    /// [`MarkError::File`].
    pub fn keep_end(&self, origin: &str, note: &[u8]) -> Result<(), MarkError> {
        let (path, dir) = (self.end_path(origin), self.path.parent().unwrap_or(&self.path));
        let kept = durable::create_private_directory(dir).and_then(|()| durable::replace(&path, Access::Private, note));
        kept.map_err(|source| MarkError::File { path, source })
    }

    fn end_path(&self, origin: &str) -> PathBuf {
        self.path.with_file_name(format!("retired-{}", hex::encode(Sha256::digest(origin))))
    }

    fn file(&self, source: std::io::Error) -> MarkError {
        MarkError::File { path: self.path.clone(), source }
    }
}
