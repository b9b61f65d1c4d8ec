//! The same inclusion file as `inclusion` makes, from what a service keeps in its database instead of private files: page
//! records, and the upper levels of the tree. Pure: bytes in, bytes out; who fetches and keeps them is the caller's affair.
//!
//! A service answers many customers of one attestation, so what they share is prepared once: a [`Served`] per attestation
//! and a [`ServedBatch`] per batch of pages, which is checked against the statement when it is made. What is left for one
//! customer is two key derivations and the writing of the file.

use std::sync::Arc;

use assay_core::{
    field::{F, from_hex},
    identity::{MasterSecret, SECRET_BYTES, identity},
    sealed::Sealed,
    tree::empty_roots,
};
use assay_programs::ledger::{
    page::Page,
    shape::{Shape, TREE_ARITY},
    statement::Statement,
};
use ff::PrimeField;
use rayon::prelude::*;

use super::{
    AttestError,
    files::{parse_page, record_bytes},
    inclusion::{Batch, FilePage, inclusion_file},
};

/// A node of the upper tree as the database keeps it: height above the batch roots, position, digest.
pub type StoredNode = (u32, u64, [u8; 32]);

/// What every inclusion file of one attestation shares.
pub struct Served {
    statement: Sealed<Statement>,
    digest: String,
    shape: &'static Shape,
    root: F,
    /// Identity of the first page of every batch that has pages, ascending.
    starts: Vec<F>,
}

/// An account as the tree knows it.
pub struct Owner<'a> {
    account: &'a str,
    salt: [u8; SECRET_BYTES],
    identity: F,
}

impl Owner<'_> {
    /// The account's salt in this snapshot: its owner's, and nobody else's.
    pub fn salt(&self) -> &[u8; SECRET_BYTES] {
        &self.salt
    }
}

impl Served {
    /// Takes a statement's canonical bytes.
    ///
    /// # Errors
    /// [`AttestError::Core`] for a statement that cannot be read.
    pub fn new(statement: &[u8]) -> Result<Self, AttestError> {
        let statement = Sealed::<Statement>::parse(statement)?;
        Ok(Self {
            digest: statement.digest().to_string(),
            shape: statement.shape()?,
            root: from_hex(&statement.root)?,
            starts: Vec::new(),
            statement,
        })
    }

    /// With the identity that the first page of each batch has, in their order: the first 32 bytes of its record.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] for identities that do not ascend.
    pub fn with_starts(self, starts: &[[u8; 32]]) -> Result<Self, AttestError> {
        let damaged = || AttestError::NotValid("the first pages of the batches are not in order".to_owned());
        let starts = starts.iter().map(element).collect::<Option<Vec<F>>>().filter(|s| s.is_sorted());
        Ok(Self { starts: starts.ok_or_else(damaged)?, ..self })
    }

    /// The statement.
    pub fn statement(&self) -> &Sealed<Statement> {
        &self.statement
    }

    /// Pages in a batch.
    pub fn batch_pages(&self) -> u64 {
        self.shape.batch() as u64
    }

