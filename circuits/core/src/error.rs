//! What can be wrong with bytes, text and numbers that come from outside, as sentences for the person who reads them.

/// An error of parsing or of bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Bytes or text that are not what they claim to be.
    #[error("{0}")]
    Malformed(String),
    /// A number outside the bounds that the protocol states.
    #[error("{0}")]
    OutOfBounds(String),
}
