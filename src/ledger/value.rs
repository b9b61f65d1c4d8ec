//! The unit that the accounts of a ledger with rules are valued in. The proof counts an account's value in 96 bits of 10^-12 to 10^-24
//! of the quote currency: fine enough that rounding changes no price by more than 0.01 %, and coarse enough for the largest account.

use super::accounts::Accounts;
use super::assets::Asset;
use super::balances::Balances;
use super::finding::Findings;
use super::instruments::Instrument;
use super::per_account::PerAccount;
use super::positions::Position;
use super::tiers::Tiers;
use assay_core::decimal::{Decimal, format_units};
use assay_core::text::shown;
use assay_core::worth::{VALUE_DECIMALS, Worth};
use num_bigint::BigUint;

/// Bits of a value.
pub const VALUE_BITS: u32 = 96;

/// What is valued.
pub(crate) struct Valued<'a> {
    pub(crate) assets: &'a [Asset],
    pub(crate) assets_file: &'a str,
    pub(crate) accounts: &'a Accounts,
    pub(crate) accounts_file: &'a str,
    pub(crate) balances: &'a Balances,
    pub(crate) instruments: &'a [Instrument],
    pub(crate) instruments_file: &'a str,
    pub(crate) tiers: &'a Tiers,
    pub(crate) positions: &'a PerAccount<Position>,
}

/// The fewest decimals of the quote currency that value everything precisely enough. Otherwise reports the prices and accounts that are
/// too large for any unit, or the prices that are too small for one in which the accounts fit.
pub(crate) fn value_decimals(valued: &Valued<'_>, findings: &mut Findings) -> u8 {
    let coarsest = *VALUE_DECIMALS.start();
    let precise = VALUE_DECIMALS.into_iter().find(|decimals| valued.imprecise(*decimals).is_empty());
    let finest = precise.unwrap_or(*VALUE_DECIMALS.end());
    let fits = |decimals: &u8| {
        let mut unsaid = Findings::new(0);
        valued.report_too_large(*decimals, &mut unsaid);
        unsaid.is_empty()
    };
    match (coarsest..=finest).rev().find(fits) {
        Some(decimals) if precise == Some(decimals) => return decimals,
        Some(decimals) => valued.report_imprecise(decimals, findings),
        None => valued.report_too_large(coarsest, findings),
    }
    coarsest
}

/// A price or a margin that rounding changes too much.
#[derive(Debug, Clone, Copy)]
enum Imprecise {
    Asset(usize),
    Instrument(usize),
}

