//! `assay verify-reserves`: verifies disclosed reserve lines against the root in a statement.

use std::path::PathBuf;

use assay_core::check::Check;
use assay_core::decimal::format_units;
use assay_programs::ledger::report::LogState;
use assay_programs::ledger::statement::{ByStatus, StatementLabel};
use assay_programs::reserves::{DisclosedAsset, ReservesReport};
use assay_verifier::attested::Attested;
use assay_verifier::report::reserves_lines;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::options::{Global, LogArgs, SignatureArgs};
use super::output;
use super::report::{LaterJson, SignatureJson};
use crate::attest;

const EXAMPLES: &str = "\
FILE is the service's answer to GET /v1/reserves/ID?asset=SYMBOL: lines of the reserves file, the blinding bytes of each line,
and one proof that the lines belong to the root in the statement.

The signatures of the lines are judged again, and compared with what the statement says of them. Lines of custodians and banks count as
theirs if they are signed by a key that you list with --custodians; whom the exchange lists does not matter here. A valid result does
not show that the coins are there. This command does not verify the attestation's own proof; use `assay verify` for that.

JSON: {valid, attestation_checked: false, checks: [{id, title, passed, detail}], statement, signature, log, lines_disclosed, lines,
assets: [{symbol, scale, lines, disclosed, stated, all_disclosed, owners: {fresh, undated, third_party, unproven}}]}. Amounts are decimal strings of
whole assets. `assets` is empty unless every line is proved. `statement`, `signature` and `log` have the format of `assay verify --json`.

Examples:
  assay verify-reserves btc.json --attestation attestation
  assay verify-reserves btc.json --attestation attestation.zip --json
  assay verify-reserves usd.json --attestation attestation --custodians banks.json

Exit codes: 0 valid, 1 not valid, 2 an option is wrong, 3 a file cannot be read.";

/// Verify that an attestation commits to disclosed reserve lines
///
/// Prints the sum of the lines beside the reserves that the attestation states.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The disclosed lines
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The attestation: a directory or a .zip bundle
    #[arg(long, value_name = "OUT|BUNDLE")]
    attestation: PathBuf,

    /// Public keys of custodians and banks that you trust (JWKS with the purpose "holding")
    #[arg(long, value_name = "FILE")]
    custodians: Option<PathBuf>,

    #[command(flatten)]
    signatures: SignatureArgs,

    #[command(flatten)]
    logs: LogArgs,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let custodians = args.custodians.as_deref();
    let asked = (args.signatures.signatures(), args.logs.logs());
    let (report, attested) = attest::verify_reserves(&args.file, &args.attestation, custodians, asked, global.tests())?;
    if args.json {
        output::json(&ReservesJson::of(&report, &attested))?;
    } else {
        let verify = format!("assay verify {}", args.attestation.display());
        output::lines(reserves_lines(&report, &attested, &verify))?;
    }
    Ok(Exit::verdict(report.is_valid() && attested.holds()))
}

#[derive(Serialize)]
struct ReservesJson<'a> {
    valid: bool,
    /// Always false: this command does not verify the proof.
    attestation_checked: bool,
    /// Those of the lines, then those of the attestation.
    checks: Vec<&'a Check>,
    statement: Option<&'a StatementLabel>,
    signature: SignatureJson<'a>,
    log: Option<&'static str>,
    #[serde(flatten)]
    later: LaterJson<'a>,
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
    /// The sums of the lines by what their signatures show; null if they were not judged.
    owners: Option<ByStatus<String>>,
}

impl<'a> ReservesJson<'a> {
    fn of(report: &'a ReservesReport, attested: &'a Attested) -> Self {
        let asset = |asset: &'a DisclosedAsset| AssetJson {
            symbol: &asset.symbol,
            scale: asset.scale,
            lines: asset.lines,
            disclosed: format_units(asset.disclosed, asset.scale),
            stated: format_units(asset.stated, asset.scale),
            all_disclosed: asset.disclosed == asset.stated,
            owners: asset.owners.map(|owners| owners.map(|units| format_units(units, asset.scale))),
        };
        let (lines_disclosed, lines) = report.lines;
        Self {
            valid: report.is_valid() && attested.holds(),
            attestation_checked: false,
            checks: report.checks.iter().chain(attested.checks()).collect(),
            statement: report.statement.as_ref(),
            signature: SignatureJson::of(attested.signature()),
            log: attested.log().map(LogState::as_str),
            later: LaterJson::of(attested.later()),
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
    use assay_core::{check::Checks, later::Later, signature::SignatureState};

    fn report(passed: bool) -> ReservesReport {
        ReservesReport {
            checks: [Check { id: "reserves-root", title: "holds".to_owned(), passed, detail: String::new() }]
                .into_iter()
                .collect(),
            assets: vec![DisclosedAsset {
                symbol: "BTC".to_owned(),
                scale: 8,
                lines: 1,
                disclosed: 150_000_000,
                stated: 175_000_002,
                owners: Some(ByStatus { fresh: 100_000_000, undated: 0, third_party: 1, unproven: 49_999_999 }),
            }],
            lines: (1, 5),
            statement: None,
            owners: None,
        }
    }

    #[test]
    fn the_fields_of_the_json_are_fixed() {
        let expected = serde_json::json!({
            "valid": true,
            "attestation_checked": false,
            "checks": [{"id": "reserves-root", "title": "holds", "passed": true, "detail": ""}],
            "statement": null,
            "signature": {"state": "missing", "keys": []},
            "log": "unchecked",
            "notices": [],
            "opinions": [],
            "lines_disclosed": 1,
            "lines": 5,
            "assets": [{
                "symbol": "BTC", "scale": 8, "lines": 1, "disclosed": "1.5", "stated": "1.75000002",
                "all_disclosed": false,
                "owners": {"fresh": "1", "undated": "0", "third_party": "0.00000001", "unproven": "0.49999999"},
            }],
        });
        let unproved = |checks, signature| Attested::Unproved {
            checks,
            signature,
            log: LogState::Unchecked,
            later: Later::default(),
        };
        let attested = unproved(Checks::default(), SignatureState::Missing);
        assert_eq!(serde_json::to_value(ReservesJson::of(&report(true), &attested)).unwrap(), expected);
        // a signature that was asked for counts
        let checks = [Check::new("signature", "signed", Err(String::new()))].into_iter().collect();
        let attested = unproved(checks, SignatureState::Refused);
        assert_eq!(serde_json::to_value(ReservesJson::of(&report(true), &attested)).unwrap()["valid"], false);
    }
}