    /// Who `account` would be, whether or not the snapshot has it.
    pub fn owner<'a>(&self, secret: &MasterSecret, account: &'a str) -> Owner<'a> {
        let snapshot = &self.statement.snapshot.id;
        let salt = secret.salt(snapshot, account);
        Owner { account, salt, identity: identity(&salt, snapshot, account) }
    }

    /// Number of the batch that an account's first page is in, if the snapshot has it. Pages are sorted by identity; a
    /// batch that begins with this account's may only go on with them.
    pub fn batch_of(&self, owner: &Owner<'_>) -> u64 {
        let not_before = self.starts.partition_point(|start| *start < owner.identity);
        not_before.saturating_sub(1) as u64
    }

    /// Whether the account's pages may begin with batch `number`, having not been found in the one before.
    pub fn begins(&self, number: u64, owner: &Owner<'_>) -> bool {
        usize::try_from(number).ok().and_then(|n| self.starts.get(n)) == Some(&owner.identity)
    }

    /// The nodes that [`ServedBatch::new`] wants for batch `number`: height, and the first of eight positions.
    pub fn nodes_of(&self, number: u64) -> Vec<(u32, u64)> {
        let arity = TREE_ARITY as u64;
        let group = |height: u32| number / arity.pow(height + 1) * arity;
        (0..self.shape.depths.upper as u32).map(|height| (height, group(height))).collect()
    }

    /// The inclusion file, from where the account's pages begin and the batches that they are in, in order.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if its pages are not all in these batches.
    pub fn inclusion(
        &self,
        owner: &Owner<'_>,
        first: Found,
        batches: &[Arc<ServedBatch>],
    ) -> Result<Vec<u8>, AttestError> {
        let count = usize::from(first.following) + 1;
        let (mut pages, mut class) = (Vec::with_capacity(count), 0);
        for batch in batches {
            let from = first.position.max(batch.first);
            for position in (from..batch.first + batch.count).take(count - pages.len()) {
                let page = batch.page(position).filter(|page| page.identity == owner.identity);
                let page =
                    page.ok_or_else(|| AttestError::NotValid(format!("page {position} is another account's")))?;
                class = page.class;
                pages.push(FilePage::new(position, &page, batch.batch.path(position)));
            }
        }
        if pages.len() != count {
            return Err(AttestError::NotValid("an account's pages are not complete".to_owned()));
        }
        inclusion_file(&self.statement, &self.digest, owner.account, &owner.salt, class, pages)
    }
}

/// The pages of one batch with their way to the root.
pub struct ServedBatch {
    batch: Batch,
    shape: &'static Shape,
    /// Position of the first page.
    first: u64,
    /// Pages that are no padding.
    count: u64,
    records: Vec<u8>,
}

/// Where an account's pages begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Position of the first.
    pub position: u64,
    /// Pages that follow it.
    pub following: u8,
}

impl ServedBatch {
    /// Hashes the pages of batch `number`, given as records by ascending position and without padding, and follows
    /// `nodes`, those of [`Served::nodes_of`] that are kept, to the statement's root. This takes milliseconds.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] unless pages and nodes are those of the tree.
    pub fn new(
        served: &Served,
        number: u64,
        records: &[(u64, Vec<u8>)],
        nodes: &[StoredNode],
    ) -> Result<Self, AttestError> {
        let shape = served.shape;
        let damaged = |what: &str| AttestError::NotValid(format!("batch {number} is damaged: {what}"));
        let first = number * served.batch_pages();
        let length = record_bytes(shape);
        let in_order =
            records.iter().zip(first..).all(|((at, record), position)| *at == position && record.len() == length);
        if !in_order || records.len() > shape.batch() {
            return Err(damaged("a page is missing or has another form"));
        }
        let leaf = |(_, record): &(u64, Vec<u8>)| parse_page(shape, record).map(|page| page.leaf());
        let leaves: Option<Vec<F>> = records.par_iter().map(leaf).collect();
        let mut leaves = leaves.ok_or_else(|| damaged("a page cannot be read"))?;
        leaves.resize(shape.batch(), Page::padding(shape).leaf());

        let empty = empty_roots(shape.depth());
        let mut upper = Vec::with_capacity(shape.depths.upper);
        for (height, group) in served.nodes_of(number) {
            let mut children = [empty[shape.depths.batch + height as usize]; TREE_ARITY];
            for (_, position, digest) in nodes.iter().filter(|(at, ..)| *at == height) {
                let child = position.checked_sub(group).and_then(|j| children.get_mut(usize::try_from(j).ok()?));
                let child = child.ok_or_else(|| damaged("a node of another path"))?;
                *child = element(digest).ok_or_else(|| damaged("a node is no field element"))?;
            }
            upper.push(children);
        }
        let batch = Batch::new(shape, served.root, number, &leaves, &upper)?;
        let count = records.len() as u64;
        let records = records.iter().flat_map(|(_, record)| record.iter().copied()).collect();
        Ok(Self { batch, shape, first, count, records })
    }

