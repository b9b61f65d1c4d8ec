//! Finds an account's pages and their paths. [`Lookup`] does no input or output: it names the batch that it needs next, and
//! the caller supplies it. So an attestation directory (`local`), the service's database (`served`) and the tests share one
//! search.

use std::sync::{Arc, OnceLock};

use assay_core::{
    field::{F, from_hex},
    identity::{MasterSecret, SECRET_BYTES, identity},
    sealed::Sealed,
};
use assay_programs::ledger::{shape::Shape, statement::Statement};

use super::{
    batch::Batch,
    error::AttestError,
    inclusion_file::{FilePage, inclusion_file},
    path::damaged,
    record::element,
};

/// What all lookups in one attestation share: its statement, and the identity of each batch's first page.
pub struct AccountTree {
    statement: Sealed<Statement>,
    shape: &'static Shape,
    /// Root of each shard.
    roots: Vec<F>,
    /// Number of every batch that has pages, and the identity of its first page, both ascending.
    starts: OnceLock<Vec<(u64, F)>>,
}

/// An account with its salt and identity in one snapshot.
pub struct Owner<'a> {
    account: &'a str,
    salt: [u8; SECRET_BYTES],
    identity: F,
}

impl Owner<'_> {
    /// The account's salt in this snapshot. Only the account's owner may receive it.
    pub fn salt(&self) -> &[u8; SECRET_BYTES] {
        &self.salt
    }
}

impl AccountTree {
    /// The tree of a statement. Call [`AccountTree::set_starts`] before any lookup.
    ///
    /// # Errors
    /// [`AttestError::Core`] for a statement of an unknown shape.
    pub fn new(statement: Sealed<Statement>) -> Result<Self, AttestError> {
        let roots = statement.shards.iter().map(|shard| from_hex(&shard.root)).collect::<Result<_, _>>()?;
        Ok(Self { shape: statement.shape()?, roots, starts: OnceLock::new(), statement })
    }

    /// Sets the identity of the first page of each batch that has pages, with the batch's number, in ascending order: the
    /// first 32 bytes of that page's record. A second call changes nothing.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] for numbers or identities that do not ascend, or are none.
    pub fn set_starts(&self, starts: &[(u64, [u8; 32])]) -> Result<(), AttestError> {
        let unordered = || AttestError::NotValid("the first pages of the batches are not in order".to_owned());
        let start = |(number, bytes): &(u64, [u8; 32])| Some((*number, element(bytes)?));
        let starts = starts.iter().map(start).collect::<Option<Vec<(u64, F)>>>();
        // an account may begin one batch after the other, but no batch comes twice
        let ascend = |w: &[(u64, F)]| w[0].0 < w[1].0 && w[0].1 <= w[1].1;
        let starts = starts.filter(|s| s.windows(2).all(ascend)).ok_or_else(unordered)?;
        self.starts.get_or_init(|| starts);
        Ok(())
    }

    /// Whether accounts can be looked up.
    pub fn has_starts(&self) -> bool {
        self.starts.get().is_some()
    }

    fn starts(&self) -> &[(u64, F)] {
        self.starts.get().map_or(&[], Vec::as_slice)
    }

