//! A report on a customer's inclusion.

use assay_core::{
    decimal::{format_signed, format_units},
    text::visible,
};
use assay_programs::ledger::inclusion::{Holding, HoldingKind, InclusionReport, OwnClass, OwnLimit};

use super::{attestation::attestation_lines, checks::check_lines, later::later_lines};
use crate::attested::Attested;

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
            format!("{asset}{pad}  {}{owed}", format_units(h.units, h.scale))
        })
        .collect()
}

/// A report on a customer's inclusion for a person, with that on the attestation. The last line says what the whole is worth, and who
/// signed the statement.
pub fn inclusion_lines(attestation: &Attested, report: &InclusionReport) -> Vec<String> {
    let mut lines = match attestation {
        Attested::Proved(report) => [attestation_lines(report), vec![String::new()]].concat(),
        Attested::Unproved { checks, .. } => check_lines(checks),
    };
    lines.extend(check_lines(&report.checks));
    lines.push(String::new());
    if report.is_valid() {
        lines.extend(account_lines(report));
        lines.push(String::new());
    }
    lines.extend(report.statement.iter().map(|statement| visible(&statement.to_string())));
    if let Attested::Unproved { log, later, .. } = attestation {
        lines.extend(later_lines(later));
        lines.push(log.to_string());
    }
    let verdict = match (attestation, attestation.holds()) {
        _ if !report.is_valid() => "NOT INCLUDED: this file does not show that the account is in the attestation.",
        (_, false) => "NOT VALID: the attestation is not valid, so this file shows nothing.",
        (Attested::Unproved { .. }, true) => {
            "NOT VERIFIED: the attestation itself. Its proof was not verified, so nothing shows that its totals are true."
        }
        (Attested::Proved(_), true) => "VALID: the account is included in a valid attestation.",
    };
    let signature = attestation.signature();
    lines.push(format!("{verdict} {signature}"));
    lines
}

/// What the account holds, is worth, and is held to.
fn account_lines(report: &InclusionReport) -> Vec<String> {
    let mut lines = Vec::new();
    let account = visible(&report.account);
    if report.holdings.is_empty() {
        lines.push(format!("Account {account} is included, with no balances."));
    } else {
        lines.push(format!(
            "Account {account} is included with exactly these balances. Compare them with your own, and the account \
             reference too:"
        ));
        lines.extend(holding_lines(&report.holdings).into_iter().map(|l| format!("  {l}")));
    }
    lines.extend(report.class.iter().flat_map(class_lines));
    if let Some([equity, margin]) = report.measures {
        let quote = visible(&report.quote);
        lines.push(format!(
            "By the public prices and weights, the equity of this account is {} {quote} and its margin excess is {} \
             {quote}.",
            format_signed(equity, report.value_decimals),
            format_signed(margin, report.value_decimals)
        ));
    }
    lines
}

/// Most limits of a class that are printed.
const PRINTED_LIMITS: usize = 20;

fn class_lines(class: &OwnClass) -> Vec<String> {
    let texts = [&class.name, &class.kyc_level, &class.jurisdiction];
    let texts: Vec<_> = texts.into_iter().filter(|text| !text.is_empty()).map(|text| visible(text)).collect();
    let texts = if texts.is_empty() { String::new() } else { format!(" ({})", texts.join(", ")) };
    let limits = if class.limits.is_empty() { "." } else { ". Its position limits:" };
    let mut lines = vec![format!("It is in customer class {}{texts}{limits}", class.class)];
    let limit =
        |limit: &OwnLimit| format!("  {} {}: {} contracts", visible(&limit.instrument), limit.side, limit.limit);
    lines.extend(class.limits.iter().take(PRINTED_LIMITS).map(limit));
    if let Some(more) = class.limits.len().checked_sub(PRINTED_LIMITS).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more; the statement lists them all"));
    }
    lines
}
