//! Each account's pages, and the trees over them, one for each shard. The plan splits each account into entries once and makes
//! pages from the entries on demand, so memory never holds all pages. A plan keeps nothing of the ledger, which can be dropped.

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use assay_core::{
    canonical,
    field::{F, to_hex},
    identity::{MasterSecret, shard_of},
    sealed::StatementDigest,
    tree::{UpperTree, batch_levels},
};
use assay_programs::ledger::{
    book::{FedColumn, SumCollector},
    page::{CappedEntry, Entry, Page},
    shape::{self, Family, MAX_PAGES_PER_ACCOUNT, MEASURES, OPEN_COLUMNS, Shape},
    statement::{Shard, ShardClaims, Statement, first_challenge},
};
use rayon::prelude::*;

use super::{
    book::Book,
    error::AttestError,
    order::ordered,
    rules::Results,
    shapes::{ShapeChoice, cheapest},
    shards::Choice,
    split::Entries,
    statement::draft,
};
use crate::{
    ledger::{MAX_ASSETS, MAX_INSTRUMENTS, Snapshot},
    progress::Progress,
};

/// The order of accounts, what they hold, the trees over their pages, and the statement without the commitments to the
/// private sums.
pub struct Plan {
    shape: &'static Shape,
    book: Book,
    /// Identities in ascending order, so those of a shard lie beside each other.
    identities: Vec<F>,
    entries: Entries,
    /// Index of each account's first page over all shards, followed by the number of all pages.
    first_pages: Vec<u32>,
    shards: Vec<ShardPlan>,
    /// Accounts of the ledger: all but the covers.
    accounts: u64,
    draft: Statement,
}

/// One shard.
struct ShardPlan {
    /// Its accounts in the plan's order.
    ranks: Range<usize>,
    /// Number of batches.
    steps: usize,
    tree: UpperTree,
}

impl Plan {
    /// Orders the accounts, chooses the shape and the number of shards and builds the trees, on all cores.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if the ledger does not fit; [`AttestError::StoppedEarly`] once `stop` is set.
    pub fn new(
        snapshot: &Snapshot,
        secret: &MasterSecret,
        choice: &Choice,
        stop: &AtomicBool,
        progress: &dyn Progress,
    ) -> Result<Self, AttestError> {
        let family = choice.shape.family(snapshot)?;
        let (mut identities, mut accounts) = ordered(snapshot, secret, progress)?;
        let ledger_accounts = accounts.len() as u64;
        let (mut book, mut entries) = Book::new(snapshot, family, &accounts)?;
        let columns = book.fed_columns();
        let pages = |shape: &Shape| {
            let first_pages = first_pages(&entries, shape, |rank| snapshot.account(accounts[rank]))?;
            Ok(u64::from(*first_pages.last().unwrap_or(&0)))
        };
        let shape = match &choice.shape {
            ShapeChoice::Named(shape) => *shape,
            ShapeChoice::Auto | ShapeChoice::Fastest(_) => cheapest(family, columns, choice.shape.rates(), pages)?,
        };
        let least = snapshot.manifest().privacy.and_then(|p| p.pages_at_least).unwrap_or(0);
        let count = choice.shards.count(shape, pages(shape)?.max(least))?;
        if count > 1 {
            book.add_covers()?;
        }
        let mut draft = draft(snapshot, &book, shape, count, secret)?;
        book.weigh(&draft)?;
        if count > 1 {
            let seed = cover_seed(&draft, snapshot)?;
            let covers: Vec<_> = (0..count).map(|shard| secret.cover(&seed.0, shard, count)).collect();
            let ranks: Vec<usize> =
                covers.iter().map(|(own, _)| identities.partition_point(|other| other < own)).collect();
            let held = book.cover(covers.iter().map(|(_, quantities)| quantities));
            entries = entries.with(ranks.iter().copied().zip(held));
            identities = inserted(&identities, &ranks, covers.iter().map(|(identity, _)| *identity));
            accounts = inserted(&accounts, &ranks, covers.iter().map(|_| COVER));
            draft.columns = book.columns().to_vec();
        }
        let name = |rank: usize| if accounts[rank] == COVER { "(cover)" } else { snapshot.account(accounts[rank]) };
        let first_pages = first_pages(&entries, shape, name)?;
        let floor = least.div_ceil(count.into());
        if floor > shape.capacity() as u64 {
            return Err(AttestError::NotValid(format!(
                "privacy.pages_at_least is {least}; {count} shards of {} hold {} pages",
                shape.name,
                u64::from(count) * shape.capacity() as u64
            )));
        }
        let mut shards = Vec::with_capacity(count as usize);
        let mut from = 0;
        for shard in 0..count {
            let end = identities.partition_point(|identity| shard_of(identity, count) <= u64::from(shard));
            let pages = first_pages[end] as usize - first_pages[from] as usize;
            let floor = usize::try_from(floor).unwrap_or(usize::MAX);
            let steps = shape.steps_for(pages.max(floor), book.fed_columns());
            shards.push(ShardPlan { ranks: from..end, steps, tree: UpperTree::new(shape.depths) });
            from = end;
        }
        let mut plan = Self { shape, book, identities, entries, first_pages, shards, accounts: ledger_accounts, draft };
        plan.check_capacity()?;
        plan.build_trees(stop, progress)?;
        plan.state(name)?;
        Ok(plan)
    }

