//! Values that a ledger with rules must keep to: the proof counts the value of an account in 10^-12 of the quote currency, in 96 bits.

use super::accounts::Accounts;
use super::assets::Asset;
use super::balances::Balances;
use super::finding::{Finding, Findings};
use super::instruments::Instrument;
use super::per_account::PerAccount;
use super::positions::Position;
use assay_core::decimal::{Decimal, MAX_SCALE, format_units};
use assay_core::text::shown;
use num_bigint::BigUint;

/// Decimals of a value.
pub const VALUE_DECIMALS: u8 = 12;
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
    pub(crate) positions: &'a PerAccount<Position>,
}

/// Reports every price with which one unit is worth too much, and every account whose holdings, debts or margins are. What an account
/// owns and what it owes are bounded each, so that their difference is.
pub(crate) fn report_too_large(valued: &Valued<'_>, findings: &mut Findings) {
    let before = findings.total;
    let most = BigUint::from(1u8) << VALUE_BITS;
    let text = format_units(1 << VALUE_BITS, VALUE_DECIMALS);
    let units: Vec<BigUint> =
        valued.assets.iter().map(|a| a.price.map_or(BigUint::ZERO, |p| rounded_up(p, a.scale))).collect();
    for (place, (asset, unit)) in valued.assets.iter().zip(&units).enumerate() {
        if *unit >= most
            && let Some(price) = asset.price
        {
            let reason = format!(
                "{} price {price} is too large: the smallest unit of 10^-{} must be worth less than {text}",
                asset.symbol, asset.scale
            );
            findings.add(valued.assets_file, Some(place as u64 + 2), reason);
        }
    }
    let margins: Vec<BigUint> = valued.instruments.iter().map(margin).collect();
    for (place, (instrument, margin)) in valued.instruments.iter().zip(&margins).enumerate() {
        if *margin >= most {
            let reason = format!("{}: the margin of one contract must be less than {text}", instrument.symbol);
            findings.add(valued.instruments_file, Some(place as u64 + 2), reason);
        }
    }
    if findings.total > before {
        return;
    }
    // each is below 2^96 now
    let small = |values: &[BigUint]| values.iter().map(|v| u128::try_from(v).unwrap_or(u128::MAX)).collect::<Vec<_>>();
    let (units, margins) = (small(&units), small(&margins));
    let add = |sum: u128, unit: u128, quantity: u64| sum.saturating_add(unit.saturating_mul(u128::from(quantity)));
    for account in 0..valued.accounts.len() as u32 {
        let (mut owned, mut owed) = (0u128, 0u128);
        for holding in valued.balances.of(account) {
            let unit = units[usize::from(holding.asset)];
            owned = add(owned, unit, holding.equity);
            owed = add(owed, unit, holding.debt);
        }
        for position in valued.positions.of(account) {
            owed = add(owed, margins[usize::from(position.instrument)], position.contracts);
        }
        for (word, value) in [("owns", owned), ("owes or must cover", owed)] {
            if value >> VALUE_BITS != 0 {
                findings.add(
                    valued.accounts_file,
                    valued.accounts.line_of(account),
                    format_args!(
                        "account {} {word} more than can be valued: it must be worth less than {text}",
                        shown(valued.accounts.get(account))
                    ),
                );
            }
        }
    }
}

/// Assets that are named in a warning.
const NAMED: usize = 5;

/// A warning of prices with which a smallest unit is worth too little to be counted well: the proof counts it in whole 10^-12 of
/// the quote currency, down where customers hold it and up where they owe it.
pub(crate) fn imprecise_weights(assets: &[Asset], file: &str) -> Option<Finding> {
    let off = |asset: &&Asset| {
        asset.price.is_some_and(|price| {
            let (up, exact, unit) = unit_value(price, asset.scale);
            // rounding moves it by less than one; more than a ten-thousandth of it is too much
            &exact % &unit != BigUint::ZERO && up <= BigUint::from(10_000u32)
        })
    };
    let off: Vec<&Asset> = assets.iter().filter(off).collect();
    let worst = off.iter().min_by_key(|asset| asset.price.map(|price| unit_value(price, asset.scale).0))?;
    let names: Vec<&str> = off.iter().take(NAMED).map(|asset| asset.symbol.as_str()).collect();
    let more = off.len().checked_sub(NAMED).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
    let up = worst.price.map_or(BigUint::ZERO, |price| rounded_up(price, worst.scale));
    let down = &up - BigUint::from(1u8);
    let reason = format!(
        "the values of these assets are rounded by more than 0.01 %: {}{more}. Accounts are valued in 10^-{VALUE_DECIMALS} of the quote \
         currency; the smallest unit of {}, 10^-{}, counts {down} of these where it is held and {up} where it is owed. With fewer decimals \
         in {file} it is valued more exactly",
        names.join(", "),
        worst.symbol,
        worst.scale,
    );
    Some(Finding { file: file.to_owned(), line: None, reason })
}

/// Value of one smallest unit in 10^-12, rounded up.
fn rounded_up(price: Decimal, scale: u8) -> BigUint {
    unit_value(price, scale).0
}

/// Value of one smallest unit in 10^-12: rounded up, and as numerator and denominator.
fn unit_value(price: Decimal, scale: u8) -> (BigUint, BigUint, BigUint) {
    let up = 10u128.pow(u32::from(MAX_SCALE - price.scale));
    let down = BigUint::from(10u8).pow(u32::from(MAX_SCALE + scale - VALUE_DECIMALS));
    let value = BigUint::from(price.units) * up;
    ((&value + &down - BigUint::from(1u8)) / &down, value, down)
}

/// Maintenance margin of one contract in 10^-12, rounded up.
fn margin(instrument: &Instrument) -> BigUint {
    let Instrument { contract_size: size, mark_price: price, .. } = instrument;
    let digits = BigUint::from(size.units) * price.units * instrument.maintenance_margin_bps;
    let behind = u32::from(size.scale) + u32::from(price.scale) + 4;
    let value = digits * BigUint::from(10u8).pow(u32::from(VALUE_DECIMALS));
    let unit = BigUint::from(10u8).pow(behind);
    (value + &unit - BigUint::from(1u8)) / unit
}
