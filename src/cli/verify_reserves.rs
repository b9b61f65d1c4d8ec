//! `assay verify-reserves`: are disclosed reserve lines those that an attestation commits to?

use std::path::{Path, PathBuf};

use assay_core::check::Check;
use assay_verifier::report::{amount, check_lines, visible};
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output;
use crate::attest::{self, DisclosedAsset, ReservesReport};

const EXAMPLES: &str = "\
FILE is what the service answers to GET /v1/reserves/ID?asset=SYMBOL: lines of the reserves file, each with the bytes that
kept it from being guessed, and one proof that leads from them to the root in the statement.

That the lines are the committed ones says nothing about who owns the addresses. The attestation's own proof is not looked at:
`assay verify` does that.

JSON: {valid, attestation_checked: false, checks: [{id, title, passed, detail}], lines_disclosed, lines,
assets: [{symbol, scale, lines, disclosed, stated, all_disclosed}]}. Amounts are decimal strings of whole assets; there are
assets only where every line is proved.

Examples:
  assay verify-reserves btc.json --attestation attestation
  assay verify-reserves btc.json --attestation attestation.zip --json

Exit codes: 0 valid, 1 not valid, 2 an option is wrong, 3 a file cannot be read.";

/// Verify that disclosed reserve lines are among those an attestation commits to
///
/// Prints what they sum to beside the reserves that the attestation states.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The disclosed lines
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The attestation: its directory, or the same files in one .zip bundle
    #[arg(long, value_name = "OUT|BUNDLE")]
    attestation: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let report = attest::verify_reserves(&args.file, &args.attestation)?;
    if args.json {
        output::json(&ReservesJson::of(&report))?;
    } else {
        output::lines(lines(&report, &args.attestation))?;
    }
    Ok(Exit::verdict(report.is_valid()))
}

/// The report for a person. Its last line says what the whole is worth.
fn lines(report: &ReservesReport, attestation: &Path) -> Vec<String> {
    let mut lines = check_lines(&report.checks);
    lines.push(String::new());
    if !report.is_valid() {
        lines.push("NOT VALID: this file does not show what is in the reserves.".to_owned());
        return lines;
    }
    for asset in &report.assets {
        let [disclosed, stated] = [asset.disclosed, asset.stated].map(|units| amount(units, asset.scale));
        let symbol = visible(&asset.symbol);
        let several = if asset.lines == 1 { "line" } else { "lines" };
        lines.push(format!("{symbol}: {} {several} with {disclosed}, of {stated} stated", asset.lines));
    }
    lines.extend([
        String::new(),
        "VALID: the statement commits to these lines. That is not to say that the exchange owns the addresses."
            .to_owned(),
        format!("NOT VERIFIED: the attestation itself. To verify it: assay verify {}", attestation.display()),
    ]);
    lines
}

#[derive(Serialize)]
struct ReservesJson<'a> {
    valid: bool,
    /// Always false: nothing here looks at the proof.
    attestation_checked: bool,
    checks: &'a [Check],
    lines_disclosed: u64,
    lines: u64,
    assets: Vec<AssetJson<'a>>,
}

#[derive(Serialize)]
struct AssetJson<'a> {
    symbol: &'a str,
    scale: u8,
    lines: u64,
    disclosed: String,
    stated: String,
    /// Whether the disclosed lines sum to what is stated.
    all_disclosed: bool,
}

impl<'a> ReservesJson<'a> {
    fn of(report: &'a ReservesReport) -> Self {
        let asset = |asset: &'a DisclosedAsset| AssetJson {
            symbol: &asset.symbol,
            scale: asset.scale,
            lines: asset.lines,
            disclosed: amount(asset.disclosed, asset.scale),
            stated: amount(asset.stated, asset.scale),
            all_disclosed: asset.disclosed == asset.stated,
        };
        let (lines_disclosed, lines) = report.lines;
        Self {
            valid: report.is_valid(),
            attestation_checked: false,
            checks: &report.checks,
            lines_disclosed,
            lines,
            assets: report.assets.iter().map(asset).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn report(passed: bool) -> ReservesReport {
        ReservesReport {
            checks: vec![Check { id: "reserves-root", title: "holds".to_owned(), passed, detail: String::new() }],
            assets: vec![DisclosedAsset {
                symbol: "BTC".to_owned(),
                scale: 8,
                lines: 1,
                disclosed: 150_000_000,
                stated: 175_000_002,
            }],
            lines: (1, 5),
        }
    }

    #[test]
    fn a_person_sees_the_sum_beside_what_is_stated_and_what_was_not_looked_at() {
        let lines = lines(&report(true), Path::new("out"));
        assert!(lines.contains(&"BTC: 1 line with 1.5, of 1.75000002 stated".to_owned()), "{lines:?}");
        assert!(lines.last().unwrap().ends_with("To verify it: assay verify out"));
    }

    #[test]
    fn a_false_disclosure_is_worth_nothing() {
        let lines = lines(&report(false), Path::new("out"));
        assert!(lines.last().unwrap().starts_with("NOT VALID") && !lines.concat().contains("BTC"), "{lines:?}");
    }

    #[test]
    fn the_fields_of_the_json_are_fixed() {
        let expected = serde_json::json!({
            "valid": true,
            "attestation_checked": false,
            "checks": [{"id": "reserves-root", "title": "holds", "passed": true, "detail": ""}],
            "lines_disclosed": 1,
            "lines": 5,
            "assets": [{
                "symbol": "BTC", "scale": 8, "lines": 1, "disclosed": "1.5", "stated": "1.75000002",
                "all_disclosed": false,
            }],
        });
        assert_eq!(serde_json::to_value(ReservesJson::of(&report(true))).unwrap(), expected);
    }
}