    fn check_capacity(&self) -> Result<(), AttestError> {
        let (shape, columns) = (self.shape, self.book.fed_columns());
        let Some(shard) = (0..self.shards()).find(|shard| self.steps(*shard) > shape.max_steps()) else {
            return Ok(());
        };
        let columns = if columns > 0 { format!(" and {columns} columns") } else { String::new() };
        let one = self.shards() == 1;
        let who = if one { "the ledger".to_owned() } else { format!("shard {shard} of {}", self.shards()) };
        let pages = self.shard_pages(shard);
        Err(AttestError::NotValid(format!(
            "{who} needs {pages} pages{columns}, {} holds {} pages; divide the ledger into more shards",
            shape.name,
            shape.capacity()
        )))
    }

    /// The root of every batch of every shard, and the trees over them.
    fn build_trees(&mut self, stop: &AtomicBool, progress: &dyn Progress) -> Result<(), AttestError> {
        let batch = self.shape.batch() as u64;
        progress.begin("building the tree", self.all_steps() * batch, "pages");
        let batches: Vec<(u32, usize)> =
            (0..self.shards()).flat_map(|shard| (0..self.steps(shard)).map(move |step| (shard, step))).collect();
        let roots = batches.par_iter().map(|(shard, step)| {
            if stop.load(Ordering::Relaxed) {
                return Err(AttestError::StoppedEarly);
            }
            let leaves: Vec<F> = self.batch(*shard, *step).iter().map(Page::leaf).collect();
            progress.advance(batch);
            Ok(batch_levels(&leaves).swap_remove(self.shape.depths.batch)[0])
        });
        let roots: Vec<F> = roots.collect::<Result<_, _>>()?;
        let mut roots = roots.into_iter();
        for shard in &mut self.shards {
            shard.tree = UpperTree::build(self.shape.depths, roots.by_ref().take(shard.steps).collect());
        }
        progress.end();
        Ok(())
    }

