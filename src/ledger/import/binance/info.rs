//! The info file that is published with the shards (`cex_assets_info.csv`). Each token has a price and up to three collateral tables
//! such as `[0-10000:100,10000-20000:90]`: 100 % of the value from 0 to 10,000 USDT counts, and 90 % of the next 10,000. A table that
//! ends at 2^64 − 1 has no end, and an empty text means no table. Prices in the shards take precedence.

use std::collections::HashMap;

use crate::ledger::finding::{Environment, Findings};
use crate::ledger::limits::Limits;
use crate::ledger::lines::Table;
use crate::ledger::source::Source;
use crate::ledger::tiers::{Ladder, parse_percent};
use crate::progress::{Progress, Silent};
use assay_core::decimal::{Decimal, parse_decimal, parse_quantity};
use assay_core::text::{fold, name_defect, shown};

/// The two headers under which it is published.
const HEADERS: [&[&str]; 2] = [
    &["symbol", "usdt_price", "loan_tiers_ratio", "margin_tiers_ratio", "portfolio_tiers_ratio"],
    &[
        "token",
        "asset_usdt_price",
        "collateral_vip_loan_ratio_tiers",
        "collateral_margin_ratio_tiers",
        "collateral_portfolio_margin_ratio_tiers",
    ],
];

/// The kinds of collateral, in the order of the columns here and in the shards.
pub(super) const KINDS: [&str; 3] = ["vip_loan", "margin", "portfolio_margin"];
/// Kind that is used for all collateral if a shard does not distinguish kinds.
pub(super) const MARGIN: usize = 1;

/// One tier of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Value in USDT at which the tier begins.
    pub(super) from: u64,
    /// Value at which the tier ends, if it does.
    pub(super) to: Option<u64>,
    pub(super) percent_bps: u16,
}

/// Tables of one token, by kind; empty if it has none.
pub(super) type Tables = [Vec<Step>; 3];

/// What the file says of one token.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) price: Decimal,
    pub(super) tables: Tables,
}

/// Whether the header is that of this file.
pub(super) fn is_info(source: &Source, line_bytes: usize, limits: &Limits) -> Result<bool, Environment> {
    let mut table = Table::open(source, line_bytes, limits, &Silent)?;
    // errors are reported when the whole file is read
    let first = table.next(&mut Findings::new(0))?;
    Ok(first == Some(1) && HEADERS.iter().any(|header| table.fields().iter().eq(header.iter().copied())))
}

/// Reads all tokens, by symbol in upper case.
pub(super) fn read(
    source: &Source,
    line_bytes: usize,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<HashMap<String, Token>, Environment> {
    let mut table = Table::open(source, line_bytes, limits, progress)?;
    let mut tokens = HashMap::new();
    let mut first_line_of: HashMap<String, u64> = HashMap::new();
    table.allow_unterminated();
    if table.expect_one_header(&HEADERS, findings)?.is_none() {
        return Ok(tokens);
    }
    while let Some(line) = table.next(findings)? {
        let fields = table.fields();
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        let symbol = fields.get(0).to_uppercase();
        if let Some(defect) = name_defect(&symbol, 64) {
            add(format!("token {} {defect}", shown(fields.get(0))));
            continue;
        }
        let first = *first_line_of.entry(fold(&symbol).into_owned()).or_insert(line);
        if first != line {
            add(format!("token {symbol} is in line {first} already"));
        }
        let price = parse_decimal(fields.get(1)).unwrap_or_else(|error| {
            add(format!("{symbol} price {} {error}", shown(fields.get(1))));
            // a placeholder: with a finding, nothing is written
            Decimal { units: 0, scale: 0 }
        });
        let mut kind = 0..;
        let tables = KINDS.map(|name| {
            let text = fields.get(2 + kind.next().unwrap_or(0));
            parse_table(text).unwrap_or_else(|reason| {
                add(format!("{symbol} {name} table: {reason}"));
                Vec::new()
            })
        });
        tokens.insert(symbol, Token { price, tables });
    }
    Ok(tokens)
}

fn parse_table(text: &str) -> Result<Vec<Step>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let malformed = || format!("{} is not of the form [0-10000:100,10000-20000:90]", shown(text));
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or_else(malformed)?;
    let mut ladder = Ladder::default();
    let mut steps = Vec::new();
    for step in inside.split(',') {
        let step = step.strip_prefix(' ').unwrap_or(step);
        let (range, percent) = step.split_once(':').ok_or_else(malformed)?;
        let (from, to) = range.split_once('-').ok_or_else(malformed)?;
        let read = |text: &str| parse_quantity(text, 0).map_err(|error| format!("{} {error}", shown(text)));
        let (from, to) = (read(from)?, Some(read(to)?).filter(|to| *to != u64::MAX));
        let percent_bps = parse_percent(percent)?;
        let whole = |value: u64| Decimal { units: value.into(), scale: 0 };
        ladder.step(whole(from), to.map(whole), percent_bps).map_err(|reason| format!("tier {step} {reason}"))?;
        steps.push(Step { from, to, percent_bps });
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_table_is_read_with_and_without_an_end() {
        let step = |from, to, percent_bps| Step { from, to, percent_bps };
        let bounded = parse_table("[0-10000:100, 10000-20000:90,20000-30000:0.5]").unwrap();
        assert_eq!(
            bounded,
            [step(0, Some(10_000), 10_000), step(10_000, Some(20_000), 9000), step(20_000, Some(30_000), 50)]
        );
        assert_eq!(parse_table("[0-18446744073709551615:0]").unwrap(), [step(0, None, 0)]);
        assert_eq!(parse_table("").unwrap(), []);
    }

    #[test]
    fn l11_a_table_that_is_none_is_refused() {
        for (text, reason) in [
            ("[]", "\"[]\" is not of the form [0-10000:100,10000-20000:90]"),
            ("0-1:100", "\"0-1:100\" is not of the form [0-10000:100,10000-20000:90]"),
            ("[0-1]", "\"[0-1]\" is not of the form [0-10000:100,10000-20000:90]"),
            ("[0-1:101]", "percent \"101\" is above 100"),
            ("[0--1:100]", "\"-1\" is negative"),
            ("[1-2:100]", "tier 1-2:100 begins at 1, the first tier must begin at 0"),
            ("[0-1:90,2-3:80]", "tier 2-3:80 begins at 2 and leaves a gap: the tier before ends at 1"),
            ("[0-2:90,1-3:80]", "tier 1-3:80 begins at 1 and overlaps: the tier before ends at 2"),
            ("[0-1:90,1-3:95]", "tier 1-3:95 counts 95 percent, more than 90 before it"),
            ("[0-18446744073709551615:90,5-6:80]", "tier 5-6:80 follows a tier without an end"),
            ("[0-0:90]", "tier 0-0:90 ends at 0, which is not above 0, where it begins"),
        ] {
            assert_eq!(parse_table(text).unwrap_err(), reason);
        }
    }
}
