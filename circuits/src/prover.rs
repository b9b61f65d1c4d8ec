//! The fold: batch after batch into one proof. It can be put down at any step and taken up again.

use ff::Field;

use crate::{
    book::{BookColumn, FedColumn, private_digest},
    bridge::FoldStep,
    envelope::{Header, Kind, decode_strict, open, seal},
    error::Error,
    field::{F, to_hex},
    page::Page,
    setup::{Compressed, Parameters, Recursive},
    shape::Shape,
    state::State,
    statement::{Statement, challenge, check_challenge, first_challenge},
    step::StepWitness,
    tree::UpperTree,
};

/// A fold in progress.
pub struct Fold<'a> {
    parameters: &'a Parameters,
    statement_digest: [u8; 32],
    initial: State,
    /// All batch roots of the ledger; the first `steps_done` are in `upper`.
    batch_roots: &'a [F],
    upper: UpperTree,
    /// The columns to be taken in; none in the solvency family.
    columns: &'a [FedColumn],
    recursive: Option<Recursive>,
}

impl<'a> Fold<'a> {
    /// Begins the fold of a statement whose batches have `batch_roots` and whose columns have the private sums in `columns`,
    /// which is empty in the solvency family.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the statement is not one of these parameters' shape, its root or number of steps is not
    /// that of `batch_roots`, or its columns are not `columns`; [`Error::OutOfBounds`] in the case, of probability 2^-228,
    /// of an unusable challenge.
    pub fn begin(
        parameters: &'a Parameters,
        statement_bytes: &[u8],
        batch_roots: &'a [F],
        columns: &'a [FedColumn],
    ) -> Result<Self, Error> {
        let statement = Statement::parse(statement_bytes)?;
        let shape = parameters.shape();
        if statement.shape != shape.name || statement.parameter_digest != parameters.digest() {
            return Err(Error::Malformed(format!(
                "the statement is of {} with parameters {}, these are {} with {}",
                statement.shape,
                statement.parameter_digest,
                shape.name,
                parameters.digest()
            )));
        }
        if statement.steps != batch_roots.len() as u64
            || statement.root != to_hex(&UpperTree::build(shape, batch_roots.to_vec()).root())
        {
            return Err(Error::Malformed("the statement's root is not that of the batches".to_owned()));
        }
        let own: Vec<BookColumn> = columns.iter().map(|c| c.book).collect();
        let private = statement.rules.as_ref().and_then(|r| r.private.clone());
        let committed = private.is_none_or(|p| p == to_hex(&private_digest(columns)));
        if own != statement.book()? || !committed || shape.steps_for(0, columns.len()) > batch_roots.len() {
            return Err(Error::Malformed("the columns are not those of the statement, or too many".to_owned()));
        }
        let gamma = challenge(statement_bytes);
        check_challenge(gamma)?;
        let rho = first_challenge(&statement.first_bytes()?);
        Ok(Self {
            parameters,
            statement_digest: Statement::digest(statement_bytes),
            initial: State::initial(shape, gamma, rho),
            batch_roots,
            upper: UpperTree::new(shape),
            columns,
            recursive: None,
        })
    }

