//! What a statement claims beside totals: the kinds of columns, instruments, classes, and the results of the measures; and
//! the exact integers that the circuit computes with, derived from them. A statement carries no weight and no digest of
//! the book: whoever verifies derives both from the public numbers, so they cannot disagree.

use std::collections::BTreeSet;

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

use crate::{
    book::{BookColumn, book_digest},
    error::Error,
    field::{F, from_hex},
    shape::{MEASURES, OPEN_COLUMNS},
    statement::{Asset, CoverageBasis, Statement, is_decimal, is_name, parse_units},
};

/// The measures, in order: what an account is worth, and by how much its collateral exceeds what it must cover.
pub const MEASURE_NAMES: [&str; MEASURES] = ["equity", "margin_excess"];
/// Measures are counted in units of 10^-12 of the quote currency.
pub const MEASURE_DECIMALS: u32 = 12;

/// What holding a column means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ColumnKind {
    /// The exchange owes it to the customer; it counts in equity, and in the margin not at all.
    Asset {
        /// Symbol.
        asset: String,
    },
    /// The customer owes it to the exchange.
    Debt {
        /// Symbol.
        asset: String,
    },
    /// The exchange owes it to the customer, and a part of its value is collateral.
    Collateral {
        /// Symbol.
        asset: String,
        /// Collateral table, where the exchange has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// Part of its value that counts in the margin, in hundredths of a percent.
        percent_bps: u32,
        /// Class whose tier it is; absent for an unlimited one, which is anybody's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<u8>,
        /// Width of the tier in smallest units.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<String>,
    },
    /// Contracts bought.
    Long {
        /// Symbol of the instrument.
        instrument: String,
        /// Class whose limit it is; absent where the exchange sets no limits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<u8>,
        /// The position limit in contracts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<String>,
    },
    /// Contracts sold.
    Short {
        /// Symbol of the instrument.
        instrument: String,
        /// As for [`ColumnKind::Long`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<u8>,
        /// As for [`ColumnKind::Long`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<String>,
    },
    /// Nothing: where unused capped entries of a class point.
    Null {
        /// The class.
        class: u8,
    },
}

impl ColumnKind {
    /// Symbol of the asset, if it is about one.
    pub fn asset(&self) -> Option<&str> {
        match self {
            Self::Asset { asset } | Self::Debt { asset } | Self::Collateral { asset, .. } => Some(asset),
            _ => None,
        }
    }

    /// Symbol of the instrument, if it is about one.
    pub fn instrument(&self) -> Option<&str> {
        match self {
            Self::Long { instrument, .. } | Self::Short { instrument, .. } => Some(instrument),
            _ => None,
        }
    }

    /// Whether the exchange owes it to the customer.
    pub fn is_owed(&self) -> bool {
        matches!(self, Self::Asset { .. } | Self::Collateral { .. })
    }

    /// Class and cap of a capped column.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there is only one of the two, or the cap is no 64-bit number.
    pub fn cap(&self) -> Result<Option<(u8, u64)>, Error> {
        let (class, cap) = match self {
            Self::Asset { .. } | Self::Debt { .. } => return Ok(None),
            Self::Null { class } => return Ok(Some((*class, 0))),
            Self::Collateral { class, cap, .. } | Self::Long { class, cap, .. } | Self::Short { class, cap, .. } => {
                (class, cap)
            }
        };
        match (class, cap) {
            (None, None) => Ok(None),
            (Some(class), Some(cap)) => {
                let units = u64::try_from(parse_units(cap)?);
                let units = units.map_err(|_| Error::Malformed(format!("a cap of {cap} does not fit 64 bits")))?;
                Ok(Some((*class, units)))
            }
            _ => Err(Error::Malformed("a capped column has a class and a cap".to_owned())),
        }
    }
}

/// What the compliance family claims beside totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleClaims {
    /// What positions are in.
    pub instruments: Vec<Instrument>,
    /// The classes, ascending.
    pub classes: Vec<Class>,
    /// One for each of [`MEASURE_NAMES`], in order.
    pub results: Vec<MeasureResult>,
    /// End of the PRIVATE chain, 64 hexadecimal digits; absent only in the bytes that the first challenge is drawn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<String>,
}

/// One instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// Symbol, unique.
    pub symbol: String,
    /// Units of the underlying in a contract, a decimal.
    pub contract_size: String,
    /// Price of a unit in the quote currency, a decimal.
    pub mark_price: String,
    /// Maintenance margin as a share of the notional value, in hundredths of a percent.
    pub maintenance_margin_bps: u32,
}

