//! Who gets which pages, and the tree over them. Pages are made from the snapshot whenever they are asked for, so that
//! memory holds the ledger once and, per page, little more than a hash.

use std::sync::atomic::{AtomicBool, Ordering};

use assay_circuits::{
    field::{F, to_hex},
    identity::{MasterSecret, identity},
    page::{Entry, Page},
    setup::pin,
    shape::{MAX_PAGES_PER_ACCOUNT, OPEN_COLUMNS, Shape, Use},
    tree::{UpperTree, batch_levels},
};
use ff::Field;
use rayon::prelude::*;

use super::AttestError;
use crate::{
    ledger::{MAX_ASSETS, Snapshot},
    progress::Progress,
};

/// Which shape to prove with.
#[derive(Debug, Clone, Copy)]
pub enum ShapeChoice {
    /// The release shape that costs least for the ledger.
    Auto,
    /// This one.
    Named(&'static Shape),
}

/// Column of what the exchange owes of the asset at `position` in the book.
pub fn asset_column(position: u16) -> u16 {
    2 * position
}

/// Column of what is owed to the exchange of the asset at `position` in the book.
pub fn debt_column(position: u16) -> u16 {
    2 * position + 1
}

/// The order of accounts and the tree over their pages.
pub struct Plan<'a> {
    snapshot: &'a Snapshot,
    shape: &'static Shape,
    /// Identities in ascending order: position in the tree says nothing about the customer.
    identities: Vec<F>,
    /// The snapshot's number of the account with the identity at the same place.
    accounts: Vec<u32>,
    /// First page of each account in that order, and at the end the number of all pages.
    first_pages: Vec<u32>,
    batch_roots: Vec<F>,
    root: F,
}

impl<'a> Plan<'a> {
    /// Orders the accounts, chooses the shape and builds the tree, on all cores.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if the ledger does not fit the shape; [`AttestError::StoppedEarly`] once `stop` is set.
    pub fn new(
        snapshot: &'a Snapshot,
        secret: &MasterSecret,
        choice: ShapeChoice,
        stop: &AtomicBool,
        progress: &dyn Progress,
    ) -> Result<Self, AttestError> {
        let (identities, accounts) = ordered(snapshot, secret, progress)?;
        let shape = match choice {
            ShapeChoice::Named(shape) => shape,
            ShapeChoice::Auto => cheapest(|shape| Ok(page_counts(snapshot, &accounts, shape)?.1))?,
        };
        let (first_pages, pages) = page_counts(snapshot, &accounts, shape)?;
        if pages > shape.capacity() as u64 {
            return Err(AttestError::NotValid(format!(
                "the ledger needs {pages} pages, {} holds {}",
                shape.name,
                shape.capacity()
            )));
        }
        let mut plan =
            Self { snapshot, shape, identities, accounts, first_pages, batch_roots: Vec::new(), root: F::ZERO };
        progress.begin("building the tree", plan.steps() as u64 * shape.batch() as u64, "pages");
        plan.batch_roots = (0..plan.steps())
            .into_par_iter()
            .map(|step| {
                if stop.load(Ordering::Relaxed) {
                    return Err(AttestError::StoppedEarly);
                }
                let leaves: Vec<F> = plan.batch(step).iter().map(|p| p.leaf(shape)).collect();
                progress.advance(shape.batch() as u64);
                Ok(batch_levels(&leaves).swap_remove(shape.batch_depth)[0])
            })
            .collect::<Result<_, _>>()?;
        plan.root = UpperTree::build(shape, plan.batch_roots.clone()).root();
        progress.end();
        Ok(plan)
    }

    /// The shape.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// Pages that belong to accounts; padding follows them up to a whole batch.
    pub fn pages(&self) -> u64 {
        u64::from(*self.first_pages.last().expect("it ends with the number of pages"))
    }

    /// Batches.
    pub fn steps(&self) -> usize {
        (self.pages() as usize).div_ceil(self.shape.batch())
    }

    /// The root of every batch.
    pub fn batch_roots(&self) -> &[F] {
        &self.batch_roots
    }

    /// The root of the tree.
    pub fn root(&self) -> F {
        self.root
    }

    /// The pages that step `step` folds.
    pub fn batch(&self, step: usize) -> Vec<Page> {
        let start = step * self.shape.batch();
        let end = (start + self.shape.batch()).min(self.pages() as usize);
        let mut pages = Vec::with_capacity(self.shape.batch());
        // the account whose first page is the last one at or before `start`
        let mut rank = self.first_pages.partition_point(|first| *first as usize <= start).saturating_sub(1);
        while start + pages.len() < end {
            let skip = start + pages.len() - self.first_pages[rank] as usize;
            let room = self.shape.batch() - pages.len();
            pages.extend(self.account_pages(rank).into_iter().skip(skip).take(room));
            rank += 1;
        }
        pages.resize_with(self.shape.batch(), || Page::padding(self.shape));
        pages
    }

    fn account_pages(&self, rank: usize) -> Vec<Page> {
        let account = self.accounts[rank];
        let mut entries = entries(self.snapshot, account);
        let count = (self.first_pages[rank + 1] - self.first_pages[rank]) as usize;
        entries.resize(count * self.shape.entries(), Entry::default());
        entries
            .chunks(self.shape.entries())
            .enumerate()
            .map(|(k, chunk)| Page {
                identity: self.identities[rank],
                first: k == 0,
                remaining: u8::try_from(count - 1 - k).expect("page_counts bounds the pages of an account"),
                class: self.snapshot.class(account),
                entries: chunk.to_vec(),
            })
            .collect()
    }
}

