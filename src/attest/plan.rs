//! Who gets which pages, and the tree over them. Pages are made from the snapshot whenever they are asked for, so that
//! memory holds the ledger once and, per page, little more than a hash.

use std::sync::atomic::{AtomicBool, Ordering};

use assay_core::{
    field::{F, to_hex},
    identity::{MasterSecret, identity},
    sealed::StatementDigest,
    tree::{UpperTree, batch_levels},
};
use assay_fold::pins::Pin;
use assay_programs::{
    ledger::{
        Ledger,
        book::{FedColumn, SumCollector},
        page::{Entry, Page},
        shape::{Family, MAX_PAGES_PER_ACCOUNT, MEASURES, OPEN_COLUMNS, Shape},
        statement::{Statement, first_challenge},
    },
    purpose::Purpose,
};
use ff::Field;
use rayon::prelude::*;

use super::{
    AttestError,
    book::{Book, Results},
    claim::draft,
};
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

/// The order of accounts and the tree over their pages.
pub struct Plan<'a> {
    snapshot: &'a Snapshot,
    book: Book,
    results: Results,
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
        let family = match choice {
            ShapeChoice::Named(shape) => shape.family,
            ShapeChoice::Auto if snapshot.has_rules() => Family::Compliance,
            ShapeChoice::Auto => Family::Solvency,
        };
        if let ShapeChoice::Named(shape) = choice
            && snapshot.has_rules()
            && family == Family::Solvency
        {
            return Err(AttestError::NotValid(format!(
                "the ledger has classes, instruments, limits or collateral tables, of which {} proves nothing; choose a \
                 compliance shape",
                shape.name
            )));
        }
        let (identities, accounts) = ordered(snapshot, secret, progress)?;
        let mut book = Book::new(snapshot, family)?;
        book.weigh(&draft(snapshot, &book, secret)?)?;
        let columns = book.fed_columns();
        let shape = match choice {
            ShapeChoice::Named(shape) => shape,
            ShapeChoice::Auto => {
                cheapest(family, columns, |shape| Ok(page_counts(snapshot, &book, &accounts, shape)?.1))?
            }
        };
        let (first_pages, pages) = page_counts(snapshot, &book, &accounts, shape)?;
        if pages > shape.capacity() as u64 || shape.steps_for(0, columns) > shape.max_steps() {
            let columns = if columns > 0 { format!(" and {columns} columns") } else { String::new() };
            return Err(AttestError::NotValid(format!(
                "the ledger needs {pages} pages{columns}, {} holds {} pages",
                shape.name,
                shape.capacity()
            )));
        }
        let results = results(snapshot, &book)?;
        let batch_roots = Vec::new();
        let mut plan =
            Self { snapshot, book, results, shape, identities, accounts, first_pages, batch_roots, root: F::ZERO };
        progress.begin("building the tree", plan.steps() as u64 * shape.batch() as u64, "pages");
        plan.batch_roots = (0..plan.steps())
            .into_par_iter()
            .map(|step| {
                if stop.load(Ordering::Relaxed) {
                    return Err(AttestError::StoppedEarly);
                }
                let leaves: Vec<F> = plan.batch(step).iter().map(|p| p.leaf()).collect();
                progress.advance(shape.batch() as u64);
                Ok(batch_levels(&leaves).swap_remove(shape.depths.batch)[0])
            })
            .collect::<Result<_, _>>()?;
        plan.root = UpperTree::build(shape.depths, plan.batch_roots.clone()).root();
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

    /// Batches: enough for the pages, and for the columns of the book.
    pub fn steps(&self) -> usize {
        self.shape.steps_for(self.pages() as usize, self.book.fed_columns())
    }

    /// The book.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The measures over all accounts.
    pub fn results(&self) -> &Results {
        &self.results
    }

    /// The columns with their private sums under the challenge ρ: one pass over all pages.
    ///
    /// # Errors
    /// [`AttestError::Core`] if the statement breaks a rule of its format.
    pub fn columns(&self, statement: &Statement, secret: &MasterSecret) -> Result<Vec<FedColumn>, AttestError> {
        let draft = statement.draft_bytes()?;
        let digest = StatementDigest::of(&draft);
        let mut sums = SumCollector::new(first_challenge(&draft));
        for step in 0..self.steps() {
            self.batch(step).iter().for_each(|page| sums.add(page));
        }
        Ok(sums.finish(&statement.book()?, |index| secret.column_blind(&digest.0, index)))
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
        // batches that only take in columns begin behind the last page
        let end = (start + self.shape.batch()).min(self.pages() as usize).max(start);
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
        let class = self.snapshot.class(account);
        let mut split = self.book.split(self.snapshot, account);
        let measures = self.book.measures(&split).expect("results were computed from the same measures");
        let count = (self.first_pages[rank + 1] - self.first_pages[rank]) as usize;
        split.open.resize(count * self.shape.entries(), Entry::default());
        // unused capped entries stand in front, where their lower column belongs
        let unused = count * self.shape.capped - split.capped.len();
        split.capped.splice(0..0, vec![self.book.unused(class); unused]);
        (0..count)
            .map(|k| Page {
                identity: self.identities[rank],
                first: k == 0,
                remaining: u8::try_from(count - 1 - k).expect("page_counts bounds the pages of an account"),
                class,
                entries: split.open[k * self.shape.entries()..][..self.shape.entries()].to_vec(),
                capped: split.capped[k * self.shape.capped..][..self.shape.capped].to_vec(),
                measures: if k == 0 { measures } else { [0; MEASURES] },
            })
            .collect()
    }
}

