//! A report on disclosed reserve lines.

use assay_core::{decimal::format_units, text::visible};
use assay_programs::{ledger::statement::ByStatus, reserves::ReservesReport};

use super::checks::check_lines;
use crate::attested::Attested;

/// The report as text, with what was found about the attestation; `command` verifies that. The last line says what the lines are worth
/// together with their attestation, and who signed that.
pub fn reserves_lines(report: &ReservesReport, attestation: &Attested, command: &str) -> Vec<String> {
    let mut lines = [check_lines(attestation.checks()), check_lines(&report.checks)].concat();
    lines.push(String::new());
    if report.is_valid() {
        for asset in &report.assets {
            let [disclosed, stated] = [asset.disclosed, asset.stated].map(|units| format_units(units, asset.scale));
            let symbol = visible(&asset.symbol);
            let several = if asset.lines == 1 { "line" } else { "lines" };
            let owners = asset.owners.map_or_else(String::new, |ByStatus { fresh, undated, unproven }| {
                let [fresh, undated, unproven] =
                    [fresh, undated, unproven].map(|units| format_units(units, asset.scale));
                format!(", of which {fresh} proven owned, {undated} undated, {unproven} unproven")
            });
            lines.push(format!(
                "{symbol}: {disclosed} in {} {several}{owners}; the statement states {stated}",
                asset.lines
            ));
        }
        lines.push(String::new());
    }
    lines.extend(report.statement.iter().map(|statement| visible(&statement.to_string())));
    lines.extend(attestation.log().map(|log| log.to_string()));
    let committed = if report.assets.iter().any(|asset| asset.owners.is_some_and(|owners| owners.fresh > 0)) {
        "VALID: the statement commits to these lines. For what is called proven owned, the address' key signed for this snapshot. That the \
         coins are there is not shown."
    } else {
        "VALID: the statement commits to these lines. This does not show that the exchange owns the addresses."
    };
    let verdict = match (attestation, attestation.holds()) {
        _ if !report.is_valid() => "NOT VALID: a check above failed, so these lines are not proved.".to_owned(),
        (_, false) => "NOT VALID: the attestation that these lines belong to does not hold.".to_owned(),
        (Attested::Proved(_), true) => committed.to_owned(),
        (Attested::Unproved { .. }, true) => {
            lines.push(committed.to_owned());
            format!("NOT VERIFIED: the attestation itself. To verify it, run: {command}.")
        }
    };
    lines.push(format!("{verdict} {}", attestation.signature()));
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use assay_core::{check::Checks, signature::SignatureState};
    use assay_programs::ledger::report::Report;
    use assay_programs::reserves::DisclosedAsset;

    fn report(passed: bool) -> ReservesReport {
        let mut checks = Checks::default();
        checks.add("reserves-root", "holds", if passed { Ok(String::new()) } else { Err(String::new()) });
        let (symbol, disclosed, stated) = ("BTC".to_owned(), 150_000_000, 175_000_002);
        let asset = DisclosedAsset { symbol, scale: 8, lines: 1, disclosed, stated, owners: None };
        ReservesReport { checks, assets: vec![asset], lines: (1, 5), statement: None, owners: None }
    }

    /// The last lines of the report on an attestation whose signatures were checked or not.
    fn lines(valid: bool, signed: Option<bool>) -> Vec<String> {
        let mut checks = Checks::default();
        if let Some(signed) = signed {
            checks.add("signature", "signed", if signed { Ok(String::new()) } else { Err(String::new()) });
        }
        let attested = Attested::Unproved { checks, signature: SignatureState::Unchecked, log: None };
        reserves_lines(&report(valid), &attested, "assay verify out")
    }

    #[test]
    fn a_person_sees_the_sum_beside_what_is_stated_and_what_was_not_verified() {
        let lines = lines(true, None);
        assert!(lines.contains(&"BTC: 1.5 in 1 line; the statement states 1.75000002".to_owned()), "{lines:?}");
        assert!(lines.last().unwrap().contains("To verify it, run: assay verify out. SIGNATURE NOT CHECKED"));
    }

    #[test]
    fn a_false_disclosure_is_worth_nothing() {
        let lines = lines(false, Some(true));
        assert!(lines.last().unwrap().starts_with("NOT VALID") && !lines.concat().contains("BTC"), "{lines:?}");
    }

    #[test]
    fn true_lines_of_a_false_attestation_are_nowhere_called_valid() {
        let broken = Checks::default();
        let broken = Report {
            checks: broken,
            statement: None,
            assets: Vec::new(),
            signature: SignatureState::Unchecked,
            log: None,
        };
        let proved = reserves_lines(&report(true), &Attested::Proved(Box::new(broken)), "");
        for lines in [lines(true, Some(false)), proved] {
            assert!(lines.last().unwrap().starts_with("NOT VALID"), "{lines:?}");
            assert!(!lines.iter().any(|line| line.starts_with("VALID")), "{lines:?}");
        }
        let lines = lines(true, Some(true));
        assert!(lines.last().unwrap().starts_with("NOT VERIFIED"), "{lines:?}");
    }
}