    /// Numbers of all batches over all shards, in order. Trees are numbered one after the other.
    pub fn batches(&self) -> impl Iterator<Item = u64> + '_ {
        let each = self.shape.max_steps() as u64;
        (0u64..).zip(&self.statement.shards).flat_map(move |(s, shard)| s * each..s * each + shard.steps)
    }

    /// The statement.
    pub fn statement(&self) -> &Sealed<Statement> {
        &self.statement
    }

    /// The statement's shape.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// The root of the tree that batch `number` lies in.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if the statement has no such shard.
    pub fn root_of(&self, number: u64) -> Result<F, AttestError> {
        let shard = usize::try_from(number / self.shape.max_steps() as u64).ok();
        let root = shard.and_then(|shard| self.roots.get(shard)).copied();
        root.ok_or_else(|| damaged(number, "it lies in no shard of the statement"))
    }

    /// Number of pages in a batch.
    pub fn batch_pages(&self) -> u64 {
        self.shape.batch() as u64
    }

    /// The salt and identity of `account`, whether or not the snapshot has such an account.
    pub fn owner<'a>(&self, secret: &MasterSecret, account: &'a str) -> Owner<'a> {
        let salt = secret.salt(self.statement.scope(), account);
        Owner { account, salt, identity: identity(&salt, self.statement.scope(), account) }
    }

    /// Begins the search for an account's pages.
    pub fn lookup(&self, owner: &Owner<'_>) -> Lookup<'_> {
        // pages are sorted by identity; if a batch begins with this account, its first pages may be in the batch before
        let not_before = self.starts().partition_point(|(_, start)| *start < owner.identity);
        let wanted = Some(self.starts().get(not_before.saturating_sub(1)).map_or(0, |(number, _)| *number));
        Lookup { tree: self, identity: owner.identity, wanted, found: None }
    }

    /// Whether batch `number` begins with a page of this identity.
    fn begins_with(&self, number: u64, identity: F) -> bool {
        let at = self.starts().binary_search_by_key(&number, |(number, _)| *number);
        at.is_ok_and(|at| self.starts()[at].1 == identity)
    }

    /// The account's inclusion file.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if the pages found are not all the owner's.
    pub fn inclusion(&self, owner: &Owner<'_>, found: &Found) -> Result<Vec<u8>, AttestError> {
        let capacity = self.shape.capacity() as u64;
        let (mut pages, mut class) = (Vec::with_capacity(found.count), 0);
        for batch in &found.batches {
            while pages.len() < found.count {
                let position = found.first + pages.len() as u64;
                if position / self.batch_pages() != batch.number() {
                    break;
                }
                let page = batch.page(position).filter(|page| page.identity == owner.identity);
                let foreign = || AttestError::NotValid(format!("page {position} is another account's"));
                let page = page.ok_or_else(foreign)?;
                class = page.class;
                pages.push(FilePage::new(position % capacity, &page, batch.path(position)));
            }
        }
        if pages.len() != found.count {
            return Err(AttestError::NotValid("an account's pages are not complete".to_owned()));
        }
        let shard = found.first / capacity;
        inclusion_file(&self.statement, owner.account, &owner.salt, class, shard, pages)
    }
}

/// A search for one account's pages. While [`Lookup::wanted`] names a batch, pass that batch to [`Lookup::feed`].
pub struct Lookup<'a> {
    tree: &'a AccountTree,
    identity: F,
    wanted: Option<u64>,
    found: Option<Found>,
}

/// Where an account's pages are.
pub struct Found {
    /// The first page's position, counted over the trees of all shards.
    first: u64,
    /// Number of pages.
    count: usize,
    /// The batches that hold them, in order.
    batches: Vec<Arc<Batch>>,
}

