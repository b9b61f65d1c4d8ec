//! A report on disclosed reserve lines.

use assay_core::{decimal::format_units, text::visible};
use assay_programs::reserves::ReservesReport;

use super::checks::check_lines;

/// The report as text. `verify` is the command that verifies the attestation itself, which this report does not cover.
pub fn reserves_lines(report: &ReservesReport, verify: Option<&str>) -> Vec<String> {
    let mut lines = check_lines(&report.checks);
    lines.push(String::new());
    if !report.is_valid() {
        lines.push("NOT VALID: a check above failed, so these lines are not proved.".to_owned());
        return lines;
    }
    for asset in &report.assets {
        let [disclosed, stated] = [asset.disclosed, asset.stated].map(|units| format_units(units, asset.scale));
        let symbol = visible(&asset.symbol);
        let several = if asset.lines == 1 { "line" } else { "lines" };
        lines.push(format!("{symbol}: {disclosed} in {} {several}; the statement states {stated}", asset.lines));
    }
    lines.extend([
        String::new(),
        "VALID: the statement commits to these lines. This does not show that the exchange owns the addresses."
            .to_owned(),
    ]);
    lines.extend(verify.map(|command| format!("NOT VERIFIED: the attestation itself. To verify it, run: {command}")));
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use assay_core::check::Checks;
    use assay_programs::reserves::DisclosedAsset;

    fn report(passed: bool) -> ReservesReport {
        let mut checks = Checks::default();
        checks.add("reserves-root", "holds", if passed { Ok(String::new()) } else { Err(String::new()) });
        let (symbol, disclosed, stated) = ("BTC".to_owned(), 150_000_000, 175_000_002);
        let asset = DisclosedAsset { symbol, scale: 8, lines: 1, disclosed, stated };
        ReservesReport { checks, assets: vec![asset], lines: (1, 5) }
    }

    #[test]
    fn a_person_sees_the_sum_beside_what_is_stated_and_what_was_not_verified() {
        let lines = reserves_lines(&report(true), Some("assay verify out"));
        assert!(lines.contains(&"BTC: 1.5 in 1 line; the statement states 1.75000002".to_owned()), "{lines:?}");
        assert!(lines.last().unwrap().ends_with("To verify it, run: assay verify out"));
    }

    #[test]
    fn a_false_disclosure_is_worth_nothing() {
        let lines = reserves_lines(&report(false), Some("assay verify out"));
        assert!(lines.last().unwrap().starts_with("NOT VALID") && !lines.concat().contains("BTC"), "{lines:?}");
    }
}
