//! A statement in plain English.

use assay_core::{
    decimal::{format_units, parse_count, percent},
    field::to_hex,
    text::visible,
};
use assay_programs::ledger::statement::{CoverageBasis, MEASURE_DECIMALS, Statement};

/// The statement in plain English, with what it does not prove.
pub fn explanation(statement: &Statement) -> Vec<String> {
    let exchange = &statement.exchange;
    let mut lines = vec![
        format!(
            "{} ({}) states for {}, snapshot {}:",
            visible(&exchange.name),
            visible(&exchange.domain),
            statement.snapshot.taken_at,
            visible(&statement.snapshot.id)
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
            "It says that it holds reserves of at least {} of what it owes its customers{}, asset by asset; the {} lines \
             of its reserves file are committed to by {}.",
            percent(u128::from(bps)),
            match statement.policy.coverage_basis {
                Some(CoverageBasis::Net) => ", less what they owe it,",
                _ => "",
            },
            statement.reserves.lines,
            statement.reserves.root
        )),
        None => lines.push("It states no reserves: this is about what it owes, not about what it holds.".to_owned()),
    }
    lines.extend(rule_lines(statement));
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

/// Limits, measures and policy in plain English; nothing in the solvency family.
fn rule_lines(statement: &Statement) -> Vec<String> {
    let Some(rules) = &statement.rules else {
        return Vec::new();
    };
    let quote = visible(statement.assets.first().map_or("", |a| a.quote.as_str()));
    let mut lines = Vec::new();
    let limits = statement.limits();
    for class in &rules.classes {
        let own: Vec<_> = limits.iter().filter(|(of, ..)| *of == class.class).collect();
        if own.is_empty() {
            continue;
        }
        let name = if class.name.is_empty() { String::new() } else { format!(" ({})", visible(&class.name)) };
        lines.push(format!(
            "Every position of every account in class {}{name} is at most its limit, and in no other instrument:",
            class.class
        ));
        let limit = |(_, instrument, side, cap): &&(u8, &str, &str, u64)| {
            format!("  {} {side}: {cap} contracts", visible(instrument))
        };
        lines.extend(own.iter().map(limit));
    }
    if let Ok(digest) = statement.book_digest() {
        lines.push(format!(
            "The book, that is every column with its limit, class and weights, has the digest {}.",
            to_hex(&digest)
        ));
    }
    if let [equity, margin] = rules.results.as_slice() {
        let amount = |units: &str| format_units(parse_count(units).unwrap_or(0), MEASURE_DECIMALS);
        lines.push(format!(
            "Every account was valued by the public prices, rounded against the exchange. Equity: {} {quote} of all accounts \
             that are worth something, less {} {quote} of the {} that owe more than they have. Margin: {} accounts have less \
             collateral than they must, by {} {quote} in all.",
            amount(&equity.positive),
            amount(&equity.negative),
            equity.below,
            margin.below,
            amount(&margin.negative)
        ));
    }
    if let (Some(most), Some(bps)) = (statement.policy.below_margin_max, statement.policy.equity_ratio_bps) {
        lines.push(format!(
            "Its policy allows {most} accounts below their margin, and asks that positive equity be at least {} of negative.",
            percent(u128::from(bps))
        ));
    }
    lines
}
