//! What a database that was restored from an older backup lacks: entries of its log, as a monitor or a mirror has them.
//!
//! Nothing of a source is believed before it leads to a checkpoint that the log's own key signed.

use std::path::{Path, PathBuf};

use assay_core::{sealed::Sealed, text::visible};
use assay_verifier::log::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    entry::{Entry, LaterEntry},
    note::VerifierKey,
    tree::Tree,
};

use super::{
    monitor::{MonitorError, read_state},
    reader::{ReadError, Reader},
};

/// Why the log is not repaired; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The address of the source cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The directory of the source cannot be read.
    #[error(transparent)]
    State(#[from] MonitorError),
    /// A monitor has read nothing.
    #[error("{}: a monitor has not followed a log here", .0.display())]
    Empty(PathBuf),
    /// Its checkpoint is not one of this log.
    #[error(
        "the source has a checkpoint of {found} that the key of the log {own} in this home directory has not signed"
    )]
    OtherLog {
        /// Name of the log of the source.
        found: String,
        /// Name of the log.
        own: String,
    },
    /// It does not reach far enough.
    #[error("the source has {found} entries, and {marked} were signed: take another source")]
    TooShort {
        /// Entries of the source.
        found: u64,
        /// Entries of the marked checkpoint.
        marked: u64,
    },
    /// It has other entries than those that were signed.
    #[error(
        "the first {size} entries of the source do not lead to the checkpoint of {size} entries that was signed: take another source"
    )]
    Forked {
        /// Entries of the checkpoint that they do not lead to.
        size: u64,
    },
    /// The database went on from where it was restored.
    #[error(
        "entry {position} of the database is not that of the source, which leads to the signed checkpoints: the database went on from an older \
         backup. It cannot be repaired; see `assay log retire`"
    )]
    DatabaseDiffers {
        /// The first such entry.
        position: u64,
    },
    /// An entry of a kind that this program does not know.
    #[error("entry {position} is missing in the database, and is of no kind that this program can restore: {reason}")]
    Kind {
        /// Its position.
        position: u64,
        /// Why.
        reason: String,
    },
}

/// An entry that the database lacks.
pub enum MissingEntry {
    /// Of a published attestation.
    Attestation(Sealed<Entry>),
    /// Of what was signed about one later.
    Later(Sealed<LaterEntry>),
}

impl MissingEntry {
    fn parse(position: u64, bytes: &[u8]) -> Result<Self, RepairError> {
        let refused = |e: assay_core::Error| RepairError::Kind { position, reason: e.to_string() };
        match Sealed::parse(bytes) {
            Ok(entry) => Ok(Self::Attestation(entry)),
            Err(e) => Sealed::parse(bytes).map(Self::Later).map_err(|_| refused(e)),
        }
    }
}

/// The entries of a log and a checkpoint of exactly these entries.
pub struct Copy {
    signed: SignedCheckpoint,
    entries: Vec<Vec<u8>>,
}

impl Copy {
    /// What a monitor keeps in its directory. Its own name for the directory is `--state`.
    ///
    /// # Errors
    /// [`RepairError::State`], [`RepairError::Empty`].
    pub fn of_monitor(dir: &Path) -> Result<Self, RepairError> {
        let (last, entries) = read_state(dir)?;
        Ok(Self { signed: last.ok_or_else(|| RepairError::Empty(dir.to_owned()))?, entries })
    }

    /// What a log gives out.
    ///
    /// # Errors
    /// [`RepairError::Read`], [`RepairError::Forked`].
    pub fn of_log(reader: &Reader) -> Result<Self, RepairError> {
        let signed = reader.checkpoint()?;
        let checkpoint = signed.checkpoint();
        let entries = reader.entries(0, checkpoint.size)?;
        if Tree::of(&entries).root() != checkpoint.root {
            return Err(RepairError::Forked { size: checkpoint.size });
        }
        Ok(Self { signed, entries })
    }

    /// The entries that are missing after those of the database, with their positions. All entries lead to the marked checkpoint, and to
    /// one of `key`.
    ///
    /// # Errors
    /// [`RepairError`].
    pub fn missing(
        &self,
        key: &VerifierKey,
        marked: Option<&SignedCheckpoint>,
        known: &[Vec<u8>],
    ) -> Result<(Checkpoint, Vec<(u64, MissingEntry)>), RepairError> {
        let checkpoint = self.signed.checkpoint();
        if checkpoint.origin != key.name() || !matches!(self.signed.note().signed_by(key), Ok(Some(_))) {
            let (found, own) = (visible(&checkpoint.origin), visible(key.name()));
            return Err(RepairError::OtherLog { found, own });
        }
        if let Some(marked) = marked.map(SignedCheckpoint::checkpoint) {
            let first = usize::try_from(marked.size).ok().and_then(|size| self.entries.get(..size));
            let first = first.ok_or(RepairError::TooShort { found: checkpoint.size, marked: marked.size })?;
            if Tree::of(first).root() != marked.root {
                return Err(RepairError::Forked { size: marked.size });
            }
        }
        if let Some(position) = known.iter().zip(&self.entries).position(|(own, theirs)| own != theirs) {
            return Err(RepairError::DatabaseDiffers { position: position as u64 });
        }
        let missing = self.entries.iter().enumerate().skip(known.len()).map(|(position, bytes)| {
            let position = position as u64;
            MissingEntry::parse(position, bytes).map(|entry| (position, entry))
        });
        Ok((checkpoint.clone(), missing.collect::<Result<_, _>>()?))
    }
}
