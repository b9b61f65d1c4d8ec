//! What was found, as lines for a person.

use assay_core::{check::Check, decimal::{format_signed, format_units, parse_count, percent}};
use assay_programs::{disclosure::{claim::Claim, file::DisclosureReport}, ledger::{inclusion::{Holding, HoldingKind, InclusionReport}, policy::AssetLine, report::Report, shape::Shape, statement::{CoverageBasis, Statement}}, purpose::Purpose};

/// `units` smallest units as a decimal number of whole ones, in its shortest form.
pub fn amount(units: u128, scale: u8) -> String {
    let digits = format!("{units:0>width$}", width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Text from a file that anybody may have written, as one visible line: control characters, invisible ones and those that
/// change the direction of writing are spelled out, so that no file can print a verdict of its own.
pub fn visible(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut line = String::new();
    for (i, c) in text.chars().enumerate() {
        match c {
            _ if i == LONGEST => {
                line.push('…');
                break;
            }
            '"' | '\'' | '\\' => line.push(c),
            _ => line.extend(c.escape_debug()),
        }
    }
    line
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
                format!("{mark} {} ({})", c.title, visible(&c.detail))
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
        [visible(&a.symbol), assets, debts, net, reserves, coverage]
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
    let Some(statement) = &report.statement else {
        return "NOT VALID: nothing is proved.".to_owned();
    };
    if !report.is_valid() {
        return "NOT VALID: the totals are proved, but a check above does not hold.".to_owned();
    }
    let verdict = match statement.get().policy.coverage_bps {
        None => "VALID: the totals are proved. No reserves are stated, so nothing is said about coverage.".to_owned(),
        Some(bps) if bps < 10_000 => format!(
            "VALID: the totals are proved. Only {} of them had to be covered by the stated reserves; see the table.",
            percent(u128::from(bps))
        ),
        Some(_) => "VALID: the totals are proved and the stated reserves cover them.".to_owned(),
    };
    if is_test_shape(statement.get()) {
        return format!("{verdict} (A shape for tests: no release accepts it.)");
    }
    verdict
}

fn is_test_shape(statement: &Statement) -> bool {
    Shape::named(&statement.shape).is_ok_and(|s| s.purpose == Use::TestsOnly)
}

/// What a customer holds, as lines.
pub fn holding_lines(holdings: &[Holding]) -> Vec<String> {
    let width = holdings.iter().map(|h| h.asset.chars().count()).max().unwrap_or(0);
    holdings
        .iter()
        .map(|h| {
            let owed = match h.kind {
                HoldingKind::Asset => String::new(),
                HoldingKind::Debt => "  (you owe)".to_owned(),
                HoldingKind::Long | HoldingKind::Short => {
                    let side = if h.kind == HoldingKind::Long { "long" } else { "short" };
                    let limit = h.limit.map_or_else(String::new, |limit| format!(", limit {limit}"));
                    format!("  contracts {side}{limit}")
                }
            };
            let asset = visible(&h.asset);
            let pad = " ".repeat(width.saturating_sub(asset.chars().count()));
            format!("{asset}{pad}  {}{owed}", amount(h.units, h.scale))
        })
        .collect()
}

/// A report on a customer's inclusion for a person, with that on the attestation where it was verified. The last line
/// says what the whole is worth.
pub fn inclusion_lines(attestation: Option<&Report>, report: &InclusionReport) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(attestation) = attestation {
        lines.extend(attestation_lines(attestation));
        lines.push(String::new());
    }
    lines.extend(check_lines(&report.checks));
    lines.push(String::new());
    if report.is_valid() {
        let account = visible(&report.account);
        if report.holdings.is_empty() {
            lines.push(format!("Account {account} is included, with no balances."));
        } else {
            lines.push(format!(
                "Account {account} is included with exactly these balances. Compare them with what you hold, and the \
                 reference with your own:"
            ));
            lines.extend(holding_lines(&report.holdings).into_iter().map(|l| format!("  {l}")));
        }
        if let Some([equity, margin]) = report.measures {
            let quote = visible(&report.quote);
            lines.push(format!(
                "By the public prices and weights this account is worth {} {quote}, and its collateral exceeds what it must \
                 cover by {} {quote}.",
                signed_quote_amount(equity),
                signed_quote_amount(margin)
            ));
        }
    } else {
        lines.push("NOT INCLUDED: this file does not show that the account is in the attestation.".to_owned());
    }
    match attestation {
        None => lines.extend([
            String::new(),
            "NOT VERIFIED: the attestation itself. Its proof was skipped, so its totals are only a claim here."
                .to_owned(),
        ]),
        Some(attestation) if !attestation.is_valid() => lines.extend([
            String::new(),
            "NOT VALID: whatever the file shows, the attestation itself does not hold.".to_owned(),
        ]),
        Some(_) => {}
    }
    lines
}

/// A report on a disclosure for a person, with those on the attestations it speaks of. The last line says what the whole is
/// worth.
pub fn disclosure_lines(attestations: &[Report], report: &DisclosureReport) -> Vec<String> {
    let mut lines = Vec::new();
    for attestation in attestations {
        lines.extend(check_lines(&attestation.checks));
        lines.push(String::new());
    }
    lines.extend(check_lines(&report.checks));
    lines.push(String::new());
    let Some(claim) = &report.claim else {
        lines.push("NOT SHOWN: this file proves nothing about these attestations.".to_owned());
        return lines;
    };
    if !attestations.iter().all(Report::is_valid) {
        lines.push("NOT VALID: whatever the file shows, an attestation that it speaks of does not hold.".to_owned());
        return lines;
    }
    lines.push(format!(
        "Made for: {}",
        if claim.context.is_empty() { "nobody in particular".into() } else { visible(&claim.context) }
    ));
    for (attested, report) in claim.attestations.iter().zip(ordered(claim, attestations)) {
        let Some(statement) = report.and_then(|r| r.statement.as_ref()) else {
            continue;
        };
        let who = match &attested.account {
            Some(account) => format!("account {}", visible(&account.reference)),
            None => "an account that is not named".to_owned(),
        };
        let (exchange, snapshot) = (&statement.get().exchange, &statement.get().snapshot);
        lines.push(format!(
            "  {who} of {} ({}) at {}",
            visible(&exchange.name),
            visible(&exchange.domain),
            visible(&snapshot.taken_at)
        ));
    }
    let (many, measure) = (claim.attestations.len() > 1, claim.measure.replace('_', " "));
    let article = if measure == "equity" { "an" } else { "a" };
    lines.push(format!(
        "VALID: {} {article} {measure} of at least {} {}{}.",
        if many { "these accounts have together" } else { "this account has" },
        claim.at_least,
        visible(&claim.quote),
        if many { " (that they belong to one person is not proved)" } else { "" }
    ));
    lines
}

/// The reports in the order of the claim.
fn ordered<'a>(claim: &'a Claim, reports: &'a [Report]) -> impl Iterator<Item = Option<&'a Report>> {
    let digest = |r: &Report| r.statement.as_ref().and_then(|s| s.get().to_bytes().ok()).map(|b| Statement::digest(&b));
    claim.attestations.iter().map(move |attested| {
        reports.iter().find(|r| digest(r).is_some_and(|d| hex::encode(d) == attested.statement_digest))
    })
}

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
            assay_core::field::to_hex(&digest)
        ));
    }
    if let [equity, margin] = rules.results.as_slice() {
        let amount = |units: &str| quote_amount(parse_units(units).unwrap_or(0));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cannot_print_a_verdict_of_its_own() {
        let hostile = "alice\n\nVALID\u{1b}[8m\u{202e}\u{200b}";
        let line = visible(hostile);
        assert!(
            !line.chars().any(|c| c.is_control()) && !line.contains('\u{202e}') && !line.contains('\u{200b}'),
            "{line}"
        );
        assert_eq!(visible("Börse \"Zürich\" 用户"), "Börse \"Zürich\" 用户");
        assert_eq!(visible(&"x".repeat(1000)).chars().count(), 401);
        let check = Check { id: "x", title: "title".to_owned(), passed: false, detail: hostile.to_owned() };
        assert_eq!(check_lines(&[check]).join("").lines().count(), 1);
    }

    #[test]
    fn amounts_are_in_shortest_form() {
        assert_eq!(amount(0, 8), "0");
        assert_eq!(amount(100_000_000, 8), "1");
        assert_eq!(amount(5, 8), "0.00000005");
        assert_eq!(amount(u128::MAX, 0), u128::MAX.to_string());
    }
}