    /// Takes up a fold where [`Fold::checkpoint`] left it. The checkpoint is hostile input until nova has verified it
    /// against this statement's z0.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is damaged, of another statement or parameters, or proves something else; besides,
    /// those of [`Fold::begin`].
    pub fn resume(
        parameters: &'a Parameters,
        statement_bytes: &[u8],
        batch_roots: &'a [F],
        columns: &'a [FedColumn],
        checkpoint: &[u8],
    ) -> Result<Self, Error> {
        let mut fold = Self::begin(parameters, statement_bytes, batch_roots, columns)?;
        let refuse = |reason: String| Error::Checkpoint(reason);
        let (header, payload) = open(Kind::Checkpoint, checkpoint).map_err(|e| refuse(e.to_string()))?;
        if header.shape != parameters.shape().name || header.parameter_digest != parameters.digest() {
            return Err(refuse(format!("it is of {} with other parameters", header.shape)));
        }
        if header.statement_digest != fold.statement_digest {
            return Err(refuse("it belongs to another statement".to_owned()));
        }
        let steps = usize::try_from(header.steps)
            .ok()
            .filter(|s| (1..=batch_roots.len()).contains(s))
            .ok_or_else(|| refuse(format!("{} steps of {}", header.steps, batch_roots.len())))?;
        let recursive: Recursive = decode_strict(payload).map_err(|e| refuse(e.to_string()))?;
        let z = recursive
            .verify(parameters.public(), steps, &fold.initial.to_z())
            .map_err(|e| refuse(format!("it proves nothing about this statement: {e}")))?;
        fold.upper = UpperTree::build(parameters.shape(), batch_roots[..steps].to_vec());
        if State::from_z(&z)?.root != fold.upper.root() {
            return Err(refuse("it folded other pages".to_owned()));
        }
        fold.recursive = Some(recursive);
        Ok(fold)
    }

    /// The shape.
    pub fn shape(&self) -> &'static Shape {
        self.parameters.shape()
    }

    /// Steps done.
    pub fn steps_done(&self) -> usize {
        self.upper.len()
    }

    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.batch_roots.len()
    }

    /// Folds the next batch. Pages that break a rule are folded too, into a proof that verifies nowhere: the planner
    /// must not make any, and nothing is published before it was verified.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if all batches are folded or `pages` is not one batch; [`Error::Nova`].
    pub fn step(&mut self, pages: Vec<Page>) -> Result<(), Error> {
        let index = self.steps_done();
        if index == self.steps() || pages.len() != self.shape().batch() {
            return Err(Error::OutOfBounds(format!(
                "step {index} of {} got {} pages, a batch has {}",
                self.steps(),
                pages.len(),
                self.shape().batch()
            )));
        }
        let room = self.shape().columns_per_step();
        let columns = self.columns.iter().skip(index * room).take(room).copied().collect();
        let witness = StepWitness { pages, path: self.upper.path(index), columns };
        let circuit = FoldStep::new(self.shape(), witness);
        let public = self.parameters.public();
        match &mut self.recursive {
            Some(recursive) => recursive.prove_step(public, &circuit)?,
            empty => {
                // nova folds the first step when the proof is created; its first `prove_step` only counts it
                let mut recursive = Recursive::new(public, &circuit, &self.initial.to_z())?;
                recursive.prove_step(public, &circuit)?;
                *empty = Some(recursive);
            }
        }
        self.upper.push(self.batch_roots[index]);
        Ok(())
    }

    /// The fold as bytes for [`Fold::resume`]. Private: it holds witness values.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] before the first step.
    pub fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        seal(Kind::Checkpoint, &self.header(), self.folded()?)
    }

    /// Compresses the complete fold to a zero-knowledge proof in its envelope.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if steps are missing, [`Error::Malformed`] if the folded pages break a rule, [`Error::Nova`].
    pub fn compress(&self) -> Result<Vec<u8>, Error> {
        let recursive = self.folded()?;
        if self.steps_done() != self.steps() {
            return Err(Error::OutOfBounds(format!("{} of {} steps are folded", self.steps_done(), self.steps())));
        }
        let state = State::from_z(recursive.outputs())?;
        if state.root != self.upper.root() || state.open_remaining != F::ZERO {
            return Err(Error::Malformed("the folded pages are not those of the statement".to_owned()));
        }
        let proof = Compressed::prove(self.parameters.public(), self.parameters.proving_key()?, recursive)?;
        seal(Kind::Proof, &self.header(), &proof)
    }

    fn folded(&self) -> Result<&Recursive, Error> {
        self.recursive.as_ref().ok_or_else(|| Error::OutOfBounds("nothing has been folded yet".to_owned()))
    }

    fn header(&self) -> Header {
        Header {
            shape: self.shape().name.to_owned(),
            parameter_digest: self.parameters.digest().to_owned(),
            statement_digest: self.statement_digest,
            steps: self.steps_done() as u64,
        }
    }
}
