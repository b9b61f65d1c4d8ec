//! Inclusion from the service's database: rows in, checked trees and batches out. The rows are not trusted: altered rows give
//! an error and no batch.

use assay_core::sealed::Sealed;

use super::{
    batch::Batch,
    error::AttestError,
    lookup::AccountTree,
    path::{children, damaged},
    record::{StoredNode, record_bytes},
};

/// The tree of the statement with these canonical bytes. Call [`AccountTree::set_starts`] before any lookup.
///
/// # Errors
/// [`AttestError::Core`] for a statement that cannot be read.
pub fn tree(statement: &[u8]) -> Result<AccountTree, AttestError> {
    AccountTree::new(Sealed::parse(statement)?)
}

/// Batch `number`. `records` has its page records with their positions, ascending; `nodes` has the nodes in its
/// [`groups`](super::path::groups) that are not roots of empty subtrees.
///
/// # Errors
/// [`AttestError::NotValid`] if the pages or the nodes are not those of the tree.
pub fn batch(
    tree: &AccountTree,
    number: u64,
    records: &[(u64, Vec<u8>)],
    nodes: &[StoredNode],
) -> Result<Batch, AttestError> {
    let (shape, each) = (tree.shape(), record_bytes(tree.shape()));
    let in_order = records
        .iter()
        .zip(number * tree.batch_pages()..)
        .all(|((at, record), position)| *at == position && record.len() == each);
    if !in_order {
        return Err(damaged(number, "a page is missing or has another form"));
    }
    let records = records.iter().flat_map(|(_, record)| record).copied().collect();
    Batch::new(shape, tree.root_of(number)?, number, records, &children(shape.depths, number, nodes)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::ledger::shape::Shape;

    use super::*;
    use crate::attest::testing::Stored;

    #[test]
    fn a_database_that_was_tampered_with_makes_no_batch() {
        let stored = Stored::new(Shape::named("solvency-8").unwrap(), 20);
        let tree = stored.tree();
        let (records, nodes) = stored.rows(0);
        let make = |records: &[(u64, Vec<u8>)], nodes: &[StoredNode]| batch(&tree, 0, records, nodes);
        assert!(make(&records, &nodes).is_ok());
        // a changed balance; a page withheld, exchanged or added; a changed digest
        let mut altered = records.clone();
        altered[2].1[40] ^= 1;
        assert!(make(&altered, &nodes).is_err());
        assert!(make(&records[..7], &nodes).is_err());
        assert!(make(&records[1..], &nodes).is_err());
        let mut swapped = records.clone();
        swapped.swap(0, 1);
        assert!(make(&swapped, &nodes).is_err());
        assert!(make(&[&records[..], &stored.rows(1).0[..1]].concat(), &nodes).is_err());
        let mut longer = records.clone();
        longer[7].1.push(0);
        assert!(make(&longer, &nodes).is_err());
        let mut forged = nodes.clone();
        forged[1].digest[0] ^= 1;
        assert!(make(&records, &forged).is_err());
        assert!(make(&records, &nodes[1..]).is_err());
        forged[1] = StoredNode { height: 0, position: 99, digest: [0; 32] };
        assert!(make(&records, &forged).is_err());
    }
}
