//! The fold of a ledger: batch after batch of pages. It makes the witness of each step from the pages, the tree and the book.

use assay_core::{
    field::{F, to_hex},
    sealed::Sealed,
    tree::UpperTree,
};
use assay_fold::{Error, keys::Keys, run::Run};

use super::{
    book::{BookColumn, FedColumn, private_digest},
    page::Page,
    program::Ledger,
    shape::Shape,
    statement::{Statement, challenge, check_challenge},
    witness::StepWitness,
};

/// The fold of one shard, in progress.
pub struct Fold<'a> {
    run: Run<'a, Ledger>,
    /// All batch roots of the shard; those of the steps done are in `upper`.
    batch_roots: &'a [F],
    upper: UpperTree,
    /// The columns to be taken in; none in the solvency family.
    columns: &'a [FedColumn],
}

impl<'a> Fold<'a> {
    /// Begins the fold of shard `shard` of a statement, whose batches have `batch_roots` and whose columns have the private
    /// sums in `columns`, which is empty in the solvency family.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the statement is not one of these parameters' shape, the shard's root or number of steps is
    /// not that of `batch_roots`, or its columns are not `columns`; [`Error::OutOfBounds`] if there is no such shard, and
    /// in the case, of probability 2^-228, of an unusable challenge.
    pub fn begin(
        keys: &'a Keys<Ledger>,
        statement: &'a Sealed<Statement>,
        shard: u32,
        batch_roots: &'a [F],
        columns: &'a [FedColumn],
    ) -> Result<Self, Error> {
        check_inputs(keys, statement, shard, batch_roots, columns)?;
        let upper = UpperTree::new(keys.shape().depths);
        Ok(Self { run: Run::begin(keys, statement, shard)?, batch_roots, upper, columns })
    }

    /// Resumes a fold where [`Fold::checkpoint`] left it. The checkpoint is hostile input until nova has verified it
    /// against this statement's initial state.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is damaged, of another statement or parameters, or proves something else; also those
    /// of [`Fold::begin`].
    pub fn resume(
        keys: &'a Keys<Ledger>,
        statement: &'a Sealed<Statement>,
        shard: u32,
        batch_roots: &'a [F],
        columns: &'a [FedColumn],
        checkpoint: &[u8],
    ) -> Result<Self, Error> {
        check_inputs(keys, statement, shard, batch_roots, columns)?;
        let run = Run::resume(keys, statement, shard, checkpoint)?;
        let done = usize::try_from(run.steps_done()).unwrap_or(usize::MAX).min(batch_roots.len());
        let upper = UpperTree::build(keys.shape().depths, batch_roots[..done].to_vec());
        if run.state()?.root != upper.root() {
            return Err(Error::Checkpoint("it folded other pages".to_owned()));
        }
        Ok(Self { run, batch_roots, upper, columns })
    }

    /// The shape.
    pub fn shape(&self) -> &'static Shape {
        self.run.shape()
    }

    /// Steps done.
    pub fn steps_done(&self) -> usize {
        self.upper.len()
    }

    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.batch_roots.len()
    }

    /// The machine's part of it.
    pub fn run(&self) -> &Run<'a, Ledger> {
        &self.run
    }

    /// Folds the next batch. Pages that break a rule are folded too, into a proof that verifies nowhere: the planner
    /// must not make any, and nothing is published before it was verified.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if all batches are folded or `pages` is not one batch; [`Error::Nova`].
    pub fn step(&mut self, pages: Vec<Page>) -> Result<(), Error> {
        let index = self.steps_done();
        let shape = self.shape();
        if index == self.steps() || pages.len() != shape.batch() {
            return Err(Error::OutOfBounds(format!(
                "step {index} of {} got {} pages, a batch has {}",
                self.steps(),
                pages.len(),
                shape.batch()
            )));
        }
        let room = shape.columns_per_step;
        let columns = self.columns.iter().skip(index * room).take(room).copied().collect();
        self.run.step(StepWitness { pages, path: self.upper.path(index), columns })?;
        self.upper.push(self.batch_roots[index]);
        Ok(())
    }

    /// The fold as bytes for [`Fold::resume`]. Private: it holds witness values.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] before the first step.
    pub fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        self.run.checkpoint()
    }

    /// Compresses the complete fold to a zero-knowledge proof in its envelope. A statement and a finished checkpoint are
    /// enough for that: see [`compress`].
    ///
    /// # Errors
    /// Those of [`Run::compress`].
    pub fn compress(&self) -> Result<Vec<u8>, Error> {
        self.run.compress()
    }
}

/// Compresses the finished checkpoint of a shard to a zero-knowledge proof in its envelope. An attestation's proof is the
/// envelopes of all its shards one after the other.
///
/// # Errors
/// Those of [`Run::resume`] and [`Run::compress`].
pub fn compress(
    keys: &Keys<Ledger>,
    statement: &Sealed<Statement>,
    shard: u32,
    checkpoint: &[u8],
) -> Result<Vec<u8>, Error> {
    check_parameters(keys, statement)?;
    Run::resume(keys, statement, shard, checkpoint)?.compress()
}

fn check_parameters(keys: &Keys<Ledger>, statement: &Statement) -> Result<(), Error> {
    let shape = keys.shape();
    if statement.shape != shape.name || statement.parameter_digest != keys.digest() {
        return Err(Error::Malformed(format!(
            "the statement is of {} with parameters {}, these are {} with {}",
            statement.shape,
            statement.parameter_digest,
            shape.name,
            keys.digest()
        )));
    }
    Ok(())
}

fn check_inputs(
    keys: &Keys<Ledger>,
    statement: &Sealed<Statement>,
    shard: u32,
    batch_roots: &[F],
    columns: &[FedColumn],
) -> Result<(), Error> {
    check_parameters(keys, statement)?;
    let shape = keys.shape();
    let missing = || Error::OutOfBounds(format!("the statement has no shard {shard}"));
    let own = statement.shards.get(shard as usize).ok_or_else(missing)?;
    if own.steps != batch_roots.len() as u64
        || own.root != to_hex(&UpperTree::build(shape.depths, batch_roots.to_vec()).root())
    {
        return Err(Error::Malformed(format!("the root of shard {shard} is not that of the batches")));
    }
    let book: Vec<BookColumn> = columns.iter().map(|c| c.book).collect();
    let private = own.rules.as_ref().and_then(|r| r.private.clone());
    let committed = private.is_none_or(|p| p == to_hex(&private_digest(columns)));
    if book != statement.book()? || !committed || shape.steps_for(0, columns.len()) > batch_roots.len() {
        return Err(Error::Malformed("the columns are not those of the statement, or too many".to_owned()));
    }
    Ok(check_challenge(challenge(statement))?)
}
