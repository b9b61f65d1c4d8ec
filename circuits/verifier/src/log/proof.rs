//! Proofs of logging (C2SP tlog-proof): where an entry is in a log, the path to its root, and the signed checkpoint.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    checkpoint::{CheckpointError, SignedCheckpoint, parse_decimal, parse_hash},
    note::{MAX_NOTE_BYTES, NoteError, checked_text},
    tree::{MAX_PROOF_HASHES, TreeError, TreeHash, verify_inclusion},
};

/// First line of a proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// What the optional second line starts with.
const EXTRA: &str = "extra ";
/// Largest proof that is read, in bytes.
pub const MAX_PROOF_BYTES: usize = MAX_NOTE_BYTES + (64 << 10);

/// Why a text is no proof of logging.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// More bytes than are read.
    #[error("the proof is longer than {MAX_PROOF_BYTES} bytes")]
    TooLong,
    /// Not text.
    #[error(transparent)]
    Text(#[from] NoteError),
    /// A line before the checkpoint does not follow the format.
    #[error("line {line}: {reason}")]
    Line {
        /// The line.
        line: usize,
        /// Why.
        reason: String,
    },
    /// What follows is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// A proof of logging. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// Opaque data that nobody signed.
    pub extra: Option<Vec<u8>>,
    /// Position of the entry, from 0.
    pub index: u64,
    /// The path, from the entry's sibling up.
    pub path: Vec<TreeHash>,
    /// The checkpoint to which the path leads.
    pub checkpoint: SignedCheckpoint,
}

impl LogProof {
    /// Reads a proof.
    ///
    /// # Errors
    /// [`ProofError`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(ProofError::TooLong);
        }
        let text = checked_text(bytes, 1)?;
        let refused = |line: usize, reason: String| ProofError::Line { line, reason };
        let shown = assay_core::text::shown;
        let (head, note) =
            text.split_once("\n\n").ok_or_else(|| refused(1, "no empty line and no checkpoint follow".to_owned()))?;
        let mut lines = head.split('\n').zip(1..).peekable();
        match lines.next() {
            Some((HEADER, _)) => {}
            Some((other, line)) => return Err(refused(line, format!("expected {HEADER}, found {}", shown(other)))),
            None => return Err(refused(1, format!("expected {HEADER}"))),
        }
        let extra = match lines.next_if(|(line, _)| line.starts_with(EXTRA)) {
            Some((data, line)) => {
                let decoded = STANDARD.decode(&data[EXTRA.len()..]);
                Some(decoded.map_err(|_| refused(line, "the extra data is not base64".to_owned()))?)
            }
            None => None,
        };
        let (index, line) = lines.next().ok_or_else(|| refused(2, "the line `index` is missing".to_owned()))?;
        let index = index
            .strip_prefix("index ")
            .and_then(parse_decimal)
            .ok_or_else(|| refused(line, format!("expected `index` and a whole number, found {}", shown(index))))?;
        let mut path = Vec::new();
        for (hash, line) in lines {
            if path.len() == MAX_PROOF_HASHES {
                return Err(refused(line, format!("the path has more than {MAX_PROOF_HASHES} hashes")));
            }
            let not_hash = || refused(line, format!("{} is not a hash in base64", shown(hash)));
            path.push(parse_hash(hash).ok_or_else(not_hash)?);
        }
        let first_line = head.matches('\n').count() + 3;
        let checkpoint = SignedCheckpoint::parse_from(note.as_bytes(), first_line)?;
        Ok(Self { extra, index, path, checkpoint })
    }

    /// Checks that the entry with the hash `leaf` is in the tree of the checkpoint. Who signed the checkpoint is not checked.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn verify(&self, leaf: &TreeHash) -> Result<(), TreeError> {
        let checkpoint = self.checkpoint.checkpoint();
        verify_inclusion(leaf, self.index, checkpoint.size, &self.path, &checkpoint.root)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.checkpoint.note())
    }
}