/// The measures over all accounts, on all cores.
fn results(snapshot: &Snapshot, book: &Book) -> Result<Results, AttestError> {
    if book.family() == Family::Solvency {
        return Ok(Results::default());
    }
    (0..snapshot.account_count() as u32)
        .into_par_iter()
        .map(|account| {
            let measures = book.measures(&book.split(snapshot, account));
            let measures =
                measures.map_err(|e| AttestError::NotValid(format!("account {}: {e}", snapshot.account(account))))?;
            Ok(Results::default().with(&measures))
        })
        .try_reduce(Results::default, |a, b| Ok(a.and(b)))
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
fn page_counts(
    snapshot: &Snapshot,
    book: &Book,
    accounts: &[u32],
    shape: &Shape,
) -> Result<(Vec<u32>, u64), AttestError> {
    let mut first_pages = Vec::with_capacity(accounts.len() + 1);
    let mut next = 0u32;
    for account in accounts {
        first_pages.push(next);
        let split = book.split(snapshot, *account);
        let pages = Book::pages(shape, &split);
        if pages > MAX_PAGES_PER_ACCOUNT {
            return Err(AttestError::NotValid(format!(
                "account {} has {} open and {} capped entries; {MAX_PAGES_PER_ACCOUNT} pages of {} hold {} and {}",
                snapshot.account(*account),
                split.open.len(),
                split.capped.len(),
                shape.name,
                MAX_PAGES_PER_ACCOUNT * shape.entries(),
                MAX_PAGES_PER_ACCOUNT * shape.capped
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

/// The cost of proving `pages` pages and `columns` columns with `shape`, in constraints folded.
fn cost(shape: &Shape, pages: u64, columns: usize) -> Result<u64, AttestError> {
    let constraints = Pin::of::<Ledger>(shape)?.step_constraints as u64;
    let steps = shape.steps_for(pages as usize, columns) as u64;
    Ok(steps * (constraints + STEP_OVERHEAD) + COMPRESSION_FACTOR * constraints.next_power_of_two())
}

/// The release shape of a family that holds pages and columns at the least cost; the largest where none does, for its error.
fn cheapest(
    family: Family,
    columns: usize,
    pages: impl Fn(&Shape) -> Result<u64, AttestError>,
) -> Result<&'static Shape, AttestError> {
    let mut best: Option<(u64, &'static Shape)> = None;
    let mut largest = None;
    for shape in Shape::catalogue().iter().filter(|s| s.purpose == Purpose::Release && s.family == family) {
        largest = Some(shape);
        let needed = pages(shape)?;
        if needed > shape.capacity() as u64 || shape.steps_for(0, columns) > shape.max_steps() {
            continue;
        }
        let cost = cost(shape, needed, columns)?;
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
        let chosen = |pages: u64| cheapest(Family::Solvency, 0, |_| Ok(pages)).unwrap().name;
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
        for shape in Shape::catalogue().iter().filter(|s| s.family == Family::Solvency) {
            assert_eq!(MAX_ENTRIES_PER_ACCOUNT, MAX_PAGES_PER_ACCOUNT * shape.entries(), "{}", shape.name);
        }
    }
}