    /// Where the account's pages begin, if one of them is in this batch.
    pub fn find(&self, owner: &Owner<'_>) -> Option<Found> {
        let length = record_bytes(self.shape);
        let records = self.records.chunks_exact(length);
        // identities stand in front of the records, lowest byte first
        let own: [u8; 32] = owner.identity.to_repr().into();
        let is_before = |record: &[u8]| record[..own.len()].iter().rev().lt(own.iter().rev());
        let (mut low, mut high) = (0, records.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(&self.records[middle * length..]) { low = middle + 1 } else { high = middle }
        }
        let position = self.first + low as u64;
        let page = self.page(position).filter(|page| page.identity == owner.identity)?;
        Some(Found { position, following: page.remaining })
    }

    fn page(&self, position: u64) -> Option<Page> {
        let length = record_bytes(self.shape);
        let at = usize::try_from(position.checked_sub(self.first)?).ok()?.checked_mul(length)?;
        parse_page(self.shape, self.records.get(at..at.checked_add(length)?)?)
    }

    /// Bytes that it takes in memory, about.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.records.len() + self.batch.weight()
    }
}

fn element(bytes: &[u8; 32]) -> Option<F> {
    Option::from(F::from_repr((*bytes).into()))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::{
        ledger::inclusion::verify_inclusion,
        testing::{batch_roots, test_pages, test_statement},
    };

    use super::*;
    use crate::attest::files::write_page;

    /// An attestation as a database would hold it.
    pub(crate) struct Stored {
        pub(crate) statement: Vec<u8>,
        pub(crate) records: Vec<(u64, Vec<u8>)>,
        pub(crate) nodes: Vec<StoredNode>,
        pub(crate) starts: Vec<[u8; 32]>,
        pub(crate) secret: MasterSecret,
    }

    /// An attestation of a test ledger.
    pub(crate) fn stored(shape: &'static Shape, accounts: usize) -> Stored {
        Stored::new(shape, accounts)
    }

    impl Stored {
        fn new(shape: &'static Shape, accounts: usize) -> Self {
            let mut pages = test_pages(shape, accounts, 5);
            let padding = pages.iter().filter(|p| p.identity == F::from(0)).count();
            // the test ledger's accounts come in no order; a plan's do
            let total = pages.len();
            pages.truncate(total - padding);
            pages.sort_by_key(|page| page.identity);
            let own = pages.len();
            pages.resize_with(total, || Page::padding(shape));
            let statement = Sealed::seal(test_statement(shape, &"0".repeat(64), &pages)).unwrap().bytes().to_vec();
            let records: Vec<_> = pages[..own].iter().zip(0..).map(|(p, i)| (i, record(p))).collect();
            let mut level = batch_roots(shape, &pages);
            let empty = empty_roots(shape.depth());
            let mut nodes = Vec::new();
            for height in 0..shape.depths.upper {
                nodes.extend(level.iter().zip(0..).map(|(d, i)| (height as u32, i, d.to_repr().into())));
                let filler = empty[shape.depths.batch + height];
                level = level
                    .chunks(TREE_ARITY)
                    .map(|c| {
                        let mut children = [filler; TREE_ARITY];
                        children[..c.len()].copy_from_slice(c);
                        assay_core::tree::node(&children)
                    })
                    .collect();
            }
            let starts = records.iter().step_by(shape.batch()).map(|(_, r)| r[..32].try_into().unwrap()).collect();
            Self { statement, records, nodes, starts, secret: MasterSecret::new([5; 32]) }
        }

        pub(crate) fn served(&self) -> Served {
            Served::new(&self.statement).unwrap().with_starts(&self.starts).unwrap()
        }

        pub(crate) fn batch(&self, served: &Served, number: u64) -> Arc<ServedBatch> {
            let range = number * served.batch_pages()..(number + 1) * served.batch_pages();
            let records: Vec<_> = self.records.iter().filter(|(i, _)| range.contains(i)).cloned().collect();
            let wanted = served.nodes_of(number);
            let on_path = |(h, i, _): &&StoredNode| wanted.iter().any(|(at, g)| at == h && (*g..*g + 8).contains(i));
            let nodes: Vec<_> = self.nodes.iter().filter(on_path).copied().collect();
            Arc::new(ServedBatch::new(served, number, &records, &nodes).unwrap())
        }

        pub(crate) fn inclusion(&self, served: &Served, account: &str) -> Option<Vec<u8>> {
            let owner = served.owner(&self.secret, account);
            let mut number = served.batch_of(&owner);
            let mut batch = self.batch(served, number);
            if batch.find(&owner).is_none() && served.begins(number + 1, &owner) {
                number += 1;
                batch = self.batch(served, number);
            }
            let found = batch.find(&owner)?;
            let last = (found.position + u64::from(found.following)) / served.batch_pages();
            let mut batches = vec![batch];
            batches.extend((number + 1..=last).map(|n| self.batch(served, n)));
            Some(served.inclusion(&owner, found, &batches).unwrap())
        }
    }

    fn record(page: &Page) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_page(&mut bytes, page).unwrap();
        bytes
    }

    #[test]
    fn every_customer_gets_a_file_that_verifies_wherever_their_pages_lie() {
        for shape in ["solvency-8", "compliance-8"] {
            let shape = Shape::named(shape).unwrap();
            let stored = Stored::new(shape, 60);
            let served = stored.served();
            assert!(stored.starts.len() > 8);
            for account in (0..60).map(|i| format!("account {i}")) {
                let file = stored.inclusion(&served, &account).unwrap();
                let report = verify_inclusion(Ok(served.statement()), &file, Some(&account));
                assert!(report.is_valid(), "{account}: {:?}", report.checks);
            }
        }
    }

    #[test]
    fn who_is_not_in_the_snapshot_gets_nothing() {
        let stored = Stored::new(Shape::named("solvency-8").unwrap(), 20);
        let served = stored.served();
        for account in ["account 20", "", "account 1 ", "Account 1"] {
            assert!(stored.inclusion(&served, account).is_none(), "{account}");
        }
    }

    #[test]
    fn a_database_that_was_tampered_with_makes_no_batch() {
        let stored = Stored::new(Shape::named("solvency-8").unwrap(), 20);
        let served = stored.served();
        let wanted = served.nodes_of(0);
        let nodes: Vec<_> =
            stored.nodes.iter().filter(|(h, i, _)| wanted.contains(&(*h, i / 8 * 8))).copied().collect();
        let make = |records: &[(u64, Vec<u8>)], nodes: &[StoredNode]| ServedBatch::new(&served, 0, records, nodes);
        let records = stored.records[..8].to_vec();
        assert!(make(&records, &nodes).is_ok());
        // one unit of one balance, one page withheld or exchanged, one digest
        let mut altered = records.clone();
        altered[2].1[40] ^= 1;
        assert!(make(&altered, &nodes).is_err());
        assert!(make(&records[..7], &nodes).is_err());
        assert!(make(&records[1..], &nodes).is_err());
        let mut swapped = records.clone();
        swapped.swap(0, 1);
        assert!(make(&swapped, &nodes).is_err());
        let mut forged = nodes.clone();
        forged[1].2[0] ^= 1;
        assert!(make(&records, &forged).is_err());
        assert!(make(&records, &nodes[1..]).is_err());
        forged[1] = (0, 99, [0; 32]);
        assert!(make(&records, &forged).is_err());
    }
}
