//! An attestation as the service's database holds it, without a database.

#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use assay_core::{identity::MasterSecret, sealed::Sealed, tree::UpperTree};
use assay_programs::{
    ledger::{page::Page, shape::Shape},
    testing::{batch_roots, sharded_statement, test_shards},
};
use ff::Field;

use super::{
    batch::Batch,
    error::AttestError,
    lookup::AccountTree,
    path::groups,
    record::{StoredNode, record, upper_nodes},
    served,
};

/// Rows of one attestation.
pub struct Stored {
    /// The statement's canonical bytes.
    pub statement: Vec<u8>,
    /// The page records with their positions.
    pub records: Vec<(u64, Vec<u8>)>,
    /// The upper tree.
    pub nodes: Vec<StoredNode>,
    /// The secret that the salts come from.
    pub secret: MasterSecret,
    batch_pages: usize,
}

impl Stored {
    /// An attestation of a test ledger, in one shard.
    pub fn new(shape: &'static Shape, accounts: usize) -> Self {
        Self::in_shards(shape, accounts, 1)
    }

    /// An attestation of a test ledger in several shards.
    pub fn in_shards(shape: &'static Shape, accounts: usize, shards: u32) -> Self {
        let pages = test_shards(shape, accounts, shards, 5);
        let slices: Vec<&[Page]> = pages.iter().map(Vec::as_slice).collect();
        let statement = Sealed::seal(sharded_statement(shape, &"0".repeat(64), &slices)).unwrap();
        let (mut records, mut nodes) = (Vec::new(), Vec::new());
        for (shard, pages) in (0..).zip(&pages) {
            let own = pages.iter().filter(|page| page.identity != Field::ZERO).map(record);
            records.extend((u64::from(shard) * shape.capacity() as u64..).zip(own));
            let upper = UpperTree::build(shape.depths, batch_roots(shape, pages));
            nodes.extend(upper_nodes(shape.depths, shard, &upper));
        }
        Self {
            statement: statement.bytes().to_vec(),
            records,
            nodes,
            secret: MasterSecret::new([5; 32]),
            batch_pages: shape.batch(),
        }
    }

    /// Its tree.
    pub fn tree(&self) -> AccountTree {
        let starts = self.records.iter().filter(|(at, _)| at.is_multiple_of(self.batch_pages as u64));
        let starts = starts.map(|(at, r)| (at / self.batch_pages as u64, r[..32].try_into().unwrap()));
        let tree = served::tree(&self.statement).unwrap();
        tree.set_starts(&starts.collect::<Vec<_>>()).unwrap();
        tree
    }

    /// The rows of batch `number`.
    pub fn rows(&self, number: u64) -> (Vec<(u64, Vec<u8>)>, Vec<StoredNode>) {
        let pages = self.batch_pages as u64;
        let range = number * pages..(number + 1) * pages;
        let records = self.records.iter().filter(|(at, _)| range.contains(at)).cloned().collect();
        let groups = groups(self.tree().shape().depths, number);
        let on_path = |node: &&StoredNode| {
            groups.iter().any(|g| g.height == node.height && (g.first..g.first + 8).contains(&node.position))
        };
        (records, self.nodes.iter().filter(on_path).copied().collect())
    }

    /// Batch `number`.
    pub fn batch(&self, tree: &AccountTree, number: u64) -> Result<Arc<Batch>, AttestError> {
        let (records, nodes) = self.rows(number);
        served::batch(tree, number, &records, &nodes).map(Arc::new)
    }

    /// The inclusion file of `account`, and the batches that the lookup asked for.
    pub fn inclusion(&self, tree: &AccountTree, account: &str) -> (Option<Vec<u8>>, Vec<u64>) {
        let owner = tree.owner(&self.secret, account);
        let (mut lookup, mut asked) = (tree.lookup(&owner), Vec::new());
        while let Some(number) = lookup.wanted() {
            asked.push(number);
            lookup.feed(self.batch(tree, number).unwrap()).unwrap();
        }
        (lookup.finish().map(|found| tree.inclusion(&owner, &found).unwrap()), asked)
    }
}