/// What an account holds, in the order of the book.
fn entries(snapshot: &Snapshot, account: u32) -> Vec<Entry> {
    let holdings = snapshot.holdings_of(account).iter();
    holdings
        .flat_map(|h| {
            [
                Entry { column: asset_column(h.asset), quantity: h.equity },
                Entry { column: debt_column(h.asset), quantity: h.debt },
            ]
        })
        .filter(|e| e.quantity > 0)
        .collect()
}

/// Identities in ascending order, with the accounts they belong to.
fn ordered(
    snapshot: &Snapshot,
    secret: &MasterSecret,
    progress: &dyn Progress,
) -> Result<(Vec<F>, Vec<u32>), AttestError> {
    let count = u32::try_from(snapshot.account_count())
        .map_err(|_| AttestError::NotValid("a ledger has at most 2^32 − 1 accounts".to_owned()))?;
    let id = &snapshot.manifest().snapshot.id;
    progress.begin("deriving identities", u64::from(count), "accounts");
    let mut order: Vec<(F, u32)> = (0..count)
        .into_par_iter()
        .map(|account| {
            let name = snapshot.account(account);
            progress.advance(1);
            (identity(&secret.salt(id, name), id, name), account)
        })
        .collect();
    order.par_sort_unstable();
    progress.end();
    if let Some((_, account)) = order.first().filter(|(identity, _)| *identity == F::ZERO) {
        return Err(AttestError::NotValid(format!(
            "account {} has the identity of padding",
            snapshot.account(*account)
        )));
    }
    if let Some(twins) = order.windows(2).find(|w| w[0].0 == w[1].0) {
        return Err(AttestError::NotValid(format!("two accounts have the identity {}", to_hex(&twins[0].0))));
    }
    Ok(order.into_iter().unzip())
}

/// First page of each account and the number of all pages; an account with nothing has one empty page.
fn page_counts(snapshot: &Snapshot, accounts: &[u32], shape: &Shape) -> Result<(Vec<u32>, u64), AttestError> {
    let mut first_pages = Vec::with_capacity(accounts.len() + 1);
    let mut next = 0u32;
    for account in accounts {
        first_pages.push(next);
        let entries: usize = snapshot.holdings_of(*account).iter().map(|h| h.entries()).sum();
        let pages = entries.div_ceil(shape.entries()).max(1);
        if pages > MAX_PAGES_PER_ACCOUNT {
            return Err(AttestError::NotValid(format!(
                "account {} has {entries} entries; {MAX_PAGES_PER_ACCOUNT} pages of {} hold {}",
                snapshot.account(*account),
                shape.name,
                MAX_PAGES_PER_ACCOUNT * shape.entries()
            )));
        }
        next = next
            .checked_add(pages as u32)
            .ok_or_else(|| AttestError::NotValid("the ledger needs more than 2^32 pages".to_owned()))?;
    }
    first_pages.push(next);
    Ok((first_pages, u64::from(next)))
}

/// What a step costs beside its constraints, in constraints: nova's fold on the secondary curve. Both numbers were fitted
/// to the measurements of both shapes in circuits/benches/README.md.
const STEP_OVERHEAD: u64 = 42_500;
/// Compressing costs as much as folding the step's constraints, rounded up to a power of two, this many times.
const COMPRESSION_FACTOR: u64 = 56;

/// The cost of proving `pages` pages with `shape`, in constraints folded.
fn cost(shape: &Shape, pages: u64) -> Result<u64, AttestError> {
    let constraints = pin(shape)?.step_constraints as u64;
    let steps = pages.div_ceil(shape.batch() as u64);
    Ok(steps * (constraints + STEP_OVERHEAD) + COMPRESSION_FACTOR * constraints.next_power_of_two())
}

/// The release shape that holds the pages at the least cost; the largest where none does, for its error.
fn cheapest(pages: impl Fn(&Shape) -> Result<u64, AttestError>) -> Result<&'static Shape, AttestError> {
    let mut best: Option<(u64, &'static Shape)> = None;
    let mut largest = None;
    for shape in Shape::catalogue().iter().filter(|s| s.purpose == Use::Release) {
        largest = Some(shape);
        let needed = pages(shape)?;
        if needed > shape.capacity() as u64 {
            continue;
        }
        let cost = cost(shape, needed)?;
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, shape));
        }
    }
    let shape = best.map(|(_, shape)| shape).or(largest);
    shape.ok_or_else(|| AttestError::NotValid("this release has no shape".to_owned()))
}

const _: () = assert!(2 * MAX_ASSETS <= OPEN_COLUMNS as usize, "each asset has two open columns");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::MAX_ENTRIES_PER_ACCOUNT;

    #[test]
    fn small_ledgers_take_the_small_shape_and_large_ones_the_large() {
        let chosen = |pages: u64| cheapest(|_| Ok(pages)).unwrap().name;
        // by the measured times of both shapes the two cost the same at about 28,000 pages
        assert_eq!(chosen(1), "solvency-64");
        assert_eq!(chosen(25_000), "solvency-64");
        assert_eq!(chosen(32_000), "solvency-512");
        assert_eq!(chosen(1_000_000), "solvency-512");
        // what no shape holds is refused with the largest one's name
        assert_eq!(chosen(1 << 30), "solvency-512");
    }

    #[test]
    fn the_ledger_bounds_an_account_by_what_its_pages_hold() {
        for shape in Shape::catalogue() {
            assert_eq!(MAX_ENTRIES_PER_ACCOUNT, MAX_PAGES_PER_ACCOUNT * shape.entries(), "{}", shape.name);
        }
    }
}
