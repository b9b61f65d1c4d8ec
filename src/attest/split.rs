//! Splits what each account holds into columns, once per account. Collateral is split into tiers here, best tier first; the
//! reader of an inclusion file joins them again.

use std::collections::BTreeMap;

use assay_programs::ledger::shape::{Family, OPEN_COLUMNS};
use num_bigint::BigUint;
use rayon::prelude::*;

use super::error::AttestError;
use crate::ledger::{Decimal, Side, Snapshot, Tier};

/// A column before it has an index. Indices follow this order, except that each asset's two columns lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// What the exchange owes of the asset, without collateral. A compliance ledger without collateral tables has all of
    /// it here, as collateral in full.
    Asset(u16),
    /// What the customer owes of the asset.
    Debt(u16),
    /// An unlimited tier, by its place in the ledger's list.
    Flat(u32),
    /// Contracts of an instrument in a ledger without limits.
    Unlimited(u16, Side),
    /// The null column of a class.
    Null(u8),
    /// A tier with a width, for a class.
    Tier(u32, u8),
    /// A position limit, by its place in the ledger's list.
    Limit(u32),
}

impl Slot {
    /// Whether the column has a cap.
    pub fn is_capped(self) -> bool {
        matches!(self, Self::Null(_) | Self::Tier(..) | Self::Limit(_))
    }
}

/// Splits the accounts of one ledger.
pub struct Splitter<'a> {
    snapshot: &'a Snapshot,
    family: Family,
    /// The tiers of each collateral table, best first, as places in the ledger's list.
    tables: BTreeMap<(u16, u8), Vec<u32>>,
    /// Width of each tier in smallest units; `None` for the last tier of a table.
    widths: Vec<Option<u64>>,
    limits: BTreeMap<(u16, u8, Side), u32>,
}

/// Accounts in a chunk.
const CHUNK: usize = 4096;

/// The entries of some accounts. Slots get indices only after all accounts are split, so entries refer to them by place.
struct Chunk {
    slots: Vec<Slot>,
    totals: Vec<u128>,
    /// The place of each entry's slot.
    places: Vec<u16>,
    quantities: Vec<u64>,
    /// Number of entries of each account.
    counts: Vec<u16>,
    classes: Vec<u8>,
}

/// All accounts, split, before their columns have indices.
pub struct Split(Vec<Chunk>);

/// What each account holds by column, in the order of the tree.
pub struct Entries {
    /// Columns of all accounts' entries, ascending within an account: open ones first, then capped ones.
    columns: Vec<u16>,
    quantities: Vec<u64>,
    /// Where each account's entries end.
    ends: Vec<usize>,
    classes: Vec<u8>,
}

impl<'a> Splitter<'a> {
    /// The splitter for what `family` proves of the ledger.
    pub fn new(snapshot: &'a Snapshot, family: Family) -> Self {
        let limits = (0u32..).zip(snapshot.limits());
        let limits = limits.map(|(i, limit)| ((limit.instrument, limit.class, limit.side), i)).collect();
        let mut tables: BTreeMap<(u16, u8), Vec<u32>> = BTreeMap::new();
        let mut tiers: Vec<Tier> = snapshot.tiers().to_vec();
        for (i, tier) in (0u32..).zip(snapshot.tiers()) {
            let table = tables.entry((tier.asset, tier.kind)).or_default();
            match table.last() {
                // one column for what counts at one percentage: a statement lists no tier twice
                Some(last) if tiers[*last as usize].percent_bps == tier.percent_bps => {
                    tiers[*last as usize].to = tier.to;
                }
                _ => table.push(i),
            }
        }
        let widths = tiers.iter().map(|tier| width(snapshot, tier)).collect();
        Self { snapshot, family, tables, widths, limits }
    }

    /// The ledger.
    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// Width of a tier, by its place in the ledger's list, in smallest units; `None` for the last tier of a table.
    pub fn width(&self, tier: u32) -> Option<u64> {
        self.widths[tier as usize]
    }

    /// Splits every account, on all cores. `accounts` lists the ledger's account numbers in the order of the tree.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] for a ledger with more columns than there are indices.
    pub fn split(&self, accounts: &[u32]) -> Result<Split, AttestError> {
        let chunks = accounts.par_chunks(CHUNK).map(|accounts| self.chunk(accounts));
        Ok(Split(chunks.collect::<Result<_, _>>()?))
    }

