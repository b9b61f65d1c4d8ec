//! The book of a ledger: which columns there are, what an account holds in them, and what that is worth. Holdings are
//! split into collateral tiers here, best tier first, and joined again by whoever reads an inclusion file.

use std::collections::BTreeMap;

use assay_programs::ledger::{
    page::{CappedEntry, Entry},
    shape::{ALL_COLUMNS, Family, MEASURE_BITS, MEASURES, OPEN_COLUMNS, Shape},
    statement::{Class, Column, ColumnKind, Instrument, MEASURE_NAMES, MeasureResult, RuleClaims, Statement},
};
use num_bigint::BigUint;

use super::AttestError;
use crate::ledger::{Side, Snapshot};

/// A column before it has an index; the order is that of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    /// Of the asset: owed and no collateral; in ledgers without collateral tables, owed and collateral in full.
    Asset(u16),
    /// Of the asset: owed by the customer.
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
    fn is_capped(self) -> bool {
        matches!(self, Self::Null(_) | Self::Tier(..) | Self::Limit(_))
    }
}

/// The tiers of one asset's collateral table: places in the ledger's list, with widths in smallest units.
type Table = Vec<(u32, Option<u64>)>;

/// What an account holds, split into columns.
#[derive(Debug, Default)]
pub struct Split {
    /// Of open columns.
    pub open: Vec<Entry>,
    /// Of capped columns, ascending.
    pub capped: Vec<CappedEntry>,
}

/// The book of a ledger.
pub struct Book {
    columns: Vec<Column>,
    /// Index and cap of every column.
    places: BTreeMap<Slot, (u16, u64)>,
    tables: BTreeMap<(u16, u8), Table>,
    limits: BTreeMap<(u16, u8, Side), u32>,
    family: Family,
    rules: Option<RuleClaims>,
    /// By index of the column; filled by [`Book::weigh`].
    weights: BTreeMap<u16, [i128; MEASURES]>,
}

impl Book {
    /// The book with the columns that the ledger uses; all its limits are listed, used or not.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if there are more columns than indices.
    pub fn new(snapshot: &Snapshot, family: Family) -> Result<Self, AttestError> {
        let compliance = family == Family::Compliance;
        let mut book = Self {
            family,
            columns: Vec::new(),
            places: BTreeMap::new(),
            tables: tables(snapshot),
            limits: BTreeMap::new(),
            rules: compliance.then(|| claims(snapshot)),
            weights: BTreeMap::new(),
        };
        for (i, limit) in snapshot.limits().iter().enumerate() {
            book.limits.insert((limit.instrument, limit.class, limit.side), i as u32);
        }
        let mut totals: BTreeMap<Slot, u128> = BTreeMap::new();
        for i in 0..snapshot.assets().len() as u16 {
            totals.insert(Slot::Asset(i), 0);
            if !compliance {
                totals.insert(Slot::Debt(i), 0);
            }
        }
        for class in book.rules.iter().flat_map(|r| &r.classes) {
            totals.insert(Slot::Null(class.class), 0);
        }
        if compliance {
            totals.extend((0..snapshot.limits().len() as u32).map(|i| (Slot::Limit(i), 0)));
        }
        for account in 0..snapshot.account_count() as u32 {
            for (slot, quantity) in book.slots(snapshot, account) {
                *totals.entry(slot).or_default() += u128::from(quantity);
            }
        }
        book.number(snapshot, &totals)?;
        Ok(book)
    }

    /// Gives every slot its index and its column.
    fn number(&mut self, snapshot: &Snapshot, totals: &BTreeMap<Slot, u128>) -> Result<(), AttestError> {
        let mut next_open = 2 * snapshot.assets().len() as u32;
        let mut next_capped = u32::from(OPEN_COLUMNS);
        for (slot, total) in totals {
            let (index, end) = match slot {
                Slot::Asset(i) => (2 * u32::from(*i), OPEN_COLUMNS),
                Slot::Debt(i) => (2 * u32::from(*i) + 1, OPEN_COLUMNS),
                _ if slot.is_capped() => {
                    next_capped += 1;
                    (next_capped - 1, ALL_COLUMNS)
                }
                _ => {
                    next_open += 1;
                    (next_open - 1, OPEN_COLUMNS)
                }
            };
            let index = u16::try_from(index).ok().filter(|i| *i < end).ok_or_else(|| {
                AttestError::NotValid(format!("the ledger needs more columns than the {OPEN_COLUMNS} of a kind"))
            })?;
            let kind = self.kind(snapshot, *slot);
            let cap = kind.cap()?.map_or(0, |(_, cap)| cap);
            self.places.insert(*slot, (index, cap));
            self.columns.push(Column { index, kind, total: total.to_string() });
        }
        self.columns.sort_by_key(|c| c.index);
        Ok(())
    }