/// One class of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its number.
    pub class: u8,
    /// What it is called; empty where the exchange does not say.
    pub name: String,
    /// Level of identification; may be empty.
    pub kyc_level: String,
    /// Jurisdiction; may be empty.
    pub jurisdiction: String,
}

/// A measure over all accounts, in 10^-12 of the quote currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureResult {
    /// One of [`MEASURE_NAMES`].
    pub measure: String,
    /// Sum over the accounts where it is not negative.
    pub positive: String,
    /// Sum of the magnitudes over those where it is.
    pub negative: String,
    /// Number of the latter.
    pub below: u64,
}

/// A decimal in shortest form as digits and the number of them behind the point.
fn decimal(text: &str) -> Result<(BigUint, u32), Error> {
    let malformed = || Error::Malformed(format!("`{text}` is not a decimal in its shortest form"));
    if !is_decimal(text) {
        return Err(malformed());
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = BigUint::parse_bytes(format!("{whole}{fraction}").as_bytes(), 10).ok_or_else(malformed)?;
    Ok((digits, fraction.len() as u32))
}

/// How a quotient that is no whole number is rounded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    Down,
    Up,
}

/// Π factors · bps / 10^4 / 10^scale in units of 10^-12, as a whole number.
fn value(factors: &[&str], bps: u32, scale: u32, round: Round) -> Result<i128, Error> {
    let mut digits = BigUint::from(bps) * BigUint::from(10u8).pow(MEASURE_DECIMALS);
    let mut decimals = 4 + scale;
    for factor in factors {
        let (own, behind) = decimal(factor)?;
        digits *= own;
        decimals += behind;
    }
    let unit = BigUint::from(10u8).pow(decimals);
    let up = if round == Round::Up { &unit - BigUint::from(1u8) } else { BigUint::ZERO };
    let quotient = (digits + up) / unit;
    i128::try_from(quotient)
        .map_err(|_| Error::OutOfBounds(format!("the value of {} is too large to compute with", factors.join(" · "))))
}

