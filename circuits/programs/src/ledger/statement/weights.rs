//! The exact integers that the circuit computes with, derived from what a statement claims. A statement carries no weight
//! and no digest of the book: whoever verifies derives both from the public numbers, so they cannot disagree.

use std::collections::{HashMap, HashSet};

use assay_core::{
    Error,
    decimal::parse_shortest,
    field::F,
    text::visible,
    worth::{VALUE_DECIMALS, Worth},
};
use num_bigint::BigUint;

use super::{
    claims::{ColumnKind, Instrument, RuleClaims},
    types::{Asset, Column, Statement},
};
use crate::ledger::{
    book::{BookColumn, book_digest},
    shape::MEASURES,
};

/// A weight of `kind` as a number to compute with.
fn weight(kind: &ColumnKind, value: BigUint) -> Result<i128, Error> {
    i128::try_from(value).map_err(|_| {
        let of = kind.asset().or(kind.instrument()).unwrap_or_default();
        Error::OutOfBounds(format!("the value of {} is too large to compute with", visible(of)))
    })
}

/// Derives weights: what they depend on, looked up in one pass over the statement however many columns there are.
pub struct Weigher<'a> {
    assets: HashMap<&'a str, &'a Asset>,
    /// Assets of which there is something.
    held: HashSet<&'a str>,
    instruments: HashMap<&'a str, &'a Instrument>,
    decimals: u8,
}

impl Weigher<'_> {
    /// What one smallest unit of a column adds to each measure, in [`Statement::value_decimals`] of the quote currency. Always rounded
    /// towards −∞, against the exchange: what a customer has counts less, what a customer owes or must cover counts more.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an unlisted asset or instrument, or an asset without a price of which there is something;
    /// [`Error::OutOfBounds`] from 2^127 on.
    pub fn weights(&self, kind: &ColumnKind) -> Result<[i128; MEASURES], Error> {
        let weight = |value| weight(kind, value);
        Ok(match (kind, &self.worth(kind)?[..]) {
            // gains and losses are settled in balances, so a position adds nothing to equity
            (ColumnKind::Long { .. } | ColumnKind::Short { .. }, [margin]) => [0, -weight(margin.up())?],
            (ColumnKind::Debt { .. }, [owed]) => [-weight(owed.up())?; MEASURES],
            (ColumnKind::Collateral { .. }, [value, counted]) => [weight(value.down())?, weight(counted.down())?],
            (_, [value]) => [weight(value.down())?, 0],
            _ => [0; MEASURES],
        })
    }

    /// What one smallest unit of a column, or one contract, is worth; of collateral also the part that counts. Nothing for what has no
    /// worth, and for an asset without a price of which there is nothing.
    fn worth(&self, kind: &ColumnKind) -> Result<Vec<Worth>, Error> {
        if let Some(instrument) = kind.instrument() {
            let listed = self.instruments.get(instrument);
            let i = listed.ok_or_else(|| Error::Malformed(format!("instrument {instrument} is not listed")))?;
            let factors = [parse_shortest(&i.contract_size)?, parse_shortest(&i.mark_price)?];
            return Ok(vec![Worth::new(&factors, i.maintenance_margin_bps, 0, self.decimals)]);
        }
        let Some(symbol) = kind.asset() else {
            return Ok(Vec::new());
        };
        let asset = self.assets.get(symbol);
        let asset = asset.ok_or_else(|| Error::Malformed(format!("asset {symbol} is not listed")))?;
        let Some(price) = asset.price.as_deref() else {
            if !self.held.contains(symbol) {
                return Ok(Vec::new());
            }
            return Err(Error::Malformed(format!("asset {symbol} is held and has no price")));
        };
        let price = [parse_shortest(price)?];
        let worth = |bps| Worth::new(&price, bps, u32::from(asset.scale), self.decimals);
        Ok(match kind {
            ColumnKind::Collateral { percent_bps, .. } => vec![worth(10_000), worth(*percent_bps)],
            _ => vec![worth(10_000)],
        })
    }
}

impl RuleClaims {
    /// Decimals of the quote currency that accounts are valued in.
    pub fn decimals(&self) -> u8 {
        self.value_decimals.unwrap_or(*VALUE_DECIMALS.start())
    }
}

impl Statement {
    /// Decimals of the quote currency that accounts are valued in.
    pub fn value_decimals(&self) -> u8 {
        self.rules.as_ref().map_or(*VALUE_DECIMALS.start(), RuleClaims::decimals)
    }

    /// What the weights of all columns are derived with.
    pub fn weigher(&self) -> Weigher<'_> {
        let held = self.columns.iter().filter(|c| c.total != "0").filter_map(|c| c.kind.asset());
        let instruments = self.rules.iter().flat_map(|rules| &rules.instruments);
        Weigher {
            assets: self.assets.iter().map(|asset| (asset.symbol.as_str(), asset)).collect(),
            held: held.collect(),
            instruments: instruments.map(|instrument| (instrument.symbol.as_str(), instrument)).collect(),
            decimals: self.value_decimals(),
        }
    }

    /// The first column of which there is something and whose weights rounding changes by more than a ten-thousandth part.
    ///
    /// # Errors
    /// Those of [`Weigher::weights`].
    pub(super) fn imprecise_column(&self) -> Result<Option<&Column>, Error> {
        let weigher = self.weigher();
        for column in self.columns.iter().filter(|column| column.total != "0") {
            if !weigher.worth(&column.kind)?.iter().all(Worth::is_precise) {
                return Ok(Some(column));
            }
        }
        Ok(None)
    }

    /// The columns as the circuit takes them in, in order; empty in the solvency family.
    ///
    /// # Errors
    /// Those of [`Weigher::weights`].
    pub fn book(&self) -> Result<Vec<BookColumn>, Error> {
        if self.rules.is_none() {
            return Ok(Vec::new());
        }
        let weigher = self.weigher();
        let column = |c: &Column| {
            let (class, cap) = c.kind.cap()?.unwrap_or_default();
            Ok(BookColumn { index: c.index, class, cap, weights: weigher.weights(&c.kind)? })
        };
        self.columns.iter().map(column).collect()
    }

    /// The end of the BOOK chain: the digest of columns, limits and weights.
    ///
    /// # Errors
    /// Those of [`Weigher::weights`].
    pub fn book_digest(&self) -> Result<F, Error> {
        Ok(book_digest(&self.book()?))
    }

    /// The columns that limit positions, and the sentence's subject: class, instrument, side, contracts.
    pub fn limits(&self) -> Vec<(u8, &str, &'static str, u64)> {
        let limit = |c: &'_ Column| c.kind.cap().ok().flatten();
        self.columns
            .iter()
            .filter_map(|c| {
                let side = match c.kind {
                    ColumnKind::Long { .. } => "long",
                    ColumnKind::Short { .. } => "short",
                    _ => return None,
                };
                let (class, cap) = limit(c)?;
                Some((class, c.kind.instrument()?, side, cap))
            })
            .collect()
    }
}