impl Valued<'_> {
    /// What somebody holds, owes or has positions in, and what is not precise enough in units of 10^-`decimals`.
    fn imprecise(&self, decimals: u8) -> Vec<Imprecise> {
        let assets = (0..self.assets.len()).filter(|place| {
            let totals = self.balances.totals[*place];
            totals.equity + totals.debt > 0 && !self.is_precise(*place, self.assets[*place].scale, decimals)
        });
        let mut open = vec![false; self.instruments.len()];
        self.positions.rows().iter().for_each(|position| open[usize::from(position.instrument)] = true);
        let margins = self.instruments.iter().map(|instrument| margin(instrument, decimals));
        let instruments = margins.zip(open).enumerate().filter(|(_, (margin, open))| *open && !margin.is_precise());
        assets.map(Imprecise::Asset).chain(instruments.map(|(place, _)| Imprecise::Instrument(place))).collect()
    }

    /// Whether the smallest unit of an asset with this scale is, and the part of it that each of its tiers counts.
    fn is_precise(&self, place: usize, scale: u8, decimals: u8) -> bool {
        let Some(price) = self.assets[place].price else { return true };
        // sorted by asset
        let from = self.tiers.list.partition_point(|tier| usize::from(tier.asset) < place);
        let tiers = self.tiers.list[from..].iter().take_while(|tier| usize::from(tier.asset) == place);
        let mut shares = tiers.map(|tier| u32::from(tier.percent_bps)).chain([10_000]);
        shares.all(|bps| Worth::new(&[factor(price)], bps, scale.into(), decimals).is_precise())
    }

    fn report_imprecise(&self, decimals: u8, findings: &mut Findings) {
        for imprecise in self.imprecise(decimals) {
            match imprecise {
                Imprecise::Asset(place) => {
                    let asset = &self.assets[place];
                    let price = asset.price.map_or_else(String::new, |price| price.to_string());
                    let remedy = match (0..asset.scale).rev().find(|scale| self.is_precise(place, *scale, decimals)) {
                        Some(scale) => format!("a scale of {scale} or less would do"),
                        None => "name the asset in a larger unit, such as a thousand of it".to_owned(),
                    };
                    let reason = format!(
                        "{} price {price} is too small for its scale of {}: the accounts are valued in 10^-{decimals} of {}, to which the \
                         worth of its smallest unit cannot be rounded within 0.01 %; {remedy}",
                        asset.symbol, asset.scale, asset.quote
                    );
                    findings.add(self.assets_file, Some(place as u64 + 2), reason);
                }
                Imprecise::Instrument(place) => {
                    let symbol = &self.instruments[place].symbol;
                    let reason = format!(
                        "{symbol}: the margin of one contract is too small: the accounts are valued in units of 10^-{decimals}, to which it \
                         cannot be rounded within 0.01 %; count in larger contracts"
                    );
                    findings.add(self.instruments_file, Some(place as u64 + 2), reason);
                }
            }
        }
    }

    /// Reports every price with which one unit is worth too much, and every account whose holdings, debts or margins are. What an
    /// account owns and what it owes are bounded each, so that their difference is.
    fn report_too_large(&self, decimals: u8, findings: &mut Findings) {
        let before = findings.total;
        let most = BigUint::from(1u8) << VALUE_BITS;
        let text = format_units(1 << VALUE_BITS, decimals);
        let unit = |asset: &Asset| match asset.price {
            Some(price) => Worth::new(&[factor(price)], 10_000, asset.scale.into(), decimals).up(),
            None => BigUint::ZERO,
        };
        let units: Vec<BigUint> = self.assets.iter().map(unit).collect();
        for (place, (asset, unit)) in self.assets.iter().zip(&units).enumerate() {
            if *unit >= most
                && let Some(price) = asset.price
            {
                let reason = format!(
                    "{} price {price} is too large: the smallest unit of 10^-{} must be worth less than {text}",
                    asset.symbol, asset.scale
                );
                findings.add(self.assets_file, Some(place as u64 + 2), reason);
            }
        }
        let margins: Vec<BigUint> = self.instruments.iter().map(|i| margin(i, decimals).up()).collect();
        for (place, (instrument, margin)) in self.instruments.iter().zip(&margins).enumerate() {
            if *margin >= most {
                let reason = format!("{}: the margin of one contract must be less than {text}", instrument.symbol);
                findings.add(self.instruments_file, Some(place as u64 + 2), reason);
            }
        }
        if findings.total > before {
            return;
        }
        // each is below 2^96 now
        let small =
            |values: &[BigUint]| values.iter().map(|v| u128::try_from(v).unwrap_or(u128::MAX)).collect::<Vec<_>>();
        let (units, margins) = (small(&units), small(&margins));
        let add = |sum: u128, unit: u128, quantity: u64| sum.saturating_add(unit.saturating_mul(u128::from(quantity)));
        for account in 0..self.accounts.len() as u32 {
            let (mut owned, mut owed) = (0u128, 0u128);
            for holding in self.balances.of(account) {
                let unit = units[usize::from(holding.asset)];
                owned = add(owned, unit, holding.equity);
                owed = add(owed, unit, holding.debt);
            }
            for position in self.positions.of(account) {
                owed = add(owed, margins[usize::from(position.instrument)], position.contracts);
            }
            for (word, value) in [("owns", owned), ("owes or must cover", owed)] {
                if value >> VALUE_BITS != 0 {
                    findings.add(
                        self.accounts_file,
                        self.accounts.line_of(account),
                        format_args!(
                            "account {} {word} more than can be valued: it must be worth less than {text}",
                            shown(self.accounts.get(account))
                        ),
                    );
                }
            }
        }
    }
}

fn factor(decimal: Decimal) -> (BigUint, u32) {
    (decimal.units.into(), decimal.scale.into())
}

/// Maintenance margin of one contract.
fn margin(instrument: &Instrument, decimals: u8) -> Worth {
    let Instrument { contract_size, mark_price, maintenance_margin_bps, .. } = instrument;
    Worth::new(&[factor(*contract_size), factor(*mark_price)], u32::from(*maintenance_margin_bps), 0, decimals)
}
