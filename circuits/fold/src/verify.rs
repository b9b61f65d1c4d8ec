//! Verification of finished proofs. Nothing about the circuit, its keys or its parameters is ever taken from the proof.

use std::panic::{AssertUnwindSafe, catch_unwind};

use assay_core::{
    field::F,
    sealed::{Sealed, StatementDigest},
};

use crate::{
    codec::decode_strict, engine::Compressed, envelope::open, error::Error, keys::Keys, pins::Pin, program::Program,
    slots::Slots,
};

/// A proof that was read from its envelope and is about a statement; nothing is verified yet.
pub struct Proof<P: Program> {
    shape: &'static P::Shape,
    compressed: Compressed<P>,
}

impl<P: Program> Proof<P> {
    /// Reads a proof that must be about the statement with this digest and number of steps, under the pinned parameters of
    /// `shape`.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are no proof in its one spelling, or one of something else.
    pub fn read(shape: &'static P::Shape, statement: StatementDigest, steps: u64, bytes: &[u8]) -> Result<Self, Error> {
        let (header, payload) = open(P::PROOF, bytes)?;
        let mismatch = |what: &str| Err(Error::Malformed(format!("the proof was made for another {what}")));
        if header.circuit != P::circuit(shape) {
            return mismatch("shape");
        }
        if header.parameter_digest != Pin::of::<P>(shape)?.parameter_digest {
            return mismatch("set of parameters");
        }
        if header.statement_digest != statement {
            return mismatch("statement");
        }
        if header.steps != steps {
            return mismatch("number of steps");
        }
        Ok(Self { shape, compressed: refusing_panics(|| decode_strict(payload))? })
    }

    /// Verifies the proof: the state in which the statement's steps end. What it says about the statement is for
    /// [`Program::judge`].
    ///
    /// # Errors
    /// [`Error::ParameterDigest`] for parameters that are not the pinned ones, [`Error::Malformed`] for those of another
    /// shape, [`Error::Nova`] if the proof does not verify.
    pub fn verify(&self, keys: &Keys<P>, statement: &Sealed<P::Statement>) -> Result<P::State<F>, Error> {
        keys.check_pin()?;
        if P::circuit(keys.shape()) != P::circuit(self.shape) {
            return Err(Error::Malformed(format!("parameters of {} were given", P::circuit(keys.shape()))));
        }
        let initial = P::initial(self.shape, statement)?.to_z();
        let steps = usize::try_from(P::steps(statement)).unwrap_or(usize::MAX);
        let z = refusing_panics(|| Ok(self.compressed.verify(keys.verifying_key()?, steps, &initial)?))?;
        P::State::from_z(z).ok_or_else(|| Error::Malformed("the proof ends in a state of another length".to_owned()))
    }
}

/// nova indexes by lengths that come from the proof; a panic there is a refusal.
fn refusing_panics<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::Nova("the proof is malformed".to_owned())))
}