    fn kind(&self, snapshot: &Snapshot, slot: Slot) -> ColumnKind {
        let asset = |i: u16| snapshot.assets()[usize::from(i)].symbol.clone();
        let instrument = |i: u16| snapshot.instruments()[usize::from(i)].symbol.clone();
        let position = |instrument, side, class, cap| match side {
            Side::Long => ColumnKind::Long { instrument, class, cap },
            Side::Short => ColumnKind::Short { instrument, class, cap },
        };
        let tier = |i: u32, class: Option<u8>| {
            let tier = &snapshot.tiers()[i as usize];
            let width = self.tables[&(tier.asset, tier.kind)].iter().find(|(own, _)| *own == i).and_then(|(_, w)| *w);
            let kinds = snapshot.collateral_kinds();
            ColumnKind::Collateral {
                asset: asset(tier.asset),
                table: (kinds.len() > 1).then(|| kinds[usize::from(tier.kind)].clone()),
                percent_bps: u32::from(tier.percent_bps),
                class,
                cap: class.and(width).map(|w| w.to_string()),
            }
        };
        match slot {
            Slot::Asset(i) if self.rules.is_some() && snapshot.tiers().is_empty() => {
                ColumnKind::Collateral { asset: asset(i), table: None, percent_bps: 10_000, class: None, cap: None }
            }
            Slot::Asset(i) => ColumnKind::Asset { asset: asset(i) },
            Slot::Debt(i) => ColumnKind::Debt { asset: asset(i) },
            Slot::Flat(i) => tier(i, None),
            Slot::Tier(i, class) => tier(i, Some(class)),
            Slot::Unlimited(i, side) => position(instrument(i), side, None, None),
            Slot::Null(class) => ColumnKind::Null { class },
            Slot::Limit(i) => {
                let limit = &snapshot.limits()[i as usize];
                position(instrument(limit.instrument), limit.side, Some(limit.class), Some(limit.limit.to_string()))
            }
        }
    }

