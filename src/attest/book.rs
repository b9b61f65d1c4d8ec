//! The book of a ledger: which columns there are, and what an account's entries in them are worth.

use std::collections::BTreeMap;

use assay_core::worth::VALUE_DECIMALS;
use assay_programs::ledger::{
    page::CappedEntry,
    shape::{ALL_COLUMNS, Family, MEASURE_BITS, MEASURES, OPEN_COLUMNS},
    statement::{COVER_COLUMNS, Column, ColumnKind, RuleClaims, Statement},
};

use super::{
    error::AttestError,
    rules::claims,
    split::{Entries, Slot, Splitter, too_many_columns},
};
use crate::ledger::{Side, Snapshot};

/// The columns of a ledger with their totals, caps and weights.
pub struct Book {
    columns: Vec<Column>,
    /// Caps of the capped columns, by ascending index.
    caps: Vec<u64>,
    /// Index of each class's null column.
    nulls: BTreeMap<u8, u16>,
    family: Family,
    rules: Option<RuleClaims>,
    /// Weights by column index; [`Book::weigh`] fills them.
    weights: BTreeMap<u16, [i128; MEASURES]>,
}

impl Book {
    /// The book of the ledger, and what each account holds in its columns. Columns of assets, classes and position limits
    /// are listed even if no account uses them. `accounts` lists the ledger's account numbers in the order of the tree.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if there are more columns than indices.
    pub fn new(snapshot: &Snapshot, family: Family, accounts: &[u32]) -> Result<(Self, Entries), AttestError> {
        let splitter = Splitter::new(snapshot, family);
        let split = splitter.split(accounts)?;
        let rules = match family {
            Family::Solvency => None,
            Family::Compliance => Some(claims(snapshot)),
        };
        let mut totals: BTreeMap<Slot, u128> = BTreeMap::new();
        for i in 0..snapshot.assets().len() as u16 {
            totals.insert(Slot::Asset(i), 0);
            if family == Family::Solvency {
                totals.insert(Slot::Debt(i), 0);
            }
        }
        if let Some(rules) = &rules {
            totals.extend(rules.classes.iter().map(|class| (Slot::Null(class.class), 0)));
            totals.extend((0..snapshot.limits().len() as u32).map(|i| (Slot::Limit(i), 0)));
        }
        split.add_totals(&mut totals);
        let mut book = Self {
            family,
            columns: Vec::with_capacity(totals.len()),
            caps: Vec::new(),
            nulls: BTreeMap::new(),
            rules,
            weights: BTreeMap::new(),
        };
        let indices = book.number(&splitter, &totals)?;
        let entries = split.into_entries(|slot| indices[&slot]);
        Ok((book, entries))
    }