    fn chunk(&self, accounts: &[u32]) -> Result<Chunk, AttestError> {
        let mut chunk = Chunk {
            slots: Vec::new(),
            totals: Vec::new(),
            places: Vec::new(),
            quantities: Vec::new(),
            counts: Vec::with_capacity(accounts.len()),
            classes: accounts.iter().map(|account| self.snapshot.class(*account)).collect(),
        };
        let mut known: BTreeMap<Slot, u16> = BTreeMap::new();
        for account in accounts {
            let held = self.slots(*account);
            chunk.counts.push(u16::try_from(held.len()).map_err(|_| too_many_columns())?);
            for (slot, quantity) in held {
                let place = match known.get(&slot) {
                    Some(place) => *place,
                    None => {
                        let place = u16::try_from(chunk.slots.len()).map_err(|_| too_many_columns())?;
                        known.insert(slot, place);
                        chunk.slots.push(slot);
                        chunk.totals.push(0);
                        place
                    }
                };
                chunk.totals[usize::from(place)] += u128::from(quantity);
                chunk.places.push(place);
                chunk.quantities.push(quantity);
            }
        }
        Ok(chunk)
    }

    /// What an account holds, by slot.
    fn slots(&self, account: u32) -> Vec<(Slot, u64)> {
        #[cfg(test)]
        counted::one();
        let snapshot = self.snapshot;
        let mut held: BTreeMap<Slot, u64> = BTreeMap::new();
        let class = snapshot.class(account);
        let collateral = match self.family {
            Family::Solvency => Vec::new(),
            Family::Compliance => snapshot.collateral_of(account),
        };
        for holding in snapshot.holdings_of(account) {
            held.insert(Slot::Debt(holding.asset), holding.debt);
            let mut rest = holding.equity;
            for own in collateral.iter().filter(|c| c.asset == holding.asset) {
                let mut amount = own.amount;
                for tier in self.tables.get(&(own.asset, own.kind)).into_iter().flatten() {
                    let width = self.width(*tier);
                    let taken = width.map_or(amount, |w| w.min(amount));
                    let slot = if width.is_some() { Slot::Tier(*tier, class) } else { Slot::Flat(*tier) };
                    held.insert(slot, taken);
                    amount -= taken;
                    rest -= taken;
                }
            }
            held.insert(Slot::Asset(holding.asset), rest);
        }
        for position in snapshot.positions_of(account) {
            let limit = self.limits.get(&(position.instrument, class, position.side));
            let slot = limit.map_or(Slot::Unlimited(position.instrument, position.side), |i| Slot::Limit(*i));
            held.insert(slot, position.contracts);
        }
        held.into_iter().filter(|(_, quantity)| *quantity > 0).collect()
    }
}

impl Split {
    /// Adds what all accounts hold in each slot to `totals`.
    pub fn add_totals(&self, totals: &mut BTreeMap<Slot, u128>) {
        for chunk in &self.0 {
            for (slot, total) in chunk.slots.iter().zip(&chunk.totals) {
                *totals.entry(*slot).or_default() += total;
            }
        }
    }

    /// The entries of all accounts. `index` gives each slot's column.
    pub fn into_entries(self, index: impl Fn(Slot) -> u16) -> Entries {
        let count = self.0.iter().map(|chunk| chunk.places.len()).sum();
        let accounts = self.0.iter().map(|chunk| chunk.counts.len()).sum();
        let mut entries = Entries {
            columns: Vec::with_capacity(count),
            quantities: Vec::with_capacity(count),
            ends: Vec::with_capacity(accounts),
            classes: Vec::with_capacity(accounts),
        };
        let mut own = Vec::new();
        for chunk in self.0 {
            let columns: Vec<u16> = chunk.slots.iter().map(|slot| index(*slot)).collect();
            let mut held = chunk.places.iter().map(|place| columns[usize::from(*place)]).zip(chunk.quantities);
            for count in chunk.counts {
                own.extend(held.by_ref().take(usize::from(count)));
                own.sort_unstable();
                for (column, quantity) in own.drain(..) {
                    entries.columns.push(column);
                    entries.quantities.push(quantity);
                }
                entries.ends.push(entries.columns.len());
            }
            entries.classes.extend(chunk.classes);
        }
        entries
    }
}

