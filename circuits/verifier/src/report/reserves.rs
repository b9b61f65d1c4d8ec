//! A report on disclosed reserve lines.

use assay_core::{decimal::format_units, signature::SignatureState, text::visible};
use assay_programs::{ledger::statement::ByStatus, reserves::ReservesReport};

use super::checks::check_lines;

/// What is known of the attestation whose reserves are disclosed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It was verified.
    Valid,
    /// It was verified, or its signature was, and it does not hold.
    NotValid,
    /// It was not verified; the command that does.
    Unverified(&'a str),
}

/// The report as text. The last line says what the lines are worth together with their attestation, and who signed that.
pub fn reserves_lines(report: &ReservesReport, attestation: Standing<'_>, signature: &SignatureState) -> Vec<String> {
    let mut lines = check_lines(&report.checks);
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
    let committed = if report.assets.iter().any(|asset| asset.owners.is_some_and(|owners| owners.fresh > 0)) {
        "VALID: the statement commits to these lines. For what is called proven owned, the address' key signed for this snapshot. That the \
         coins are there is not shown."
    } else {
        "VALID: the statement commits to these lines. This does not show that the exchange owns the addresses."
    };
    let verdict = match attestation {
        _ if !report.is_valid() => "NOT VALID: a check above failed, so these lines are not proved.".to_owned(),
        Standing::NotValid => "NOT VALID: the attestation that these lines belong to does not hold.".to_owned(),
        Standing::Valid => committed.to_owned(),
        Standing::Unverified(command) => {
            lines.push(committed.to_owned());
            format!("NOT VERIFIED: the attestation itself. To verify it, run: {command}.")
        }
    };
    lines.push(format!("{verdict} {signature}"));
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
        let asset = DisclosedAsset { symbol, scale: 8, lines: 1, disclosed, stated, owners: None };
        ReservesReport { checks, assets: vec![asset], lines: (1, 5), statement: None, owners: None }
    }

    #[test]
    fn a_person_sees_the_sum_beside_what_is_stated_and_what_was_not_verified() {
        let lines = reserves_lines(&report(true), Standing::Unverified("assay verify out"), &SignatureState::Unchecked);
        assert!(lines.contains(&"BTC: 1.5 in 1 line; the statement states 1.75000002".to_owned()), "{lines:?}");
        assert!(lines.last().unwrap().contains("To verify it, run: assay verify out. SIGNATURE NOT CHECKED"));
    }

    #[test]
    fn a_false_disclosure_is_worth_nothing() {
        let lines =
            reserves_lines(&report(false), Standing::Unverified("assay verify out"), &SignatureState::Unchecked);
        assert!(lines.last().unwrap().starts_with("NOT VALID") && !lines.concat().contains("BTC"), "{lines:?}");
    }

    #[test]
    fn true_lines_of_a_false_attestation_are_nowhere_called_valid() {
        let lines = reserves_lines(&report(true), Standing::NotValid, &SignatureState::Unchecked);
        assert!(lines.last().unwrap().starts_with("NOT VALID"), "{lines:?}");
        assert!(!lines.iter().any(|line| line.starts_with("VALID")), "{lines:?}");
        assert!(
            reserves_lines(&report(true), Standing::Valid, &SignatureState::Unchecked)
                .last()
                .unwrap()
                .starts_with("VALID")
        );
    }
}
