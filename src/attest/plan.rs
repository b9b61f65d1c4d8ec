//! Each account's pages, and the tree over them. The plan splits each account into entries once and makes pages from the
//! entries on demand, so memory never holds all pages. A plan keeps nothing of the ledger, which can be dropped.

use std::sync::atomic::{AtomicBool, Ordering};

use assay_core::{
    field::{F, to_hex},
    identity::MasterSecret,
    sealed::StatementDigest,
    tree::{UpperTree, batch_levels},
};
use assay_programs::ledger::{
    book::{FedColumn, SumCollector},
    page::{CappedEntry, Entry, Page},
    shape::{Family, MAX_PAGES_PER_ACCOUNT, MEASURES, OPEN_COLUMNS, Shape},
    statement::{Statement, first_challenge},
};
use rayon::prelude::*;

use super::{
    book::Book,
    error::AttestError,
    order::ordered,
    rules::Results,
    shapes::{ShapeChoice, cheapest},
    split::Entries,
    statement::draft,
};
use crate::{
    ledger::{MAX_ASSETS, Snapshot},
    progress::Progress,
};

/// The order of accounts, what they hold, the tree over their pages, and the statement without the commitment to the
/// private sums.
pub struct Plan {
    shape: &'static Shape,
    book: Book,
    /// Identities in ascending order.
    identities: Vec<F>,
    entries: Entries,
    /// Index of each account's first page, followed by the number of all pages.
    first_pages: Vec<u32>,
    tree: UpperTree,
    draft: Statement,
}

impl Plan {
    /// Orders the accounts, chooses the shape and builds the tree, on all cores.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if the ledger does not fit the shape; [`AttestError::StoppedEarly`] once `stop` is set.
    pub fn new(
        snapshot: &Snapshot,
        secret: &MasterSecret,
        choice: ShapeChoice,
        stop: &AtomicBool,
        progress: &dyn Progress,
    ) -> Result<Self, AttestError> {
        let family = choice.family(snapshot)?;
        let (identities, accounts) = ordered(snapshot, secret, progress)?;
        let name = |rank: usize| snapshot.account(accounts[rank]);
        let (mut book, entries) = Book::new(snapshot, family, &accounts)?;
        let columns = book.fed_columns();
        let shape = match &choice {
            ShapeChoice::Named(shape) => *shape,
            ShapeChoice::Auto | ShapeChoice::Fastest(_) => {
                let pages = |shape: &Shape| Ok(u64::from(*first_pages(&entries, shape, name)?.last().unwrap_or(&0)));
                cheapest(family, columns, choice.rates(), pages)?
            }
        };
        let first_pages = first_pages(&entries, shape, name)?;
        let mut draft = draft(snapshot, &book, shape, secret)?;
        book.weigh(&draft)?;
        if let Some(rules) = &mut draft.rules {
            rules.results = results(&book, &entries, name)?.claims();
        }
        let tree = UpperTree::new(shape.depths);
        let mut plan = Self { shape, book, identities, entries, first_pages, tree, draft };
        plan.check_capacity()?;
        plan.tree = UpperTree::build(shape.depths, plan.hash_batches(stop, progress)?);
        plan.draft.root = to_hex(&plan.tree.root());
        plan.draft.steps = plan.steps() as u64;
        Ok(plan)
    }

    fn check_capacity(&self) -> Result<(), AttestError> {
        let (shape, pages, columns) = (self.shape, self.pages(), self.book.fed_columns());
        if pages <= shape.capacity() as u64 && shape.steps_for(0, columns) <= shape.max_steps() {
            return Ok(());
        }
        let columns = if columns > 0 { format!(" and {columns} columns") } else { String::new() };
        Err(AttestError::NotValid(format!(
            "the ledger needs {pages} pages{columns}, {} holds {} pages",
            shape.name,
            shape.capacity()
        )))
    }

    /// The root of every batch.
    fn hash_batches(&self, stop: &AtomicBool, progress: &dyn Progress) -> Result<Vec<F>, AttestError> {
        let batch = self.shape.batch() as u64;
        progress.begin("building the tree", self.steps() as u64 * batch, "pages");
        let roots = (0..self.steps()).into_par_iter().map(|step| {
            if stop.load(Ordering::Relaxed) {
                return Err(AttestError::StoppedEarly);
            }
            let leaves: Vec<F> = self.batch(step).iter().map(Page::leaf).collect();
            progress.advance(batch);
            Ok(batch_levels(&leaves).swap_remove(self.shape.depths.batch)[0])
        });
        let roots = roots.collect::<Result<_, _>>()?;
        progress.end();
        Ok(roots)
    }

    /// The shape.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// Number of accounts in the ledger.
    pub fn accounts(&self) -> u64 {
        self.entries.accounts() as u64
    }