    /// Gives every slot its index and its column.
    fn number(
        &mut self,
        splitter: &Splitter<'_>,
        totals: &BTreeMap<Slot, u128>,
    ) -> Result<BTreeMap<Slot, u16>, AttestError> {
        let mut indices = BTreeMap::new();
        let mut next_open = 2 * splitter.snapshot().assets().len() as u32;
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
            let index = u16::try_from(index).ok().filter(|i| *i < end).ok_or_else(too_many_columns)?;
            let kind = self.kind(splitter, *slot);
            if let Some((_, cap)) = kind.cap()? {
                self.caps.push(cap);
            }
            if let Slot::Null(class) = slot {
                self.nulls.insert(*class, index);
            }
            indices.insert(*slot, index);
            self.columns.push(Column { index, kind, total: total.to_string() });
        }
        self.columns.sort_by_key(|c| c.index);
        Ok(indices)
    }

    fn kind(&self, splitter: &Splitter<'_>, slot: Slot) -> ColumnKind {
        let snapshot = splitter.snapshot();
        let asset = |i: u16| snapshot.assets()[usize::from(i)].symbol.clone();
        let instrument = |i: u16| snapshot.instruments()[usize::from(i)].symbol.clone();
        let position = |instrument, side, class, cap| match side {
            Side::Long => ColumnKind::Long { instrument, class, cap },
            Side::Short => ColumnKind::Short { instrument, class, cap },
        };
        let tier = |i: u32, class: Option<u8>| {
            let tier = &snapshot.tiers()[i as usize];
            let kinds = snapshot.collateral_kinds();
            ColumnKind::Collateral {
                asset: asset(tier.asset),
                table: (kinds.len() > 1).then(|| kinds[usize::from(tier.kind)].clone()),
                percent_bps: u32::from(tier.percent_bps),
                class,
                cap: class.and(splitter.width(i)).map(|w| w.to_string()),
            }
        };
        match slot {
            Slot::Asset(i) if self.family == Family::Compliance && snapshot.tiers().is_empty() => {
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

    /// Adds the cover columns behind all other open ones.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if there are more columns than indices.
    pub fn add_covers(&mut self) -> Result<(), AttestError> {
        let open = self.columns.partition_point(|c| c.index < OPEN_COLUMNS);
        // the even places are assets': a later reader should not take a cover for a debt
        let next = open.checked_sub(1).map_or(0, |last| self.columns[last].index + 1).next_multiple_of(2);
        if usize::from(next) + COVER_COLUMNS > usize::from(OPEN_COLUMNS) {
            return Err(too_many_columns());
        }
        let covers = (next..).take(COVER_COLUMNS);
        let covers = covers.map(|index| Column { index, kind: ColumnKind::Cover, total: "0".to_owned() });
        self.columns.splice(open..open, covers.collect::<Vec<_>>());
        Ok(())
    }

    /// States the totals of the cover columns: sums of what the covers of all shards hold. Returns the entries of each.
    pub fn cover<'a>(&mut self, covers: impl Iterator<Item = &'a [u64; COVER_COLUMNS]>) -> Vec<Vec<(u16, u64)>> {
        let columns = self.columns.iter_mut().filter(|c| c.kind == ColumnKind::Cover);
        let mut columns: Vec<(&mut Column, u128)> = columns.map(|column| (column, 0)).collect();
        let mut entries = Vec::new();
        for quantities in covers {
            let held = columns.iter_mut().zip(quantities).map(|((column, total), quantity)| {
                *total += u128::from(*quantity);
                (column.index, *quantity)
            });
            entries.push(held.filter(|(_, quantity)| *quantity > 0).collect());
        }
        columns.into_iter().for_each(|(column, total)| column.total = total.to_string());
        entries
    }

    /// The unused capped entry of a class.
    pub fn unused(&self, class: u8) -> CappedEntry {
        CappedEntry::unused(self.nulls.get(&class).copied().unwrap_or(OPEN_COLUMNS))
    }

    /// The entry of `quantity` in a capped column, with the slack up to the column's cap.
    pub fn capped(&self, column: u16, quantity: u64) -> CappedEntry {
        let cap = self.caps[usize::from(column - OPEN_COLUMNS)];
        // `check` refuses positions above their limit; the proof of one that got here would verify nowhere
        CappedEntry { column, quantity, slack: cap.saturating_sub(quantity) }
    }

    /// The columns with their totals, ascending.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What is proved of the ledger.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Number of columns that the fold takes in: all of them, or 0 in the solvency family.
    pub fn fed_columns(&self) -> usize {
        match self.family {
            Family::Solvency => 0,
            Family::Compliance => self.columns.len(),
        }
    }

    /// Instruments and classes, with all results 0; `None` in the solvency family.
    pub fn rules(&self) -> Option<&RuleClaims> {
        self.rules.as_ref()
    }

    /// Derives the weights from the public numbers of `draft`.
    ///
    /// # Errors
    /// [`AttestError::Core`] for an asset that is held and has no price, or a price too large to compute with.
    pub fn weigh(&mut self, draft: &Statement) -> Result<(), AttestError> {
        if self.family == Family::Compliance {
            let weigher = draft.weigher();
            for column in &self.columns {
                self.weights.insert(column.index, weigher.weights(&column.kind)?);
            }
        }
        Ok(())
    }

    /// The measures of an account with these entries (column, quantity), in the statement's unit of the quote currency; zeros in the
    /// solvency family.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] for a measure that does not fit 96 bits; the caller adds the account.
    pub fn measures(&self, entries: impl Iterator<Item = (u16, u64)>) -> Result<[i128; MEASURES], AttestError> {
        let mut measures = [0i128; MEASURES];
        let too_large = || self.too_large();
        for (column, quantity) in entries {
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

    fn too_large(&self) -> AttestError {
        let decimals = self.rules.as_ref().map_or(*VALUE_DECIMALS.start(), RuleClaims::decimals);
        AttestError::NotValid(format!(
            "its value does not fit {MEASURE_BITS} bits of 10^-{decimals} of the quote currency"
        ))
    }
}