impl Entries {
    /// Number of accounts.
    pub fn accounts(&self) -> usize {
        self.ends.len()
    }

    /// These accounts and more: before the account at each rank, in ascending order of ranks, one of class 0 with these
    /// entries by ascending column.
    pub fn with(self, more: impl Iterator<Item = (usize, Vec<(u16, u64)>)>) -> Self {
        let mut all = Self {
            columns: Vec::with_capacity(self.columns.len()),
            quantities: Vec::with_capacity(self.columns.len()),
            ends: Vec::with_capacity(self.ends.len()),
            classes: Vec::with_capacity(self.ends.len()),
        };
        let mut next = 0;
        for (rank, entries) in more {
            all.extend(&self, next..rank);
            next = rank;
            let (columns, quantities): (Vec<u16>, Vec<u64>) = entries.into_iter().unzip();
            all.columns.extend(columns);
            all.quantities.extend(quantities);
            all.ends.push(all.columns.len());
            all.classes.push(0);
        }
        all.extend(&self, next..self.accounts());
        all
    }

    /// Adds the accounts of `other` in `ranks`.
    fn extend(&mut self, other: &Self, ranks: std::ops::Range<usize>) {
        let start = ranks.start.checked_sub(1).map_or(0, |before| other.ends[before]);
        let end = ranks.end.checked_sub(1).map_or(0, |last| other.ends[last]).max(start);
        let moved = self.columns.len();
        self.columns.extend_from_slice(&other.columns[start..end]);
        self.quantities.extend_from_slice(&other.quantities[start..end]);
        self.ends.extend(other.ends[ranks.clone()].iter().map(|own| own - start + moved));
        self.classes.extend_from_slice(&other.classes[ranks]);
    }

    fn range(&self, rank: usize) -> std::ops::Range<usize> {
        let start = rank.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[rank]
    }

    /// How many open and how many capped entries account number `rank` has.
    pub fn counts(&self, rank: usize) -> (usize, usize) {
        let columns = &self.columns[self.range(rank)];
        let open = columns.partition_point(|column| *column < OPEN_COLUMNS);
        (open, columns.len() - open)
    }

    /// The columns and quantities of account number `rank`: the open ones first, each kind by ascending column.
    pub fn of(&self, rank: usize) -> impl Iterator<Item = (u16, u64)> + '_ {
        let range = self.range(rank);
        self.columns[range.clone()].iter().copied().zip(self.quantities[range].iter().copied())
    }

    /// The class of account number `rank`.
    pub fn class(&self, rank: usize) -> u8 {
        self.classes[rank]
    }
}

/// The error for a ledger that needs more columns than there are indices.
pub fn too_many_columns() -> AttestError {
    AttestError::NotValid(format!("the ledger needs more columns than the {OPEN_COLUMNS} of a kind"))
}

/// The width of a tier in smallest units. It is rounded down, against the exchange: less collateral counts at the better
/// percentage.
fn width(snapshot: &Snapshot, tier: &Tier) -> Option<u64> {
    let asset = &snapshot.assets()[usize::from(tier.asset)];
    tier.to.zip(asset.price).map(|(to, price)| {
        let ten = |n: u8| BigUint::from(10u8).pow(u32::from(n));
        // (to − from) · 10^scale / price over a common denominator
        let scale = to.scale.max(tier.from.scale);
        let units = |d: Decimal| BigUint::from(d.units) * ten(scale - d.scale);
        let value = units(to) - units(tier.from);
        let numerator = value * ten(asset.scale) * ten(price.scale);
        let denominator = BigUint::from(price.units) * ten(scale);
        u64::try_from(numerator / denominator).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
pub mod counted {
    //! Counts the accounts that this thread has split, for tests. Rayon may split on any of its threads, so measure in a pool
    //! of one.

    use std::cell::Cell;

    thread_local! {
        static SPLITS: Cell<u64> = const { Cell::new(0) };
    }

    pub fn one() {
        SPLITS.set(SPLITS.get() + 1);
    }

    /// The number of accounts split since the last call.
    pub fn take() -> u64 {
        SPLITS.take()
    }
}