    /// Number of pages that belong to accounts. Padding follows them.
    pub fn pages(&self) -> u64 {
        self.first_pages.last().copied().map_or(0, u64::from)
    }

    /// Number of batches: enough for the pages, and for the columns of the book.
    pub fn steps(&self) -> usize {
        self.shape.steps_for(self.pages() as usize, self.book.fed_columns())
    }

    /// The statement without the commitment to the private sums.
    pub fn draft(&self) -> &Statement {
        &self.draft
    }

    /// The upper tree over the roots of all batches.
    pub fn tree(&self) -> &UpperTree {
        &self.tree
    }

    /// The columns that the fold takes in, with their private sums under the challenge drawn from the draft. This takes
    /// one pass over all pages. Empty in the solvency family.
    ///
    /// # Errors
    /// [`AttestError::Core`] if the draft has no canonical form.
    pub fn private_sums(&self, secret: &MasterSecret) -> Result<Vec<FedColumn>, AttestError> {
        if self.book.family() == Family::Solvency {
            return Ok(Vec::new());
        }
        let draft = self.draft.draft_bytes()?;
        let digest = StatementDigest::of(&draft);
        let mut sums = SumCollector::new(first_challenge(&draft));
        for step in 0..self.steps() {
            self.batch(step).iter().for_each(|page| sums.add(page));
        }
        Ok(sums.finish(&self.draft.book()?, |index| secret.column_blind(&digest.0, index)))
    }

    /// The pages that step `step` folds.
    pub fn batch(&self, step: usize) -> Vec<Page> {
        let start = step * self.shape.batch();
        // batches that only take in columns begin after the last page
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
        let (shape, class) = (self.shape, self.entries.class(rank));
        let measures = self.book.measures(self.entries.of(rank)).expect("results were computed from the same measures");
        let count = (self.first_pages[rank + 1] - self.first_pages[rank]) as usize;
        let (own_open, own_capped) = self.entries.counts(rank);
        let held = self.entries.of(rank);
        let mut open: Vec<Entry> = held.take(own_open).map(|(column, quantity)| Entry { column, quantity }).collect();
        open.resize(count * shape.entries(), Entry::default());
        // unused capped entries come first: null columns have the lowest capped indices
        let mut capped: Vec<CappedEntry> = vec![self.book.unused(class); count * shape.capped - own_capped];
        let held = self.entries.of(rank).skip(own_open);
        capped.extend(held.map(|(column, quantity)| self.book.capped(column, quantity)));
        (0..count)
            .map(|k| Page {
                identity: self.identities[rank],
                first: k == 0,
                remaining: u8::try_from(count - 1 - k).expect("first_pages bounds the pages of an account"),
                class,
                entries: open[k * shape.entries()..][..shape.entries()].to_vec(),
                capped: capped[k * shape.capped..][..shape.capped].to_vec(),
                measures: if k == 0 { measures } else { [0; MEASURES] },
            })
            .collect()
    }
}

/// The measures over all accounts, on all cores; `name` gives an account's reference.
fn results<'a>(book: &Book, entries: &Entries, name: impl Fn(usize) -> &'a str + Sync) -> Result<Results, AttestError> {
    let measured = (0..entries.accounts()).into_par_iter().map(|rank| {
        let measures = book.measures(entries.of(rank));
        let measures = measures.map_err(|e| AttestError::NotValid(format!("account {}: {e}", name(rank))))?;
        Ok(Results::default().with(&measures))
    });
    measured.try_reduce(Results::default, |a, b| Ok(a.and(b)))
}

/// Index of each account's first page, followed by the number of all pages. An account without entries has one empty
/// page. `name` gives an account's reference.
fn first_pages<'a>(entries: &Entries, shape: &Shape, name: impl Fn(usize) -> &'a str) -> Result<Vec<u32>, AttestError> {
    let mut first_pages = Vec::with_capacity(entries.accounts() + 1);
    let mut next = 0u32;
    for rank in 0..entries.accounts() {
        first_pages.push(next);
        let (open, capped) = entries.counts(rank);
        let pages_of_capped = if shape.capped > 0 { capped.div_ceil(shape.capped) } else { 0 };
        let pages = open.div_ceil(shape.entries()).max(pages_of_capped).max(1);
        if pages > MAX_PAGES_PER_ACCOUNT {
            return Err(AttestError::NotValid(format!(
                "account {} has {open} open and {capped} capped entries; {MAX_PAGES_PER_ACCOUNT} pages of {} hold {} and {}",
                name(rank),
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
    Ok(first_pages)
}

const _: () = assert!(2 * MAX_ASSETS <= OPEN_COLUMNS as usize, "each asset has two open columns");
