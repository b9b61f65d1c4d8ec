//! What can go wrong while folding and verifying, as sentences for the person who reads them.

/// An error of the machine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes or text that are not what they claim to be.
    #[error("{0}")]
    Malformed(String),
    /// A number outside the bounds that the protocol states.
    #[error("{0}")]
    OutOfBounds(String),
    /// A checkpoint that belongs to another statement, is damaged, or does not prove what it claims.
    #[error("the checkpoint is refused: {0}")]
    Checkpoint(String),
    /// Parameters whose digest is not the pinned one.
    #[error("the parameters of {circuit} have digest {found}, this release pins {pinned}")]
    ParameterDigest {
        /// Name of the circuit.
        circuit: String,
        /// Digest that was computed.
        found: String,
        /// Digest that this release trusts.
        pinned: String,
    },
    /// nova-snark refused.
    #[error("the proof system refused: {0}")]
    Nova(String),
}

impl From<assay_core::Error> for Error {
    fn from(error: assay_core::Error) -> Self {
        match error {
            assay_core::Error::Malformed(reason) => Self::Malformed(reason),
            assay_core::Error::OutOfBounds(reason) => Self::OutOfBounds(reason),
        }
    }
}

impl From<nova_snark::errors::NovaError> for Error {
    fn from(error: nova_snark::errors::NovaError) -> Self {
        Self::Nova(error.to_string())
    }
}