    /// What an account holds, by slot.
    fn slots(&self, snapshot: &Snapshot, account: u32) -> Vec<(Slot, u64)> {
        let mut held: BTreeMap<Slot, u64> = BTreeMap::new();
        let class = snapshot.class(account);
        let collateral = if self.rules.is_some() { snapshot.collateral_of(account) } else { Vec::new() };
        for holding in snapshot.holdings_of(account) {
            held.insert(Slot::Debt(holding.asset), holding.debt);
            let mut rest = holding.equity;
            for own in collateral.iter().filter(|c| c.asset == holding.asset) {
                let mut amount = own.amount;
                for (tier, width) in self.tables.get(&(own.asset, own.kind)).into_iter().flatten() {
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

    /// What an account holds, by column.
    pub fn split(&self, snapshot: &Snapshot, account: u32) -> Split {
        let mut split = Split::default();
        for (slot, quantity) in self.slots(snapshot, account) {
            let (column, cap) = self.places[&slot];
            if slot.is_capped() {
                // `check` refuses positions above their limit; a forced one gives a proof that verifies nowhere
                split.capped.push(CappedEntry { column, quantity, slack: cap.saturating_sub(quantity) });
            } else {
                split.open.push(Entry { column, quantity });
            }
        }
        split.open.sort_by_key(|e| e.column);
        split.capped.sort_by_key(|e| e.column);
        split
    }

    /// Pages that an account with these entries takes in `shape`.
    pub fn pages(shape: &Shape, split: &Split) -> usize {
        let capped = if shape.capped > 0 { split.capped.len().div_ceil(shape.capped) } else { 0 };
        split.open.len().div_ceil(shape.entries()).max(capped).max(1)
    }

    /// The unused capped entry of a class.
    pub fn unused(&self, class: u8) -> CappedEntry {
        CappedEntry::unused(self.places.get(&Slot::Null(class)).map_or(OPEN_COLUMNS, |(index, _)| *index))
    }

    /// The columns with their totals, ascending.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What is proved of the ledger.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Columns that the fold takes in: all of them, or none in the solvency family.
    pub fn fed_columns(&self) -> usize {
        match self.family {
            Family::Solvency => 0,
            Family::Compliance => self.columns.len(),
        }
    }

    /// Instruments and classes, and results of 0; absent in the solvency family.
    pub fn rules(&self) -> Option<&RuleClaims> {
        self.rules.as_ref()
    }

    /// Derives the weights from the public numbers of `draft`.
    ///
    /// # Errors
    /// [`AttestError::Core`] for an asset that is held and has no price, or a price too large to compute with.
    pub fn weigh(&mut self, draft: &Statement) -> Result<(), AttestError> {
        if self.family == Family::Compliance {
            for column in &self.columns {
                self.weights.insert(column.index, draft.weights(&column.kind)?);
            }
        }
        Ok(())
    }

    /// What an account is worth, by measure; zeros in the solvency family.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] for an account whose value leaves 96 bits; the caller says whose.
    pub fn measures(&self, split: &Split) -> Result<[i128; MEASURES], AttestError> {
        let mut measures = [0i128; MEASURES];
        let open = split.open.iter().map(|e| (e.column, e.quantity));
        for (column, quantity) in open.chain(split.capped.iter().map(|e| (e.column, e.quantity))) {
            let Some(weights) = self.weights.get(&column) else { continue };
            for (measure, weight) in measures.iter_mut().zip(weights) {
                let sum = weight.checked_mul(i128::from(quantity)).and_then(|term| measure.checked_add(term));
                *measure = sum.ok_or_else(too_large)?;
            }
        }
        if measures.iter().any(|m| m.unsigned_abs() >> MEASURE_BITS != 0) {
            return Err(too_large());
        }
        Ok(measures)
    }
}

fn too_large() -> AttestError {
    AttestError::NotValid(format!("its value does not fit {MEASURE_BITS} bits of 10^-12 of the quote currency"))
}

/// Sums of the measures over all accounts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Results([(u128, u128, u64); MEASURES]);

impl Results {
    /// With one more account.
    #[must_use]
    pub fn with(mut self, measures: &[i128; MEASURES]) -> Self {
        for ((positive, negative, below), measure) in self.0.iter_mut().zip(measures) {
            // below 2^32 accounts of less than 2^96 each
            *if *measure < 0 { negative } else { positive } += measure.unsigned_abs();
            *below += u64::from(*measure < 0);
        }
        self
    }

    /// Of two parts of the ledger.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = (own.0 + other.0, own.1 + other.1, own.2 + other.2);
        }
        self
    }

    /// As the statement gives them.
    pub fn claims(&self) -> Vec<MeasureResult> {
        let claim = |(name, (positive, negative, below)): (&str, &(u128, u128, u64))| MeasureResult {
            measure: name.to_owned(),
            positive: positive.to_string(),
            negative: negative.to_string(),
            below: *below,
        };
        MEASURE_NAMES.into_iter().zip(&self.0).map(claim).collect()
    }
}

/// Widths in smallest units, rounded down: less good collateral, against the exchange.
fn tables(snapshot: &Snapshot) -> BTreeMap<(u16, u8), Table> {
    let mut tables: BTreeMap<(u16, u8), Table> = BTreeMap::new();
    for (i, tier) in snapshot.tiers().iter().enumerate() {
        let asset = &snapshot.assets()[usize::from(tier.asset)];
        let width = tier.to.zip(asset.price).map(|(to, price)| {
            let ten = |n: u8| BigUint::from(10u8).pow(u32::from(n));
            // (to − from) · 10^scale / price over a common denominator
            let scale = to.scale.max(tier.from.scale);
            let units = |d: crate::ledger::Decimal| BigUint::from(d.units) * ten(scale - d.scale);
            let value = units(to) - units(tier.from);
            let numerator = value * ten(asset.scale) * ten(price.scale);
            let denominator = BigUint::from(price.units) * ten(scale);
            u64::try_from(numerator / denominator).unwrap_or(u64::MAX)
        });
        tables.entry((tier.asset, tier.kind)).or_default().push((i as u32, width));
    }
    tables
}

/// Instruments and classes as the statement lists them: those of the ledger's files, those of its accounts, and class 0,
/// which padding has.
fn claims(snapshot: &Snapshot) -> RuleClaims {
    let class = |class| Class { class, name: String::new(), kyc_level: String::new(), jurisdiction: String::new() };
    let mut classes: BTreeMap<u8, Class> = [(0, class(0))].into();
    for account in 0..snapshot.account_count() as u32 {
        let own = snapshot.class(account);
        classes.entry(own).or_insert_with(|| class(own));
    }
    // a limit of a class that nobody is in is listed as well
    for limit in snapshot.limits() {
        classes.entry(limit.class).or_insert_with(|| class(limit.class));
    }
    for info in snapshot.classes() {
        let (name, kyc_level, jurisdiction) = (info.name.clone(), info.kyc_level.clone(), info.jurisdiction.clone());
        classes.insert(info.class, Class { class: info.class, name, kyc_level, jurisdiction });
    }
    let instrument = |i: &crate::ledger::Instrument| Instrument {
        symbol: i.symbol.clone(),
        contract_size: i.contract_size.to_string(),
        mark_price: i.mark_price.to_string(),
        maintenance_margin_bps: u32::from(i.maintenance_margin_bps),
    };
    RuleClaims {
        instruments: snapshot.instruments().iter().map(instrument).collect(),
        classes: classes.into_values().collect(),
        results: Results::default().claims(),
        private: None,
    }
}
