//! A verified batch of pages: its records and their paths to the root, from which inclusion files are made.

use assay_core::{field::F, tree::TREE_ARITY};
use assay_programs::ledger::{page::Page, shape::Shape};
use rayon::prelude::*;

use super::{
    error::AttestError,
    path::{Paths, Siblings, damaged},
    record::{bytes_of, page_of, record_bytes},
};

/// The pages of one batch with their paths to the root.
pub struct Batch {
    number: u64,
    shape: &'static Shape,
    /// The records of its pages one after the other, without padding.
    records: Vec<u8>,
    paths: Paths,
}

impl Batch {
    /// Hashes the pages of batch `number`, counted over the trees of all shards, and follows its path to `root`, that of its
    /// shard. `records` holds the pages' records one after the other, without padding; `upper` holds the children on the
    /// path, from the batch's own level up. This takes milliseconds.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if the pages or the children are not those of the tree.
    pub fn new(
        shape: &'static Shape,
        root: F,
        number: u64,
        records: Vec<u8>,
        upper: &[[F; TREE_ARITY]],
    ) -> Result<Self, AttestError> {
        let each = record_bytes(shape);
        if !records.len().is_multiple_of(each) || records.len() > each * shape.batch() {
            return Err(damaged(number, "a page is missing or has another form"));
        }
        let leaf = |record: &[u8]| page_of(shape, record).map(|page| page.leaf());
        let leaves: Option<Vec<F>> = records.par_chunks(each).map(leaf).collect();
        let mut leaves = leaves.ok_or_else(|| damaged(number, "a page cannot be read"))?;
        leaves.resize(shape.batch(), Page::padding(shape).leaf());
        let paths = Paths::new(shape.depths, root, number % shape.max_steps() as u64, &leaves, upper)?;
        Ok(Self { number, shape, records, paths })
    }

    /// The batch's number, from 0, over the trees of all shards.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The first page's position, over the trees of all shards.
    fn first(&self) -> u64 {
        self.number * self.shape.batch() as u64
    }

    /// The position of the first page with this identity, and how many of the account's pages follow it in this and
    /// the next batches. `None` if no page of this batch has it.
    pub fn find(&self, identity: F) -> Option<(u64, u8)> {
        let each = record_bytes(self.shape);
        // a record begins with the identity, lowest byte first
        let own = bytes_of(&identity);
        let is_before = |record: &[u8]| record[..own.len()].iter().rev().lt(own.iter().rev());
        let (mut low, mut high) = (0, self.records.len() / each);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(&self.records[middle * each..]) { low = middle + 1 } else { high = middle }
        }
        let position = self.first() + low as u64;
        let page = self.page(position).filter(|page| page.identity == identity)?;
        Some((position, page.remaining))
    }

    /// The page at `position`, counted over all trees; `None` outside this batch and for padding.
    pub fn page(&self, position: u64) -> Option<Page> {
        let each = record_bytes(self.shape);
        let at = usize::try_from(position.checked_sub(self.first())?).ok()?.checked_mul(each)?;
        page_of(self.shape, self.records.get(at..at.checked_add(each)?)?)
    }

    /// The path of the page at `position`, counted over all trees, which must lie in this batch.
    pub fn path(&self, position: u64) -> Siblings {
        self.paths.of(position)
    }

    /// Approximate size in memory, in bytes.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.records.len() + self.paths.weight()
    }
}
