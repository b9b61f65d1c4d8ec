//! A report on a customer's inclusion.

use assay_core::{
    decimal::{format_signed, format_units},
    text::visible,
};
use assay_programs::ledger::{
    inclusion::{Holding, HoldingKind, InclusionReport},
    report::Report,
    statement::MEASURE_DECIMALS,
};

use super::{attestation::attestation_lines, checks::check_lines};

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
                "Account {account} is included with exactly these balances. Compare them with your own, and the account \
                 reference too:"
            ));
            lines.extend(holding_lines(&report.holdings).into_iter().map(|l| format!("  {l}")));
        }
        if let Some([equity, margin]) = report.measures {
            let quote = visible(&report.quote);
            lines.push(format!(
                "By the public prices and weights, the equity of this account is {} {quote} and its margin excess is {} \
                 {quote}.",
                format_signed(equity, MEASURE_DECIMALS),
                format_signed(margin, MEASURE_DECIMALS)
            ));
        }
    } else {
        lines.push("NOT INCLUDED: this file does not show that the account is in the attestation.".to_owned());
    }
    match attestation {
        None => lines.extend([
            String::new(),
            "NOT VERIFIED: the attestation itself. Its proof was skipped, so nothing shows that its totals are true."
                .to_owned(),
        ]),
        Some(attestation) if !attestation.is_valid() => lines
            .extend([String::new(), "NOT VALID: the attestation is not valid, so this file shows nothing.".to_owned()]),
        Some(_) => {}
    }
    lines
}
