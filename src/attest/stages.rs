//! The stages from a checked ledger to a proof, independent of storage: `prove` keeps their results in a directory, the
//! service's jobs in a database.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use assay_core::{field::F, identity::MasterSecret, sealed::Sealed, tree::UpperTree};
use assay_fold::{Error, keys::Keys};
use assay_programs::ledger::{Ledger, book::FedColumn, fold::Fold, page::Page, shape::Shape, statement::Statement};

use super::{
    error::AttestError,
    plan::Plan,
    record::{StoredNode, record, upper_nodes},
    shapes::ShapeChoice,
    statement::finish,
};
use crate::{ledger::Snapshot, progress::Progress};

/// A planned ledger with the statement about it. The same snapshot, secret and shape always give the same bytes.
pub struct Prepared {
    plan: Plan,
    statement: Sealed<Statement>,
    columns: Vec<FedColumn>,
}

impl Prepared {
    /// Plans a ledger and makes its statement. The snapshot can be dropped afterwards.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] and [`AttestError::Core`] if it cannot be proved, [`AttestError::StoppedEarly`] once `stop`
    /// is set.
    pub fn new(
        snapshot: &Snapshot,
        secret: &MasterSecret,
        shape: ShapeChoice,
        stop: &AtomicBool,
        progress: &dyn Progress,
    ) -> Result<Self, AttestError> {
        let plan = Plan::new(snapshot, secret, shape, stop, progress)?;
        let columns = plan.private_sums(secret)?;
        let statement = Sealed::seal(finish(plan.draft(), &columns))?;
        Ok(Self { plan, statement, columns })
    }

    /// The statement.
    pub fn statement(&self) -> &Sealed<Statement> {
        &self.statement
    }

    /// The statement without the plan: what compressing needs besides the finished checkpoint.
    pub fn into_statement(self) -> Sealed<Statement> {
        self.statement
    }

    /// The shape that was chosen.
    pub fn shape(&self) -> &'static Shape {
        self.plan.shape()
    }

    /// Number of accounts in the ledger.
    pub fn accounts(&self) -> u64 {
        self.plan.accounts()
    }

    /// Number of pages that belong to accounts.
    pub fn pages(&self) -> u64 {
        self.plan.pages()
    }

    /// Number of steps of the fold.
    pub fn steps(&self) -> usize {
        self.plan.steps()
    }

    /// The root of every batch.
    pub fn batch_roots(&self) -> &[F] {
        &self.plan.tree().levels()[0]
    }

    /// The upper tree over the batch roots.
    pub fn tree(&self) -> &UpperTree {
        self.plan.tree()
    }

    /// The pages that step `step` folds.
    pub fn batch(&self, step: usize) -> Vec<Page> {
        self.plan.batch(step)
    }

    /// The records of the accounts' pages in the order of the tree, made on demand: memory holds one batch at a time.
    pub fn page_records(&self) -> impl Iterator<Item = Vec<u8>> + Send {
        let batches = (0..self.steps()).flat_map(|step| self.batch(step));
        batches.take(usize::try_from(self.pages()).unwrap_or(usize::MAX)).map(|page| record(&page))
    }

    /// Every node of the upper tree that is not the root of an empty subtree.
    pub fn tree_nodes(&self) -> impl Iterator<Item = StoredNode> + Send {
        upper_nodes(self.tree())
    }
}

/// The fold of a prepared ledger, from its beginning or from `checkpoint`, which is not trusted until nova has verified
/// it.
///
/// # Errors
/// [`Error::Checkpoint`] if the checkpoint is refused; those of [`Fold::begin`].
pub fn begin_fold<'a>(
    prepared: &'a Prepared,
    keys: &'a Keys<Ledger>,
    checkpoint: Option<&[u8]>,
) -> Result<Fold<'a>, Error> {
    let (roots, columns) = (prepared.batch_roots(), prepared.columns.as_slice());
    match checkpoint {
        Some(bytes) => Fold::resume(keys, &prepared.statement, roots, columns, bytes),
        None => Fold::begin(keys, &prepared.statement, roots, columns),
    }
}

/// Folds the remaining steps. Calls `step` after each step with the number of steps done, and `keep` with the fold about
/// every `checkpoint_every`, when it stops, and at the end.
///
/// # Errors
/// [`AttestError::Stopped`] once `stop` is set, after calling `keep`; [`AttestError::Core`]; the error of `keep`.
pub fn fold(
    fold: &mut Fold<'_>,
    prepared: &Prepared,
    checkpoint_every: Duration,
    stop: &AtomicBool,
    mut keep: impl FnMut(&Fold<'_>) -> Result<(), AttestError>,
    mut step: impl FnMut(usize),
) -> Result<(), AttestError> {
    let mut kept = Instant::now();
    while fold.steps_done() < fold.steps() {
        fold.step(prepared.batch(fold.steps_done()))?;
        step(fold.steps_done());
        let stopped = stop.load(Ordering::Relaxed);
        let complete = fold.steps_done() == fold.steps();
        if stopped || complete || kept.elapsed() >= checkpoint_every {
            keep(fold)?;
            kept = Instant::now();
        }
        if stopped {
            return Err(AttestError::Stopped { done: fold.steps_done(), steps: fold.steps() });
        }
    }
    Ok(())
}
