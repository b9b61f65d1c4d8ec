//! The exact integers that the circuit computes with, derived from what a statement claims. A statement carries no weight
//! and no digest of the book: whoever verifies derives both from the public numbers, so they cannot disagree.

use std::collections::{HashMap, HashSet};

use assay_core::{Error, decimal::parse_shortest, field::F};
use num_bigint::BigUint;

use super::{
    claims::{ColumnKind, Instrument, MEASURE_DECIMALS},
    types::{Asset, Column, Statement},
};
use crate::ledger::{
    book::{BookColumn, book_digest},
    shape::MEASURES,
};

/// How a quotient that is no whole number is rounded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    Down,
    Up,
}

/// Π factors · bps / 10^4 / 10^scale in units of 10^-12, as a whole number.
fn value(factors: &[&str], bps: u32, scale: u32, round: Round) -> Result<i128, Error> {
    let mut digits = BigUint::from(bps) * BigUint::from(10u8).pow(u32::from(MEASURE_DECIMALS));
    let mut decimals = 4 + scale;
    for factor in factors {
        let (own, behind) = parse_shortest(factor)?;
        digits *= own;
        decimals += behind;
    }
    let unit = BigUint::from(10u8).pow(decimals);
    let up = if round == Round::Up { &unit - BigUint::from(1u8) } else { BigUint::ZERO };
    let quotient = (digits + up) / unit;
    i128::try_from(quotient)
        .map_err(|_| Error::OutOfBounds(format!("the value of {} is too large to compute with", factors.join(" · "))))
}

/// Derives weights: what they depend on, looked up in one pass over the statement however many columns there are.
pub struct Weigher<'a> {
    assets: HashMap<&'a str, &'a Asset>,
    /// Assets of which there is something.
    held: HashSet<&'a str>,
    instruments: HashMap<&'a str, &'a Instrument>,
}

impl Weigher<'_> {
    /// What one smallest unit of a column adds to each measure, in 10^-12 of the quote currency. Always rounded towards
    /// −∞, against the exchange: what a customer has counts less, what a customer owes or must cover counts more.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an unlisted asset or instrument, or an asset without a price of which there is something;
    /// [`Error::OutOfBounds`] from 2^127 on.
    pub fn weights(&self, kind: &ColumnKind) -> Result<[i128; MEASURES], Error> {
        const ALL: u32 = 10_000;
        if let Some(instrument) = kind.instrument() {
            let listed = self.instruments.get(instrument);
            let i = listed.ok_or_else(|| Error::Malformed(format!("instrument {instrument} is not listed")))?;
            let must = value(&[&i.contract_size, &i.mark_price], i.maintenance_margin_bps, 0, Round::Up)?;
            // gains and losses are settled in balances, so a position adds nothing to equity
            return Ok([0, -must]);
        }
        let Some(symbol) = kind.asset() else {
            return Ok([0; MEASURES]);
        };
        let asset = self.assets.get(symbol);
        let asset = asset.ok_or_else(|| Error::Malformed(format!("asset {symbol} is not listed")))?;
        let Some(price) = asset.price.as_deref() else {
            if !self.held.contains(symbol) {
                return Ok([0; MEASURES]);
            }
            return Err(Error::Malformed(format!("asset {symbol} is held and has no price")));
        };
        let worth = |bps, round| value(&[price], bps, u32::from(asset.scale), round);
        Ok(match kind {
            ColumnKind::Debt { .. } => {
                let owed = worth(ALL, Round::Up)?;
                [-owed, -owed]
            }
            ColumnKind::Collateral { percent_bps, .. } => [worth(ALL, Round::Down)?, worth(*percent_bps, Round::Down)?],
            _ => [worth(ALL, Round::Down)?, 0],
        })
    }
}

impl Statement {
    /// What the weights of all columns are derived with.
    pub fn weigher(&self) -> Weigher<'_> {
        let held = self.columns.iter().filter(|c| c.total != "0").filter_map(|c| c.kind.asset());
        let instruments = self.rules.iter().flat_map(|rules| &rules.instruments);
        Weigher {
            assets: self.assets.iter().map(|asset| (asset.symbol.as_str(), asset)).collect(),
            held: held.collect(),
            instruments: instruments.map(|instrument| (instrument.symbol.as_str(), instrument)).collect(),
        }
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
