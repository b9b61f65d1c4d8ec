//! What the exchange says its numbers satisfy. A statement that breaks its policy is a true statement of a failure.

use std::collections::HashMap;

use assay_core::{
    check::Checks,
    decimal::{format_units, parse_count, percent},
};
use serde::Serialize;

use super::statement::{Asset, CoverageBasis, MEASURE_DECIMALS, Statement};

/// The numbers of one asset, in smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetLine {
    /// Symbol.
    pub symbol: String,
    /// Decimals of the smallest unit.
    pub scale: u8,
    /// What the exchange owes its customers.
    pub assets: u128,
    /// What its customers owe the exchange.
    pub debts: u128,
    /// What the exchange says it holds.
    pub reserves: u128,
}

impl AssetLine {
    /// Reserves over customer assets in hundredths of a percent, rounded down; nothing where nothing is owed.
    pub fn coverage_bps(&self) -> Option<u128> {
        if self.assets == 0 {
            return None;
        }
        // parse_count bounds both below 2^128; the quotient is taken first where the product would not fit
        Some(match self.reserves.checked_mul(10_000) {
            Some(product) => product / self.assets,
            None => (self.reserves / self.assets).saturating_mul(10_000),
        })
    }

    fn covered(&self, basis: CoverageBasis, bps: u32) -> bool {
        let owed = match basis {
            CoverageBasis::Gross => self.assets,
            CoverageBasis::Net => self.assets.saturating_sub(self.debts),
        };
        match (self.reserves.checked_mul(10_000), owed.checked_mul(u128::from(bps))) {
            (Some(have), Some(need)) => have >= need,
            _ => false,
        }
    }
}

/// The numbers of each asset, in the order of the book.
pub fn asset_lines(statement: &Statement) -> Vec<AssetLine> {
    // in one pass: there may be thousands of assets
    let mut sums: HashMap<&str, (u128, u128)> = HashMap::new();
    for column in &statement.columns {
        let units = parse_count(&column.total).unwrap_or(0);
        let Some(asset) = column.kind.asset() else { continue };
        let (assets, debts) = sums.entry(asset).or_default();
        let sum = if column.kind.is_owed() { assets } else { debts };
        *sum = sum.saturating_add(units);
    }
    let line = |asset: &Asset| {
        let (assets, debts) = sums.get(asset.symbol.as_str()).copied().unwrap_or_default();
        let reserves = parse_count(&asset.reserves).unwrap_or(0);
        AssetLine { symbol: asset.symbol.clone(), scale: asset.scale, assets, debts, reserves }
    };
    statement.assets.iter().map(line).collect()
}

/// What the exchange says the numbers satisfy. A statement that breaks its policy is a true statement of a failure.
pub fn policy_checks(checks: &mut Checks, assets: &[AssetLine], statement: &Statement) {
    let negative: Vec<&str> = assets.iter().filter(|a| a.debts > a.assets).map(|a| a.symbol.as_str()).collect();
    let net = if negative.is_empty() {
        Ok(format!("{} assets", assets.len()))
    } else {
        Err(format!("customers owe more than they hold of {}", negative.join(", ")))
    };
    checks.add("net", "of every asset customers hold at least what they owe", net);

    if let Some(bps) = statement.policy.coverage_bps {
        let basis = statement.policy.coverage_basis.unwrap_or(CoverageBasis::Gross);
        let short = assets.iter().filter(|a| !a.covered(basis, bps));
        let short: Vec<&str> = short.map(|a| a.symbol.as_str()).collect();
        let of = match basis {
            CoverageBasis::Gross => "customer assets",
            CoverageBasis::Net => "customer assets less what customers owe",
        };
        let title = format!("of every asset the stated reserves are at least {} of {of}", percent(u128::from(bps)));
        let outcome = if short.is_empty() {
            Ok(format!("{} assets", assets.len()))
        } else {
            Err(format!("too little of {}", short.join(", ")))
        };
        checks.add("coverage", title, outcome);
    }
    measure_policy_checks(checks, statement);
}

/// Policy on what the measures add up to.
fn measure_policy_checks(checks: &mut Checks, statement: &Statement) {
    let Some([equity, margin]) = statement.rules.as_ref().and_then(|r| r.results.first_chunk()) else {
        return;
    };
    let units = |text: &str| parse_count(text).unwrap_or(0);
    let quote = statement.assets.first().map_or("", |a| a.quote.as_str());
    if let Some(most) = statement.policy.below_margin_max {
        let title = format!("at most {most} accounts are below their maintenance margin");
        let found = format!("{} are, by {} {quote} in all", margin.below, amount(units(&margin.negative)));
        checks.add("margin", title, if margin.below <= most { Ok(found) } else { Err(found) });
    }
    if let Some(bps) = statement.policy.equity_ratio_bps {
        let (positive, negative) = (units(&equity.positive), units(&equity.negative));
        let holds = match (positive.checked_mul(10_000), negative.checked_mul(u128::from(bps))) {
            (Some(have), Some(need)) => have >= need,
            _ => false,
        };
        let title = format!("all positive equity together is at least {} of all negative", percent(u128::from(bps)));
        let found = format!("{} against {} {quote}", amount(positive), amount(negative));
        checks.add("equity", title, if holds { Ok(found) } else { Err(found) });
    }
}

/// A value in units of 10^-12 of the quote currency as a decimal.
fn amount(units: u128) -> String {
    format_units(units, MEASURE_DECIMALS)
}
