//! Draws the holdings of a sample account.

use std::collections::BTreeMap;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::RngCore;

use super::super::assets::Asset;
use super::super::holding::AssetTotals;

/// Cents to units of an asset, rounded down, and at most what 64 bits hold.
fn units_worth(cents: u128, asset: &Asset) -> u128 {
    asset.price.map_or(0, |price| {
        let scaled = cents * 10u128.pow(u32::from(asset.scale) + u32::from(price.scale)) / (100 * price.units);
        scaled.min(u128::from(u64::MAX))
    })
}

/// Units of an asset to cents, rounded down.
pub(super) fn cents_of(units: u128, asset: &Asset) -> u128 {
    asset
        .price
        .map_or(0, |price| units * price.units * 100 / 10u128.pow(u32::from(asset.scale) + u32::from(price.scale)))
}

/// Chance, and what is drawn with it.
pub(super) struct Draw(pub(super) ChaCha12Rng);

impl Draw {
    /// A number below `end`. The bias of the remainder is below 2^-40 for the small numbers used here.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    /// What one account holds and owes, by asset; the totals are kept.
    pub(super) fn portfolio(&mut self, book: &[Asset], totals: &mut [AssetTotals]) -> BTreeMap<usize, AssetTotals> {
        let count = match self.below(100) {
            0..80 => 1 + self.below(5),
            80..95 => 6 + self.below(10),
            95..99 => 16 + self.below(25),
            _ => 41 + self.below(book.len() as u64 - 40),
        };
        let mut held: BTreeMap<usize, AssetTotals> = BTreeMap::new();
        let mut cents = 0;
        for _ in 0..count {
            let mut asset = self.popular(book.len());
            while held.contains_key(&asset) {
                asset = (asset + 1) % book.len();
            }
            let magnitude = 1u64 << (7 + self.below(19));
            let worth = magnitude + self.below(magnitude);
            // A balance of nothing would be no holding.
            let equity = units_worth(worth.into(), &book[asset]).max(1);
            cents += cents_of(equity, &book[asset]);
            totals[asset].equity += equity;
            held.insert(asset, AssetTotals { equity, debt: 0 });
        }
        if self.below(10) == 0 {
            let asset = self.popular(book.len());
            let debt = units_worth(cents * u128::from(5 + self.below(56)) / 100, &book[asset]);
            if debt > 0 && totals[asset].debt + debt <= totals[asset].equity {
                totals[asset].debt += debt;
                held.entry(asset).or_default().debt = debt;
            }
        }
        held
    }

    /// An asset, the first ones far more often than the last.
    fn popular(&mut self, assets: usize) -> usize {
        let (a, b, c) = (self.below(1 << 16), self.below(1 << 16), self.below(1 << 16));
        let skewed = ((a * b) >> 16) * c; // below 2^32
        ((skewed * assets as u64) >> 32) as usize
    }
}
