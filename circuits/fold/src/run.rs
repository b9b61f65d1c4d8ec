//! A fold in progress: step after step into one proof. It can be stopped after any step and resumed from a checkpoint.

use assay_core::{check::Checks, field::F, sealed::Sealed};

use crate::{
    codec::decode_strict,
    engine::{Compressed, Recursive},
    envelope::{CHECKPOINT, Header, open, seal},
    error::Error,
    keys::Keys,
    program::Program,
    slots::Slots,
    step::FoldStep,
};

/// A fold in progress.
pub struct Run<'a, P: Program> {
    keys: &'a Keys<P>,
    statement: &'a Sealed<P::Statement>,
    /// Which part of the statement is folded.
    part: u32,
    /// Steps of that part.
    steps: u64,
    /// z before the first step.
    initial: Vec<F>,
    steps_done: u64,
    recursive: Option<Recursive<P>>,
}

impl<'a, P: Program> Run<'a, P> {
    /// Begins the fold of part `part` of a statement.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if there is no such part, and in the case, of probability 2^-228, of an unusable challenge.
    pub fn begin(keys: &'a Keys<P>, statement: &'a Sealed<P::Statement>, part: u32) -> Result<Self, Error> {
        let missing = || Error::OutOfBounds(format!("the statement has no part {part}"));
        let steps = P::steps(statement, part).ok_or_else(missing)?;
        let initial = P::initial(keys.shape(), statement)?.to_z();
        Ok(Self { keys, statement, part, steps, initial, steps_done: 0, recursive: None })
    }

    /// Resumes a fold where [`Run::checkpoint`] left it. The checkpoint is hostile input until nova has verified it
    /// against this statement's initial state.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is damaged, of another statement, part or parameters, or proves something else; also
    /// those of [`Run::begin`].
    pub fn resume(
        keys: &'a Keys<P>,
        statement: &'a Sealed<P::Statement>,
        part: u32,
        checkpoint: &[u8],
    ) -> Result<Self, Error> {
        let run = Self::begin(keys, statement, part)?;
        let refuse = |reason: String| Error::Checkpoint(reason);
        let (header, payload) = open(CHECKPOINT, checkpoint).map_err(|e| refuse(e.to_string()))?;
        if header.circuit != P::circuit(keys.shape()) || header.parameter_digest != keys.digest() {
            return Err(refuse(format!("it is of {} with other parameters", header.circuit)));
        }
        if header.statement_digest != statement.digest() {
            return Err(refuse("it belongs to another statement".to_owned()));
        }
        if header.part != part {
            return Err(refuse(format!("it is of part {} of the statement, not of part {part}", header.part)));
        }
        if !(1..=run.steps).contains(&header.steps) {
            return Err(refuse(format!("{} steps of {}", header.steps, run.steps)));
        }
        let recursive: Recursive<P> = decode_strict(payload).map_err(|e| refuse(e.to_string()))?;
        recursive
            .verify(keys.public(), header.steps as usize, &run.initial)
            .map_err(|e| refuse(format!("it proves nothing about this statement: {e}")))?;
        Ok(Self { steps_done: header.steps, recursive: Some(recursive), ..run })
    }

    /// The shape.
    pub fn shape(&self) -> &'static P::Shape {
        self.keys.shape()
    }

    /// Steps done.
    pub fn steps_done(&self) -> u64 {
        self.steps_done
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state after the steps done.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] before the first step.
    pub fn state(&self) -> Result<P::State<F>, Error> {
        let z = self.folded()?.outputs().to_vec();
        P::State::from_z(z).ok_or_else(|| Error::Malformed("the fold's state has another length".to_owned()))
    }

    /// Folds the next step. A witness that breaks a rule is folded too, into a proof that verifies nowhere: the caller must
    /// not make any, and nothing is published before it was verified.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if all steps are done; [`Error::Nova`].
    pub fn step(&mut self, witness: P::Witness) -> Result<(), Error> {
        if self.steps_done == self.steps {
            return Err(Error::OutOfBounds(format!("all {} steps are folded", self.steps)));
        }
        let circuit = FoldStep::<P>::new(self.shape(), witness);
        let public = self.keys.public();
        match &mut self.recursive {
            Some(recursive) => recursive.prove_step(public, &circuit)?,
            empty => {
                // nova folds the first step when the proof is created; its first `prove_step` only counts it
                let mut recursive = Recursive::<P>::new(public, &circuit, &self.initial)?;
                recursive.prove_step(public, &circuit)?;
                *empty = Some(recursive);
            }
        }
        self.steps_done += 1;
        Ok(())
    }

    /// The fold as bytes for [`Run::resume`]. Private: it holds witness values.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] before the first step.
    pub fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        seal(CHECKPOINT, &self.header(), self.folded()?)
    }

    /// Compresses the complete fold of the part to a zero-knowledge proof in its envelope.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if steps are missing, [`Error::Malformed`] if the state it ends in is not the statement's,
    /// [`Error::Nova`].
    pub fn compress(&self) -> Result<Vec<u8>, Error> {
        if self.steps_done != self.steps {
            return Err(Error::OutOfBounds(format!("{} of {} steps are folded", self.steps_done, self.steps)));
        }
        let mut checks = Checks::default();
        if !P::judge(self.shape(), self.statement, self.part, &self.state()?, &mut checks) {
            let failed = checks.iter().find(|check| !check.passed);
            let reason = failed.map_or_else(String::new, |check| format!(": {} ({})", check.title, check.detail));
            return Err(Error::Malformed(format!("what was folded is not what the statement claims{reason}")));
        }
        self.compress_unjudged()
    }

    /// [`Run::compress`] whatever was folded: what a cheating prover does.
    pub(crate) fn compress_unjudged(&self) -> Result<Vec<u8>, Error> {
        let proof = Compressed::<P>::prove(self.keys.public(), self.keys.proving_key()?, self.folded()?)?;
        seal(P::PROOF, &self.header(), &proof)
    }

    fn folded(&self) -> Result<&Recursive<P>, Error> {
        self.recursive.as_ref().ok_or_else(|| Error::OutOfBounds("nothing has been folded yet".to_owned()))
    }

    fn header(&self) -> Header {
        Header {
            circuit: P::circuit(self.shape()).to_owned(),
            parameter_digest: self.keys.digest().to_owned(),
            statement_digest: self.statement.digest(),
            part: self.part,
            steps: self.steps_done,
        }
    }
}