impl Lookup<'_> {
    /// Number of the batch that is needed next; `None` once the search is over. An account that the tree does not have
    /// needs one batch too, so a short search does not reveal that the account is missing.
    pub fn wanted(&self) -> Option<u64> {
        self.wanted
    }

    /// Searches the wanted batch.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] for any other batch, or one that should begin with the account and does not have it.
    pub fn feed(&mut self, batch: Arc<Batch>) -> Result<(), AttestError> {
        let number = batch.number();
        if self.wanted != Some(number) {
            return Err(damaged(number, "it is not the one that was asked for"));
        }
        let found = match self.found.take() {
            Some(mut found) => {
                found.batches.push(batch);
                found
            }
            None => match batch.find(self.identity) {
                Some((first, following)) => Found { first, count: usize::from(following) + 1, batches: vec![batch] },
                None if self.tree.begins_with(number, self.identity) => {
                    return Err(damaged(number, "it does not begin with the account that it should"));
                }
                None => {
                    // the next batch with pages may be the first of the next shard
                    let behind = self.tree.starts().partition_point(|(other, _)| *other <= number);
                    let next = self.tree.starts().get(behind).filter(|(_, start)| *start == self.identity);
                    self.wanted = next.map(|(number, _)| *number);
                    return Ok(());
                }
            },
        };
        let last = (found.first + found.count as u64 - 1) / self.tree.batch_pages();
        self.wanted = (number < last).then_some(number + 1);
        self.found = Some(found);
        Ok(())
    }

    /// Where the pages are; `None` if the snapshot has no such account, or the search is not over.
    pub fn finish(self) -> Option<Found> {
        self.found.filter(|_| self.wanted.is_none())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::ledger::inclusion::verify_inclusion;

    use super::*;
    use crate::attest::testing::Stored;

    #[test]
    fn every_customer_gets_a_file_that_verifies_wherever_their_pages_lie() {
        for (shape, shards) in ["solvency-8", "compliance-8"].iter().flat_map(|shape| [1, 2, 7].map(|n| (shape, n))) {
            let stored = Stored::in_shards(Shape::named(shape).unwrap(), 60, shards);
            let tree = stored.tree();
            assert!(tree.starts().len() > 8);
            let mut several = 0;
            for account in (0..60).map(|i| format!("account {i}")) {
                let (file, asked) = stored.inclusion(&tree, &account);
                let report = verify_inclusion(Ok(tree.statement()), &file.unwrap(), Some(&account));
                assert!(report.is_valid(), "{account}: {:?}", report.checks);
                let place = |number: &u64| tree.starts().iter().position(|(other, _)| other == number).unwrap();
                assert!(asked.windows(2).all(|pair| place(&pair[1]) == place(&pair[0]) + 1), "{asked:?}");
                several += usize::from(asked.len() > 1);
            }
            // among 60 accounts, some have pages in two batches or begin one
            assert!(several > 0);
        }
    }

    #[test]
    fn who_is_not_in_the_snapshot_gets_nothing_and_one_batch_is_searched() {
        let stored = Stored::new(Shape::named("solvency-8").unwrap(), 20);
        let tree = stored.tree();
        for account in ["account 20", "", "account 1 ", "Account 1"] {
            let (file, asked) = stored.inclusion(&tree, account);
            assert!(file.is_none() && asked.len() == 1, "{account}: {asked:?}");
        }
    }

    #[test]
    fn a_lookup_takes_the_batch_that_it_wants_and_no_other() {
        let stored = Stored::new(Shape::named("solvency-8").unwrap(), 20);
        let tree = stored.tree();
        let owner = tree.owner(&stored.secret, "account 1");
        let mut lookup = tree.lookup(&owner);
        let wanted = lookup.wanted().unwrap();
        let other = if wanted == 0 { 1 } else { wanted - 1 };
        assert!(lookup.feed(stored.batch(&tree, other).unwrap()).is_err());
        assert!(tree.lookup(&owner).finish().is_none(), "an unfinished search has found nothing");
        let mut again = tree.lookup(&owner);
        while let Some(number) = again.wanted() {
            again.feed(stored.batch(&tree, number).unwrap()).unwrap();
        }
        assert!(again.feed(stored.batch(&tree, wanted).unwrap()).is_err(), "a search that is over takes nothing");
    }

    #[test]
    fn a_batch_that_does_not_begin_as_the_tree_was_told_ends_the_search() {
        let stored = Stored::new(Shape::named("solvency-8").unwrap(), 60);
        let tree = stored.tree();
        let owner = tree.owner(&stored.secret, "nobody");
        // the database says that batch 0 begins with this account, and its pages say otherwise
        let starts = [(0, crate::attest::record::bytes_of(&owner.identity))];
        let lied = served_tree(&stored);
        lied.set_starts(&starts).unwrap();
        let mut lookup = lied.lookup(&owner);
        assert!(lookup.feed(stored.batch(&tree, lookup.wanted().unwrap()).unwrap()).is_err());
    }

    #[test]
    fn starts_that_do_not_ascend_are_refused() {
        let stored = Stored::new(Shape::named("solvency-8").unwrap(), 20);
        let with = |starts: &[(u64, [u8; 32])]| served_tree(&stored).set_starts(starts);
        assert!(with(&[(0, [1; 32]), (1, [1; 32]), (3, [2; 32])]).is_ok());
        assert!(with(&[(0, [2; 32]), (1, [1; 32])]).is_err());
        assert!(with(&[(1, [1; 32]), (1, [2; 32])]).is_err());
        assert!(with(&[(0, [0xff; 32])]).is_err());
    }

    fn served_tree(stored: &Stored) -> AccountTree {
        crate::attest::served::tree(&stored.statement).unwrap()
    }
}
