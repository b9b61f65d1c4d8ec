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
    shards::Choice,
    statement::finish,
};
use crate::{ledger::Snapshot, progress::Progress};

/// A planned ledger with the statement about it. The same snapshot, secret, shape and number of shards always give the same
/// bytes.
pub struct Prepared {
    plan: Plan,
    statement: Sealed<Statement>,
    /// What the fold of each shard takes in.
    columns: Vec<Vec<FedColumn>>,
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
        choice: &Choice,
        stop: &AtomicBool,
        progress: &dyn Progress,
    ) -> Result<Self, AttestError> {
        let plan = Plan::new(snapshot, secret, choice, stop, progress)?;
        let columns = plan.private_sums(secret)?;
        let statement = Sealed::seal(finish(plan.draft(), &columns))?;
        Ok(Self { plan, statement, columns })
    }

    /// The statement.
    pub fn statement(&self) -> &Sealed<Statement> {
        &self.statement
    }

    /// The statement without the plan: what compressing needs besides the finished checkpoints.
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

    /// Number of pages that belong to accounts, covers included.
    pub fn pages(&self) -> u64 {
        self.plan.pages()
    }

    /// Number of shards.
    pub fn shards(&self) -> u32 {
        self.plan.shards()
    }

    /// Number of steps of a shard's fold.
    pub fn steps(&self, shard: u32) -> usize {
        self.plan.steps(shard)
    }

    /// Number of steps of all folds together.
    pub fn all_steps(&self) -> u64 {
        self.plan.all_steps()
    }

    /// The root of every batch of a shard.
    pub fn batch_roots(&self, shard: u32) -> &[F] {
        &self.plan.tree(shard).levels()[0]
    }

    /// The upper tree over the batch roots of a shard.
    pub fn tree(&self, shard: u32) -> &UpperTree {
        self.plan.tree(shard)
    }

    /// The pages that step `step` of a shard folds.
    pub fn batch(&self, shard: u32, step: usize) -> Vec<Page> {
        self.plan.batch(shard, step)
    }

    /// Number of the accounts' pages in each shard.
    pub fn page_counts(&self) -> Vec<u64> {
        (0..self.shards()).map(|shard| self.plan.shard_pages(shard)).collect()
    }

    /// The records of the accounts' pages with their positions, in the order of the shards and their trees, made on demand:
    /// memory holds one batch at a time. Trees are numbered one after the other, so the first position of shard s is s times
    /// the pages that a tree holds.
    pub fn page_records(&self) -> impl Iterator<Item = (u64, Vec<u8>)> + Send {
        let of_shard = move |shard: u32| {
            let pages = (0..self.steps(shard)).flat_map(move |step| self.batch(shard, step));
            let count = usize::try_from(self.plan.shard_pages(shard)).unwrap_or(usize::MAX);
            let first = u64::from(shard) * self.shape().capacity() as u64;
            (first..).zip(pages.take(count).map(|page| record(&page)))
        };
        (0..self.shards()).flat_map(of_shard)
    }

    /// Every node of the upper trees that is not the root of an empty subtree. Positions are numbered as those of pages.
    pub fn tree_nodes(&self) -> impl Iterator<Item = StoredNode> + Send {
        (0..self.shards()).flat_map(|shard| upper_nodes(self.shape().depths, shard, self.tree(shard)))
    }
}

/// The fold of a shard of a prepared ledger, from its beginning or from `checkpoint`, which is not trusted until nova has
/// verified it.
///
/// # Errors
/// [`Error::Checkpoint`] if the checkpoint is refused; those of [`Fold::begin`].
pub fn begin_fold<'a>(
    prepared: &'a Prepared,
    keys: &'a Keys<Ledger>,
    shard: u32,
    checkpoint: Option<&[u8]>,
) -> Result<Fold<'a>, Error> {
    let (roots, columns) = (prepared.batch_roots(shard), prepared.columns[shard as usize].as_slice());
    match checkpoint {
        Some(bytes) => Fold::resume(keys, &prepared.statement, shard, roots, columns, bytes),
        None => Fold::begin(keys, &prepared.statement, shard, roots, columns),
    }
}

/// Folds the remaining steps of `shard`. Calls `step` after each step with the number of steps done, and `keep` with the fold about
/// every `checkpoint_every`, when it stops, and at the end.
///
/// # Errors
/// [`AttestError::Stopped`] once `stop` is set, after calling `keep`; [`AttestError::Core`]; the error of `keep`.
pub fn fold(
    fold: &mut Fold<'_>,
    prepared: &Prepared,
    shard: u32,
    checkpoint_every: Duration,
    stop: &AtomicBool,
    mut keep: impl FnMut(&Fold<'_>) -> Result<(), AttestError>,
    mut step: impl FnMut(usize),
) -> Result<(), AttestError> {
    let mut kept = Instant::now();
    while fold.steps_done() < fold.steps() {
        fold.step(prepared.batch(shard, fold.steps_done()))?;
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