impl Statement {
    /// What one smallest unit of a column adds to each measure, in 10^-12 of the quote currency. Always rounded towards
    /// −∞, against the exchange: what a customer has counts less, what a customer owes or must cover counts more.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an unlisted asset or instrument, or an asset without a price of which there is something;
    /// [`Error::OutOfBounds`] from 2^127 on.
    pub fn weights(&self, kind: &ColumnKind) -> Result<[i128; MEASURES], Error> {
        const ALL: u32 = 10_000;
        if let Some(instrument) = kind.instrument() {
            let listed = self.rules.iter().flat_map(|r| &r.instruments).find(|i| i.symbol == instrument);
            let i = listed.ok_or_else(|| Error::Malformed(format!("instrument {instrument} is not listed")))?;
            let must = value(&[&i.contract_size, &i.mark_price], i.maintenance_margin_bps, 0, Round::Up)?;
            // gains and losses are settled in balances, so a position adds nothing to equity
            return Ok([0, -must]);
        }
        let Some(symbol) = kind.asset() else {
            return Ok([0; MEASURES]);
        };
        let asset = self.assets.iter().find(|a| a.symbol == symbol);
        let asset = asset.ok_or_else(|| Error::Malformed(format!("asset {symbol} is not listed")))?;
        let Some(price) = asset.price.as_deref() else {
            if self.customer_assets(symbol) + self.debts(symbol) == 0 {
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

    /// The columns as the circuit takes them in, in order; empty in the solvency family.
    ///
    /// # Errors
    /// Those of [`Statement::weights`].
    pub fn book(&self) -> Result<Vec<BookColumn>, Error> {
        if self.rules.is_none() {
            return Ok(Vec::new());
        }
        let column = |c: &crate::statement::Column| {
            let (class, cap) = c.kind.cap()?.unwrap_or_default();
            Ok(BookColumn { index: c.index, class, cap, weights: self.weights(&c.kind)? })
        };
        self.columns.iter().map(column).collect()
    }

    /// The end of the BOOK chain: the digest of columns, limits and weights.
    ///
    /// # Errors
    /// Those of [`Statement::weights`].
    pub fn book_digest(&self) -> Result<F, Error> {
        Ok(book_digest(&self.book()?))
    }

    /// The columns that limit positions, and the sentence's subject: class, instrument, side, contracts.
    pub fn limits(&self) -> Vec<(u8, &str, &'static str, u64)> {
        let limit = |c: &'_ crate::statement::Column| c.kind.cap().ok().flatten();
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

    pub(crate) fn validate_rules(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Malformed(format!("the statement is refused: {reason}")));
        let policy = &self.policy;
        let complete = [policy.below_margin_max.is_some(), policy.equity_ratio_bps.is_some()];
        if complete != [self.rules.is_some(); 2] {
            return refuse("it has a policy on margin and equity exactly if it has rules".to_owned());
        }
        if policy.coverage_basis == Some(CoverageBasis::Net) && policy.below_margin_max != Some(0) {
            return refuse("coverage is net of debts only where no account may be below its margin".to_owned());
        }
        if policy.coverage_basis.is_some() && policy.coverage_bps.is_none() {
            return refuse("it says what coverage is compared with, and has no policy on coverage".to_owned());
        }
        let Some(rules) = &self.rules else {
            return Ok(());
        };
        if policy.below_margin_max.is_some_and(|n| n > (1 << 53) - 1) {
            return refuse("an integer above 2^53 − 1".to_owned());
        }
        if self.assets.iter().any(|a: &Asset| a.quote != self.assets[0].quote) {
            return refuse("its prices are in more than one currency".to_owned());
        }
        let mut symbols = BTreeSet::new();
        for instrument in &rules.instruments {
            if !is_name(&instrument.symbol) || !symbols.insert(instrument.symbol.as_str()) {
                return refuse(format!("instrument {} has no usable symbol, or is listed twice", instrument.symbol));
            }
            decimal(&instrument.contract_size)?;
            decimal(&instrument.mark_price)?;
            if instrument.maintenance_margin_bps > 10_000 {
                return refuse(format!("the maintenance margin of {} is above 100 %", instrument.symbol));
            }
        }
        if rules.classes.windows(2).any(|w| w[0].class >= w[1].class) {
            return refuse("its classes are not listed in ascending order, each once".to_owned());
        }
        let text = |t: &str| t.is_empty() || is_name(t);
        if rules.classes.iter().any(|c| !text(&c.name) || !text(&c.kyc_level) || !text(&c.jurisdiction)) {
            return refuse("a class with a text that is not 1 to 64 visible bytes".to_owned());
        }
        if !rules.results.iter().map(|r| r.measure.as_str()).eq(MEASURE_NAMES) {
            return refuse("its results are not those of this protocol's measures".to_owned());
        }
        for result in &rules.results {
            parse_units(&result.positive)?;
            parse_units(&result.negative)?;
            if result.below > (1 << 53) - 1 {
                return refuse("an integer above 2^53 − 1".to_owned());
            }
        }
        if let Some(private) = &rules.private {
            from_hex(private)?;
        }
        self.validate_capped(rules)?;
        self.book().map(|_| ())
    }

    /// Every class has one null column, that of class 0 is the first capped one, since padding points there; and no account
    /// has two columns to hold one position in.
    fn validate_capped(&self, rules: &RuleClaims) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Malformed(format!("the statement is refused: {reason}")));
        let (mut nulls, mut positions, mut unlimited) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for column in &self.columns {
            let capped = column.kind.cap()?;
            if capped.is_some_and(|(class, _)| !rules.classes.iter().any(|c| c.class == class)) {
                return refuse(format!("column {} is of an unlisted class", column.index));
            }
            match &column.kind {
                ColumnKind::Null { class } => {
                    if (column.index == OPEN_COLUMNS) != (*class == 0) || !nulls.insert(*class) {
                        return refuse(format!("column {} is not the null column of its class", column.index));
                    }
                }
                ColumnKind::Collateral { percent_bps, table, .. } => {
                    if *percent_bps > 10_000 || table.as_ref().is_some_and(|t| !is_name(t)) {
                        return refuse(format!("column {} counts for more than its value", column.index));
                    }
                }
                ColumnKind::Long { instrument, .. } | ColumnKind::Short { instrument, .. } => {
                    let side = (instrument, matches!(column.kind, ColumnKind::Long { .. }));
                    let fresh = match capped {
                        Some((class, _)) => positions.insert((side, class)),
                        None => unlimited.insert(side),
                    };
                    if !fresh {
                        return refuse(format!(
                            "column {} is a second one for positions in {instrument}",
                            column.index
                        ));
                    }
                }
                ColumnKind::Asset { .. } | ColumnKind::Debt { .. } => {}
            }
        }
        if positions.iter().any(|(side, _)| unlimited.contains(side)) {
            return refuse("an instrument with limits has a column without one".to_owned());
        }
        if nulls.len() != rules.classes.len() || !nulls.contains(&0) {
            return refuse("every class, and class 0 in any case, has a null column".to_owned());
        }
        Ok(())
    }
}
