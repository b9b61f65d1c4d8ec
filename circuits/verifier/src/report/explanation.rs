//! A statement in plain English.

use assay_core::{
    decimal::{format_units, parse_count, percent},
    field::to_hex,
    text::visible,
};
use assay_programs::ledger::statement::{CoverageBasis, Statement};

use super::attestation::evidence_line;

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
            "The exchange commits to a ledger of customer accounts with {}. The totals of {} assets are the exact \
             sums over all accounts in this ledger. No balance is negative, none is counted twice, and none is left out.",
            match &statement.shards[..] {
                [shard] => format!("the root {}", shard.root),
                shards => format!("{} roots, one for each part of the accounts", shards.len()),
            },
            statement.assets.len()
        ),
    ];
    match statement.policy.coverage_bps {
        Some(bps) => lines.push(format!(
            "The exchange states reserves of at least {} of what it owes its customers{}, for each asset. It commits to \
             the {} lines of its reserves file with the root {}.",
            percent(u128::from(bps)),
            match statement.policy.coverage_basis {
                Some(CoverageBasis::Net) => ", minus what they owe it",
                _ => "",
            },
            statement.reserves.lines,
            statement.reserves.root
        )),
        None => lines.push("The statement contains no reserves. It is about what the exchange owes, not about what it holds.".to_owned()),
    }
    lines.extend(evidence_line(statement));
    lines.extend(statement.policy.owned_bps.map(|bps| {
        format!(
            "The policy requires that of the reserves of each asset at least {} are proven owned.",
            percent(u128::from(bps))
        )
    }));
    lines.extend(rule_lines(statement));
    lines.push(
        "A customer with an inclusion file can check that their own balances are part of these totals. The file shows \
         nothing about another customer."
            .to_owned(),
    );
    lines.push(String::new());
    lines.push("NOT proven:".to_owned());
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
            "Every position of an account in class {}{name} is within its limit, and in one of these instruments:",
            class.class
        ));
        let limit = |(_, instrument, side, cap): &&(u8, &str, &str, u64)| {
            format!("  {} {side}: {cap} contracts", visible(instrument))
        };
        lines.extend(own.iter().map(limit));
    }
    if let Ok(digest) = statement.book_digest() {
        lines.push(format!(
            "Digest of the book (all columns with their limits, classes and weights): {}.",
            to_hex(&digest)
        ));
    }
    if let [equity, margin] = rules.results.as_slice() {
        let amount = |units: &str| format_units(parse_count(units).unwrap_or(0), statement.value_decimals());
        lines.push(format!(
            "Every account is valued by the public prices, rounded against the exchange. Equity: {} {quote} in accounts with \
             positive equity, and minus {} {quote} in {} accounts with negative equity. Margin: {} accounts are below their \
             required margin, by {} {quote} in total.",
            amount(&equity.positive),
            amount(&equity.negative),
            equity.below,
            margin.below,
            amount(&margin.negative)
        ));
    }
    if let (Some(most), Some(bps)) = (statement.policy.below_margin_max, statement.policy.equity_ratio_bps) {
        lines.push(format!(
            "The policy allows {most} accounts below their margin and requires positive equity of at least {} of negative equity.",
            percent(u128::from(bps))
        ));
    }
    lines
}
