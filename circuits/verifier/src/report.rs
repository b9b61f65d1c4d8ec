//! What was found, as lines for a person.

use assay_circuits::{
    inclusion::{Holding, InclusionReport},
    statement::{ColumnKind, Statement},
    verifier::{AssetLine, Check, Report, percent},
};

/// `units` smallest units as a decimal number of whole ones, in its shortest form.
pub fn amount(units: u128, scale: u8) -> String {
    let digits = format!("{units:0>width$}", width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// One line per check.
pub fn check_lines(checks: &[Check]) -> Vec<String> {
    checks
        .iter()
        .map(|c| {
            let mark = if c.passed { '✓' } else { '✗' };
            if c.detail.is_empty() {
                format!("{mark} {}", c.title)
            } else {
                format!("{mark} {} ({})", c.title, c.detail)
            }
        })
        .collect()
}

/// The per-asset table: customer assets, debts, net, reserves, coverage.
pub fn asset_table(assets: &[AssetLine]) -> Vec<String> {
    let header = ["asset", "customer assets", "debts", "net", "reserves", "coverage"].map(str::to_owned);
    let rows = assets.iter().map(|a| {
        let net = match a.assets.checked_sub(a.debts) {
            Some(net) => amount(net, a.scale),
            None => format!("-{}", amount(a.debts - a.assets, a.scale)),
        };
        let coverage = a.coverage_bps().map_or_else(|| "–".to_owned(), percent);
        let [assets, debts, reserves] = [a.assets, a.debts, a.reserves].map(|units| amount(units, a.scale));
        [a.symbol.clone(), assets, debts, net, reserves, coverage]
    });
    let rows: Vec<[String; 6]> = std::iter::once(header).chain(rows).collect();
    let widths: [usize; 6] = std::array::from_fn(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0));
    rows.iter()
        .map(|row| {
            let mut line = format!("{:<width$}", row[0], width = widths[0]);
            for (cell, width) in row.iter().zip(widths).skip(1) {
                line.push_str("  ");
                line.push_str(&" ".repeat(width - cell.chars().count()));
                line.push_str(cell);
            }
            line
        })
        .collect()
}

/// A report on an attestation for a person.
pub fn attestation_lines(report: &Report) -> Vec<String> {
    let mut lines = check_lines(&report.checks);
    if !report.assets.is_empty() {
        lines.push(String::new());
        lines.extend(asset_table(&report.assets));
        lines.push(String::new());
    }
    lines.push(verdict(report));
    lines
}

fn verdict(report: &Report) -> String {
    match (&report.statement, report.is_valid()) {
        (Some(statement), true) if statement.get().policy.coverage_bps.is_none() => {
            "VALID: the totals are proved. No reserves are stated, so nothing is said about coverage.".to_owned()
        }
        (Some(_), true) => "VALID: the totals are proved and the stated reserves cover them.".to_owned(),
        (Some(_), false) => "NOT VALID: the totals are proved, but a check above does not hold.".to_owned(),
        (None, _) => "NOT VALID: nothing is proved.".to_owned(),
    }
}

/// What a customer holds, as lines.
pub fn holding_lines(holdings: &[Holding]) -> Vec<String> {
    let width = holdings.iter().map(|h| h.asset.chars().count()).max().unwrap_or(0);
    holdings
        .iter()
        .map(|h| {
            let owed = match h.kind {
                ColumnKind::Asset => "",
                ColumnKind::Debt => "  (you owe)",
            };
            let pad = " ".repeat(width - h.asset.chars().count());
            format!("{}{pad}  {}{owed}", h.asset, amount(h.units, h.scale))
        })
        .collect()
}

/// A report on a customer's inclusion for a person.
pub fn inclusion_lines(report: &InclusionReport) -> Vec<String> {
    let mut lines = check_lines(&report.checks);
    lines.push(String::new());
    if report.is_valid() {
        if report.holdings.is_empty() {
            lines.push("The account is included, with no balances.".to_owned());
        } else {
            lines.push(
                "The account is included with exactly these balances; compare them with what you hold:".to_owned(),
            );
            lines.extend(holding_lines(&report.holdings).into_iter().map(|l| format!("  {l}")));
        }
    } else {
        lines.push("NOT INCLUDED: this file does not show that the account is in the attestation.".to_owned());
    }
    lines
}

/// The statement in plain English, with what it does not prove.
pub fn explanation(statement: &Statement) -> Vec<String> {
    let exchange = &statement.exchange;
    let mut lines = vec![
        format!(
            "{} ({}) states for {}, snapshot {}:",
            exchange.name, exchange.domain, statement.snapshot.taken_at, statement.snapshot.id
        ),
        String::new(),
        format!(
            "It keeps a ledger of customer accounts, committed to by the root {}. Every account in it, and nothing else, \
             was added up: {} assets, each with its exact total. No balance in it is negative, none was counted twice, and \
             none was left out of the sum.",
            statement.root,
            statement.assets.len()
        ),
    ];
    match statement.policy.coverage_bps {
        Some(bps) => lines.push(format!(
            "It says that it holds reserves of at least {} of what it owes its customers, asset by asset; the {} lines \
             of its reserves file are committed to by {}.",
            percent(u128::from(bps)),
            statement.reserves.lines,
            statement.reserves.root
        )),
        None => lines.push("It states no reserves: this is about what it owes, not about what it holds.".to_owned()),
    }
    lines.push(
        "A customer with an inclusion file can check that their own balances are part of these totals; nobody learns \
         anything about another customer from it."
            .to_owned(),
    );
    lines.push(String::new());
    lines.push("It is NOT proven:".to_owned());
    lines.extend(statement.not_proven.iter().map(|n| format!("  - {n}")));
    lines
}