    /// States roots, steps and results of the shards; `name` gives an account's reference.
    fn state<'a>(&mut self, name: impl Fn(usize) -> &'a str + Sync) -> Result<(), AttestError> {
        let compliance = self.book.family() == Family::Compliance;
        let mut all = Results::default();
        let mut stated = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            let own = results(&self.book, &self.entries, shard.ranks.clone(), &name)?;
            all = all.and(own);
            stated.push(Shard {
                root: to_hex(&shard.tree.root()),
                steps: shard.steps as u64,
                rules: compliance.then(|| ShardClaims { results: own.claims(), private: None }),
            });
        }
        self.draft.shards = stated;
        if let Some(rules) = &mut self.draft.rules {
            rules.results = all.claims();
        }
        Ok(())
    }

    /// The shape.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// Number of accounts in the ledger.
    pub fn accounts(&self) -> u64 {
        self.accounts
    }

    /// Number of pages that belong to accounts, covers included. Padding follows those of each shard.
    pub fn pages(&self) -> u64 {
        self.first_pages.last().copied().map_or(0, u64::from)
    }

    /// Number of shards.
    pub fn shards(&self) -> u32 {
        self.shards.len() as u32
    }

    /// Number of batches of a shard: enough for its pages, and for the columns of the book.
    pub fn steps(&self, shard: u32) -> usize {
        self.shards[shard as usize].steps
    }

    /// Number of batches of all shards together.
    pub fn all_steps(&self) -> u64 {
        self.shards.iter().map(|shard| shard.steps as u64).sum()
    }

    /// Number of pages that belong to accounts of a shard.
    pub fn shard_pages(&self, shard: u32) -> u64 {
        let Range { start, end } = self.shards[shard as usize].ranks;
        u64::from(self.first_pages[end]) - u64::from(self.first_pages[start])
    }

    /// The statement without the commitments to the private sums.
    pub fn draft(&self) -> &Statement {
        &self.draft
    }

    /// The upper tree over the roots of a shard's batches.
    pub fn tree(&self, shard: u32) -> &UpperTree {
        &self.shards[shard as usize].tree
    }

    /// The columns that the fold of each shard takes in, with their private sums under the challenge drawn from the draft.
    /// This takes one pass over all pages, shard beside shard. Empty in the solvency family.
    ///
    /// # Errors
    /// [`AttestError::Core`] if the draft has no canonical form.
    pub fn private_sums(&self, secret: &MasterSecret) -> Result<Vec<Vec<FedColumn>>, AttestError> {
        if self.book.family() == Family::Solvency {
            return Ok(vec![Vec::new(); self.shards.len()]);
        }
        let draft = self.draft.draft_bytes()?;
        let digest = StatementDigest::of(&draft);
        let (challenge, book) = (first_challenge(&draft), self.draft.book()?);
        let of_shard = |shard: u32| {
            let mut sums = SumCollector::new(challenge);
            for step in 0..self.steps(shard) {
                self.batch(shard, step).iter().for_each(|page| sums.add(page));
            }
            sums.finish(&book, |index| secret.column_blind(&digest.0, shard, index))
        };
        Ok((0..self.shards()).into_par_iter().map(of_shard).collect())
    }

    /// The pages that step `step` of a shard folds.
    pub fn batch(&self, shard: u32, step: usize) -> Vec<Page> {
        let Range { start: from, end: to } = self.shards[shard as usize].ranks;
        let (begin, close) = (self.first_pages[from] as usize, self.first_pages[to] as usize);
        let start = begin + step * self.shape.batch();
        // batches that only take in columns begin after the last page
        let end = (start + self.shape.batch()).min(close).max(start);
        let mut pages = Vec::with_capacity(self.shape.batch());
        // the account whose first page is the last one at or before `start`
        let mut rank = self.first_pages.partition_point(|first| *first as usize <= start).saturating_sub(1);
        while start + pages.len() < end {
            let skip = start + pages.len() - self.first_pages[rank] as usize;
            let room = end - start - pages.len();
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

/// In place of the number of a ledger's account: the cover of a shard.
const COVER: u32 = u32::MAX;

/// What the covers are derived from: everything that the statement follows from, but for the secret. Two statements never
/// share a cover, because their challenges differ, and two equations would be known about the same covered totals.
fn cover_seed(draft: &Statement, snapshot: &Snapshot) -> Result<StatementDigest, AttestError> {
    // the draft does not say everything: the manifest's `pages_at_least` only shows in steps and roots
    let manifest = canonical::to_bytes(snapshot.manifest())?;
    Ok(StatementDigest::of(&[&draft.draft_bytes()?[..], snapshot.digest().as_bytes(), &manifest].concat()))
}

/// `old` with each of `new` before the element that stood at its rank; the ranks ascend.
fn inserted<T: Copy>(old: &[T], ranks: &[usize], new: impl Iterator<Item = T>) -> Vec<T> {
    let mut all = Vec::with_capacity(old.len() + ranks.len());
    let mut from = 0;
    for (rank, value) in ranks.iter().zip(new) {
        all.extend_from_slice(&old[from..*rank]);
        all.push(value);
        from = *rank;
    }
    all.extend_from_slice(&old[from..]);
    all
}

/// The measures over the accounts in `ranks`, on all cores; `name` gives an account's reference.
fn results<'a>(
    book: &Book,
    entries: &Entries,
    ranks: Range<usize>,
    name: impl Fn(usize) -> &'a str + Sync,
) -> Result<Results, AttestError> {
    let measured = ranks.into_par_iter().map(|rank| {
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
const _: () = assert!(MAX_ASSETS == shape::MAX_ASSETS && MAX_INSTRUMENTS == shape::MAX_INSTRUMENTS);
