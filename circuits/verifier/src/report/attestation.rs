//! A report on an attestation.

use assay_core::{
    decimal::{format_units, percent},
    text::{shown, visible},
};
use assay_programs::{
    ledger::{
        policy::{AssetLine, asset_lines},
        report::Report,
        statement::{AnchorBlock, ByStatus, CoverageBasis, Statement},
    },
    purpose::Purpose,
};

use super::{checks::check_lines, later::later_lines};

/// Assets of which the report says how much third parties state.
const MAX_LISTED_ASSETS: usize = 16;

/// The per-asset table: customer assets, debts, net, reserves, coverage, and which part of the reserves is proven owned.
pub fn asset_table(assets: &[AssetLine]) -> Vec<String> {
    let header =
        ["asset", "customer assets", "debts", "net", "reserves", "coverage", "proven owned"].map(str::to_owned);
    let rows = assets.iter().map(|a| {
        let net = match a.assets.checked_sub(a.debts) {
            Some(net) => format_units(net, a.scale),
            None => format!("-{}", format_units(a.debts - a.assets, a.scale)),
        };
        let coverage = a.coverage_bps().map_or_else(|| "–".to_owned(), percent);
        let owned = a.owned_bps().map_or_else(|| "–".to_owned(), percent);
        let [assets, debts, reserves] = [a.assets, a.debts, a.reserves].map(|units| format_units(units, a.scale));
        [visible(&a.symbol), assets, debts, net, reserves, coverage, owned]
    });
    let rows: Vec<[String; 7]> = std::iter::once(header).chain(rows).collect();
    let widths: [usize; 7] = std::array::from_fn(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0));
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

/// A report on an attestation for a person. The last line says what the whole is worth, and who signed it.
pub fn attestation_lines(report: &Report) -> Vec<String> {
    let mut lines = check_lines(&report.checks);
    if !report.assets.is_empty() {
        lines.push(String::new());
        lines.extend(asset_table(&report.assets));
        lines.push(String::new());
    }
    lines.extend(report.statement.as_ref().and_then(|statement| evidence_line(statement.get())));
    lines.extend(report.label().map(|label| visible(&label.to_string())));
    lines.extend(later_lines(&report.later));
    lines.extend(report.log.map(|log| log.to_string()));
    lines.push(format!("{} {}", verdict(report), report.signature));
    lines
}

/// What the statement says of the signatures over the reserves, and that nobody has checked it here; nothing without reserves.
pub(super) fn evidence_line(statement: &Statement) -> Option<String> {
    let evidence = match &statement.reserves.evidence {
        Some(evidence) => evidence,
        None if statement.reserves.lines == 0 => return None,
        None => return Some("Reserves: the statement does not say who signed for them.".to_owned()),
    };
    let ByStatus { fresh, undated, third_party, unproven } = evidence.lines;
    let mut text = format!(
        "Reserves, by the exchange's word: for {fresh} lines the address' key signed for this snapshot (proven owned), {third_party} are \
         stated by custodians and banks of its own list (by third parties), for {undated} the key signed another text, for {unproven} \
         nothing is shown."
    );
    let stated = asset_lines(statement).into_iter().filter_map(|line| {
        let amount = line.third_party.filter(|units| *units > 0)?;
        Some(format!("{} {}", format_units(amount, line.scale), visible(&line.symbol)))
    });
    let stated: Vec<String> = stated.take(MAX_LISTED_ASSETS + 1).collect();
    if !stated.is_empty() {
        let more = if stated.len() > MAX_LISTED_ASSETS { ", …" } else { "" };
        let first: Vec<&str> = stated.iter().take(MAX_LISTED_ASSETS).map(String::as_str).collect();
        text.push_str(&format!(" By third parties: {}{more}.", first.join(", ")));
    }
    if fresh > 0 {
        match &evidence.anchor {
            Some(AnchorBlock { chain, height, hash }) => {
                text.push_str(&format!(
                    " The message names {} block {height}, {}; whether there is this block was not checked.",
                    visible(chain),
                    visible(hash)
                ));
            }
            None => text.push_str(" Nothing shows when it was signed."),
        }
    }
    if !evidence.texts.is_empty() {
        let texts: Vec<String> = evidence.texts.iter().map(|text| shown(text)).collect();
        let more = if evidence.undated_texts > evidence.texts.len() as u64 { ", …" } else { "" };
        text.push_str(&format!(" Other texts: {}{more}.", texts.join(", ")));
    }
    text.push_str(" `verify-reserves` checks the lines that are disclosed.");
    Some(text)
}

fn verdict(report: &Report) -> String {
    let Some(statement) = &report.statement else {
        return "NOT VALID: nothing is proved.".to_owned();
    };
    if !report.is_valid() {
        return "NOT VALID: the totals are proved, but a check above failed.".to_owned();
    }
    let verdict = format!("VALID: the totals are proved{}", coverage(statement.get(), &report.assets));
    if is_test_shape(statement.get()) {
        return format!("{verdict} (This is a shape for tests; no release accepts it.)");
    }
    verdict
}

/// What the reserves come to, by the basis of the exchange's own policy.
fn coverage(statement: &Statement, assets: &[AssetLine]) -> String {
    let policy = &statement.policy;
    let Some(bps) = policy.coverage_bps else {
        return ". The statement contains no reserves, so it says nothing about coverage.".to_owned();
    };
    let net = policy.coverage_basis == Some(CoverageBasis::Net);
    let basis = if net { "what customers hold minus what they owe" } else { "what customers hold" };
    let required = percent(u128::from(bps));
    let mut text =
        format!(", and the stated reserves of each asset are at least {required} of {basis}, as the policy requires.");
    let lowest = assets.iter().filter_map(|asset| Some((asset.coverage_bps()?, &asset.symbol))).min();
    if let Some((lowest, symbol)) = lowest {
        let short = if lowest < 10_000 { "; that does not cover all that customers hold" } else { "" };
        let of = if net { " of what customers hold" } else { "" };
        text.push_str(&format!(" The lowest is {} with {}{of}{short}.", visible(symbol), percent(lowest)));
    }
    text
}

fn is_test_shape(statement: &Statement) -> bool {
    statement.shape().is_ok_and(|s| s.purpose == Purpose::TestsOnly)
}
