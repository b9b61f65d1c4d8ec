//! Transparency logs: whether a statement is in a log that the reader trusts, and whether what
//! two readers are shown is one log.
//!
//! In: texts that somebody else made, and the reader's policy. Out: what they say once it is checked, or an error that is a sentence
//! with its line. The formats are those of C2SP: signed notes (`note`), checkpoints (`checkpoint`), trees and proofs of RFC 6962
//! (`tree`), tlog-proof (`proof`), tlog-policy (`policy`); what an entry of our log says is in `entry`. No files, no clock, no network.

pub mod checkpoint;
pub mod entry;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tree;
