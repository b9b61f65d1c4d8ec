//! Checkpoints (C2SP tlog-checkpoint): the size and the root of a log, in a signed note.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    note::{Note, NoteError},
    tree::TreeHash,
};

/// Why a note is no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A line of its text does not follow the format.
    #[error("line {line}: {reason}")]
    Line {
        /// The line.
        line: usize,
        /// Why.
        reason: String,
    },
}

/// What a log says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Entries of the log.
    pub size: u64,
    /// Root of the tree over these entries.
    pub root: TreeHash,
    /// Further lines, which mean nothing here.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without further lines.
    pub fn new(origin: &str, size: u64, root: TreeHash) -> Self {
        Self { origin: origin.to_owned(), size, root, extensions: Vec::new() }
    }

    fn parse(text: &str, first_line: usize) -> Result<Self, CheckpointError> {
        let refused = |i: usize, reason: String| CheckpointError::Line { line: first_line + i, reason };
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
        if let Some(i) = lines.iter().position(|line| line.is_empty()) {
            return Err(refused(i, "a line of a checkpoint is empty".to_owned()));
        }
        let [origin, size, root, extensions @ ..] = &lines[..] else {
            return Err(refused(lines.len(), "a checkpoint has an origin, a size and a root".to_owned()));
        };
        let number = parse_decimal(size)
            .ok_or_else(|| refused(1, format!("the size {} is not a whole number", assay_core::text::shown(size))))?;
        let root = parse_hash(root)
            .ok_or_else(|| refused(2, format!("the root {} is not a hash in base64", assay_core::text::shown(root))))?;
        let extensions = extensions.iter().map(|&line| line.to_owned()).collect();
        Ok(Self { origin: (*origin).to_owned(), size: number, root, extensions })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A checkpoint in its note. Its signatures are not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::parse_from(bytes, 1)
    }

    /// Reads a checkpoint that begins in line `first_line` of its file.
    ///
    /// # Errors
    /// [`CheckpointError`] with the line.
    pub fn parse_from(bytes: &[u8], first_line: usize) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes, first_line)?;
        let checkpoint = Checkpoint::parse(note.text(), first_line)?;
        Ok(Self { checkpoint, note })
    }

    /// What the log says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// A whole number in its one spelling: no sign, no leading zeros.
pub fn parse_decimal(text: &str) -> Option<u64> {
    let plain = text == "0" || !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// 32 bytes in base64, in their one spelling.
pub fn parse_hash(text: &str) -> Option<TreeHash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
