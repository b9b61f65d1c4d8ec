//! A report on disclosed reserve lines.

use assay_core::{decimal::format_units, text::visible};
use assay_programs::{
    ledger::statement::ByStatus,
    reserves::{DisclosedAsset, ReservesReport},
};

use super::{checks::check_lines, later::later_lines};
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
            let owners = asset.owners.map_or_else(String::new, |owners| {
                let ByStatus { fresh, undated, third_party, unproven } =
                    owners.map(|units| format_units(units, asset.scale));
                format!(
                    ", of which {fresh} proven owned, {third_party} by third parties, {undated} undated, {unproven} unproven"
                )
            });
            lines.push(format!(
                "{symbol}: {disclosed} in {} {several}{owners}; the statement states {stated}",
                asset.lines
            ));
        }
        lines.push(String::new());
    }
    lines.extend(report.statement.iter().map(|statement| visible(&statement.to_string())));
    lines.extend(later_lines(attestation.later()));
    lines.extend(attestation.log().map(|log| log.to_string()));
    let committed = committed(&report.assets);
    let verdict = match (attestation, attestation.holds()) {
        _ if !report.is_valid() => "NOT VALID: a check above failed, so these lines are not proved.".to_owned(),
        (_, false) => "NOT VALID: the attestation that these lines belong to does not hold.".to_owned(),
        (Attested::Proved(_), true) => committed,
        (Attested::Unproved { .. }, true) => {
            lines.push(committed);
            format!("NOT VERIFIED: the attestation itself. To verify it, run: {command}.")
        }
    };
    lines.push(format!("{verdict} {}", attestation.signature()));
    lines
}

/// What valid lines show, and what they do not.
fn committed(assets: &[DisclosedAsset]) -> String {
    let has = |part: fn(&ByStatus<u128>) -> u128| {
        assets.iter().filter_map(|asset| asset.owners.as_ref()).any(|own| part(own) > 0)
    };
    let mut text = "VALID: the statement commits to these lines.".to_owned();
    if has(|own| own.fresh) {
        text.push_str(
            " For what is called proven owned, the address' key signed for this snapshot. That the coins are there is not shown.",
        );
    }
    if has(|own| own.third_party) {
        text.push_str(" What is by third parties is the word of custodians and banks whose keys you listed.");
    }
    if !has(|own| own.fresh) {
        text.push_str(" This does not show that the exchange owns the addresses.");
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use assay_core::{check::Checks, later::Later, signature::SignatureState};
    use assay_programs::ledger::report::{LogState, Report};
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
        let (signature, later) = (SignatureState::Unchecked, Later::default());
        let attested = Attested::Unproved { checks, signature, log: LogState::Unchecked, later };
        reserves_lines(&report(valid), &attested, "assay verify out")
    }

    #[test]
    fn a_person_sees_the_sum_beside_what_is_stated_and_what_was_not_verified() {
        let lines = lines(true, None);
        assert!(lines.contains(&"BTC: 1.5 in 1 line; the statement states 1.75000002".to_owned()), "{lines:?}");
        assert!(lines.last().unwrap().contains("To verify it, run: assay verify out. SIGNATURE NOT CHECKED"));
    }

    #[test]
    fn a_person_sees_who_stands_behind_each_part() {
        let with = |fresh, third_party| {
            let mut report = report(true);
            report.assets[0].owners = Some(ByStatus { fresh, undated: 0, third_party, unproven: 0 });
            let attested = Attested::Unproved {
                checks: Checks::default(),
                signature: SignatureState::Unchecked,
                log: LogState::Unchecked,
                later: Later::default(),
            };
            reserves_lines(&report, &attested, "").join("\n")
        };
        let both = with(100_000_000, 50_000_000);
        assert!(both.contains("of which 1 proven owned, 0.5 by third parties, 0 undated, 0 unproven"), "{both}");
        assert!(both.contains("the address' key signed") && both.contains("whose keys you listed"), "{both}");
        let third = with(0, 1);
        assert!(third.contains("whose keys you listed. This does not show that the exchange owns"), "{third}");
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
            later: Later::default(),
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
