//! Classes, futures with limits and collateral tables of a sample.

use std::collections::BTreeMap;

use super::super::assets::Asset;
use super::super::holding::AssetTotals;
use super::super::writer::{SnapshotWriter, WriteError};
use super::draw::{Draw, cents_of};
use assay_core::decimal::{Decimal, parse_decimal};

/// Class, name, level of knowledge, jurisdiction.
const CLASSES: [[&str; 4]; 2] = [["1", "retail", "standard", "EU"], ["2", "institutional", "enhanced", "EU"]];

/// Symbol, contract size, mark price, maintenance margin in hundredths of a percent; limits of retail and institutional.
const FUTURES: [([&str; 4], [u64; 2]); 6] = [
    (["BTC-PERP", "0.001", "96521.5", "400"], [2_000, 20_000]),
    (["ETH-PERP", "0.01", "3301.25", "500"], [5_000, 50_000]),
    (["SOL-PERP", "0.1", "235.52", "1000"], [4_000, 40_000]),
    (["XRP-PERP", "10", "1.4207", "1000"], [6_000, 60_000]),
    (["DOGE-PERP", "100", "0.39225", "1500"], [1_500, 15_000]),
    (["BTC-QUARTER", "0.01", "97140", "500"], [500, 5_000]),
];

/// Steps of a collateral table: up to this many USDT (`None`: without end) this percentage counts.
type Steps = &'static [(Option<u32>, u8)];

const LARGE: Steps = &[(Some(200_000), 100), (Some(500_000), 95), (Some(2_000_000), 85), (None, 50)];
const SMALL: Steps = &[(Some(50_000), 95), (Some(150_000), 80), (Some(500_000), 50)];

/// Assets that are collateral; all others are not.
const TIERS: [(&str, Steps); 10] = [
    ("BTC", LARGE),
    ("ETH", LARGE),
    ("USDT", &[(None, 100)]),
    ("BNB", LARGE),
    ("USDC", &[(None, 100)]),
    ("SOL", SMALL),
    ("XRP", SMALL),
    ("DOGE", SMALL),
    ("ADA", &[(None, 75)]),
    ("TRX", &[(None, 60)]),
];

/// Draws positions, and takes debts away that the collateral does not cover.
pub(super) struct Rules {
    draw: Draw,
    /// Value of one contract of each future in millionths of a cent.
    notionals: Vec<u128>,
    /// The table of each asset of the book.
    tables: Vec<Steps>,
}

impl Rules {
    /// Writes everything that is the same in every sample.
    pub(super) fn write(draw: Draw, book: &[Asset], writer: &mut SnapshotWriter) -> Result<Self, WriteError> {
        for class in &CLASSES {
            writer.class(class)?;
        }
        for (future, limits) in &FUTURES {
            writer.instrument(future)?;
            for (class, limit) in CLASSES.iter().zip(limits) {
                writer.limit(&[future[0], class[0], "both", &limit.to_string()])?;
            }
        }
        for (symbol, steps) in TIERS {
            let mut from = 0;
            for (to, percent) in steps {
                let end = to.map(|to| to.to_string()).unwrap_or_default();
                writer.tier(&[symbol, &from.to_string(), &end, &percent.to_string()])?;
                from = to.unwrap_or(from);
            }
        }
        let table =
            |asset: &Asset| TIERS.iter().find(|(symbol, _)| *symbol == asset.symbol).map_or(&[][..], |(_, s)| s);
        Ok(Self {
            draw,
            notionals: FUTURES.iter().map(|([_, size, price, _], _)| notional(size, price)).collect(),
            tables: book.iter().map(table).collect(),
        })
    }

    /// The class with rules of an account that has this class without rules: retail or institutional.
    pub(super) fn class(class: u8) -> u8 {
        class.max(1)
    }

    /// Takes the account's debts away where its collateral is worth less.
    pub(super) fn cover_debts(
        &self,
        book: &[Asset],
        held: &mut BTreeMap<usize, AssetTotals>,
        totals: &mut [AssetTotals],
    ) {
        if owed(book, held) > self.secured(book, held) {
            for (asset, of) in held.iter_mut() {
                totals[*asset].debt -= std::mem::take(&mut of.debt);
            }
            held.retain(|_, of| of.equity > 0);
        }
    }

    /// What its collateral is worth, in cents, rounded down.
    fn secured(&self, book: &[Asset], held: &BTreeMap<usize, AssetTotals>) -> u128 {
        held.iter().map(|(asset, of)| counted(self.tables[*asset], cents_of(of.equity, &book[*asset]))).sum()
    }

    /// Every third account, if it has collateral to spare, has one or two positions: each within its limit, and together of at most twice the
    /// value of its collateral beyond its debts, a small part of which is the margin they need.
    pub(super) fn write_positions(
        &mut self,
        writer: &mut SnapshotWriter,
        account: &str,
        class: u8,
        book: &[Asset],
        held: &BTreeMap<usize, AssetTotals>,
    ) -> Result<(), WriteError> {
        if self.draw.below(3) != 0 {
            return Ok(());
        }
        let net = self.secured(book, held).saturating_sub(owed(book, held));
        let (first, both) = (self.draw.below(FUTURES.len() as u64) as usize, self.draw.below(4) == 0);
        let second = (first + 1) % FUTURES.len();
        for future in [Some(first), both.then_some(second)].into_iter().flatten() {
            let ([symbol, ..], limits) = &FUTURES[future];
            let affordable = u64::try_from(net * 1_000_000 / self.notionals[future]).unwrap_or(u64::MAX);
            let most = affordable.min(limits[usize::from(class == 2)]);
            let sign = if self.draw.below(2) == 0 { "" } else { "-" };
            if most > 0 {
                let contracts = 1 + self.draw.below(most);
                writer.position(&[account, symbol, &format!("{sign}{contracts}")])?;
            }
        }
        Ok(())
    }
}

/// What an account owes, in cents, rounded up.
fn owed(book: &[Asset], held: &BTreeMap<usize, AssetTotals>) -> u128 {
    held.iter().map(|(asset, of)| cents_of(of.debt, &book[*asset]) + u128::from(of.debt > 0)).sum()
}

/// Value of one contract in millionths of a cent, rounded up.
fn notional(size: &str, price: &str) -> u128 {
    let read = |text: &str| -> Decimal { parse_decimal(text).expect("the table's numbers are read by a test") };
    let (size, price) = (read(size), read(price));
    (size.units * price.units * 100_000_000).div_ceil(10u128.pow(u32::from(size.scale + price.scale)))
}

/// What of a value in cents counts by the table, rounded down.
fn counted(steps: Steps, cents: u128) -> u128 {
    let (mut from, mut sum) = (0, 0);
    for (to, percent) in steps {
        let end = to.map_or(cents, |to| cents.min(u128::from(to) * 100));
        sum += end.saturating_sub(from) * u128::from(*percent);
        from = end;
    }
    sum / 100
}
