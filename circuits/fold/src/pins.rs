//! Pins: what `make pins` writes for each circuit and every release trusts.

use serde::Deserialize;

use crate::{error::Error, program::Program};

/// The pin of one circuit.
#[derive(Debug, Clone, Deserialize)]
pub struct Pin {
    /// Name of the circuit.
    #[serde(rename = "shape")]
    pub circuit: String,
    /// Digest of all parameters: the constraints of both curves and the commitment keys. 64 hexadecimal digits.
    pub parameter_digest: String,
    /// Constraints of one step on the primary curve, nova's own included.
    pub step_constraints: usize,
    /// Bytes of a compressed proof.
    pub proof_bytes: usize,
}

impl Pin {
    /// The pin of a shape.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the pin that was compiled in is damaged, which is a defect of this build.
    pub fn of<P: Program>(shape: &P::Shape) -> Result<Self, Error> {
        serde_json::from_str(P::pin(shape))
            .map_err(|e| Error::Malformed(format!("the pin of {}: {e}", P::circuit(shape))))
    }
}
