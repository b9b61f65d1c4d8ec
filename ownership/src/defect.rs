//! What is wrong with a line, in words for the person who wrote it. Whoever reads the file adds its name and the line's number.

use assay_core::holding::HoldingError;

/// A line that claims what is false or cannot be read. A ledger with such a line is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// The chain cannot parse the address.
    #[error("{address:?} is no address of {chain}: {why}")]
    Address {
        /// The chain.
        chain: String,
        /// The address as written.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The chain has no such scheme.
    #[error("signature {number} is said to be of the scheme {scheme:?}; on {chain} there are {known}")]
    Scheme {
        /// Which signature of the line, from 1.
        number: usize,
        /// The scheme as written.
        scheme: String,
        /// The chain.
        chain: String,
        /// The schemes of the chain.
        known: String,
    },
    /// A signature's text is none.
    #[error("signature {number} cannot be read: {why}")]
    Unreadable {
        /// Which signature of the line, from 1.
        number: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A signature is false.
    #[error("signature {number} is not by this address, or not over this message: {why}")]
    False {
        /// Which signature of the line, from 1.
        number: usize,
        /// What was compared.
        why: &'static str,
    },
    /// Fewer signatures than the script or the wallet asks for.
    #[error("{given} of the {needed} signatures that the address needs")]
    TooFew {
        /// How many there are.
        given: usize,
        /// How many are needed.
        needed: usize,
    },
    /// More signatures than the address can have.
    #[error("{given} signatures, where at most {most} can be")]
    TooMany {
        /// How many there are.
        given: usize,
        /// How many there can be.
        most: usize,
    },
    /// The script is not that of the address, or is none.
    #[error("the script in `key` {why}")]
    Script {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The column `key` is wrong.
    #[error("`key` {why}")]
    Key {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A third party's statement cannot be read, or is not by the key that it names.
    #[error("the third party's statement is refused: {0}")]
    Holding(#[from] HoldingError),
    /// A third party's statement says something else than the line.
    #[error("the third party's statement has the {member} {found:?}, where {expected:?} is expected")]
    Differs {
        /// What the two disagree on: a member of the statement.
        member: &'static str,
        /// What the statement says.
        found: String,
        /// What the line or its snapshot says.
        expected: String,
    },
    /// A part of the canonical message is outside of its grammar, so that nobody can sign it.
    #[error("no message can be signed for this snapshot: its {part} {value:?} is not {allowed}")]
    Message {
        /// Which part.
        part: &'static str,
        /// The part as written.
        value: String,
        /// What it can be.
        allowed: &'static str,
    },
    /// A column is too long.
    #[error("{column} has {bytes} bytes, and at most {most} can be")]
    TooLong {
        /// The column.
        column: &'static str,
        /// Its length.
        bytes: usize,
        /// The longest allowed.
        most: usize,
    },
}
