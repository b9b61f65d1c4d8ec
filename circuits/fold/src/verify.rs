//! Verification of finished proofs. Nothing about the circuit, its keys or its parameters is ever taken from the proof.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use assay_core::{
    field::F,
    sealed::{Sealed, StatementDigest},
};

use crate::{
    codec::decode_strict,
    engine::Compressed,
    envelope::{Header, open_all},
    error::Error,
    keys::Keys,
    pins::Pin,
    program::Program,
    slots::Slots,
};

/// The proof of one part of a statement, read from its envelope; nothing is verified yet.
pub struct Proof<P: Program> {
    shape: &'static P::Shape,
    steps: u64,
    compressed: Compressed<P>,
}

impl<P: Program> Proof<P> {
    /// Reads the proofs of a statement's parts, which stand one after the other: one for each entry of `steps`, under the
    /// pinned parameters of `shape`.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are no proofs in their one spelling, or of something else.
    pub fn read_all(
        shape: &'static P::Shape,
        statement: StatementDigest,
        steps: &[u64],
        bytes: &[u8],
    ) -> Result<Vec<Self>, Error> {
        let count = u32::try_from(steps.len()).map_err(|_| Error::Malformed("too many parts".to_owned()))?;
        let pinned = Pin::of::<P>(shape)?.parameter_digest;
        let read = |((header, payload), steps): ((Header, &[u8]), &u64)| {
            let mismatch = |what: &str| Err(Error::Malformed(format!("the proof was made for another {what}")));
            if header.circuit != P::circuit(shape) {
                return mismatch("shape");
            }
            if header.parameter_digest != pinned {
                return mismatch("set of parameters");
            }
            if header.statement_digest != statement {
                return mismatch("statement");
            }
            if header.steps != *steps {
                return mismatch("number of steps");
            }
            Ok(Self { shape, steps: *steps, compressed: refusing_panics(|| decode_strict(payload))? })
        };
        open_all(P::PROOF, count, bytes)?.into_iter().zip(steps).map(read).collect()
    }

    /// Verifies the proof: the state in which the part's steps end. What it says about the statement is for
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
        let steps = usize::try_from(self.steps).unwrap_or(usize::MAX);
        let z = refusing_panics(|| Ok(self.compressed.verify(keys.verifying_key()?, steps, &initial)?))?;
        P::State::from_z(z).ok_or_else(|| Error::Malformed("the proof ends in a state of another length".to_owned()))
    }
}

thread_local! {
    /// Whether a panic of this thread is a refusal, of which nobody needs to read.
    static REFUSING: Cell<bool> = const { Cell::new(false) };
}

/// nova indexes by lengths that come from the proof; a panic there is a refusal, and prints nothing.
fn refusing_panics<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if !REFUSING.get() {
                report(panic);
            }
        }));
    });
    let outer = REFUSING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    REFUSING.set(outer);
    outcome.unwrap_or_else(|_| Err(Error::Nova("the proof is malformed".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_refusal_and_only_the_one_of_a_proof_is_silent() {
        let refused = refusing_panics(|| -> Result<(), Error> {
            assert!(REFUSING.get());
            panic!("an index of the proof")
        });
        assert!(matches!(refused, Err(Error::Nova(_))));
        assert!(!REFUSING.get());
        assert!(matches!(refusing_panics(|| refusing_panics(|| Ok(1))), Ok(1)));
    }
}
