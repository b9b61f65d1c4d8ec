//! `assay verify-inclusion`: is a customer's account in an attestation?

use std::path::PathBuf;

use assay_circuits::inclusion::InclusionReport;
use assay_circuits::verifier::Report;
use assay_verifier::report::{attestation_lines, inclusion_lines};

use super::exit::{Exit, Failure};
use super::options::HomeArgs;
use super::report::{InclusionJson, holds};
use super::{Global, output};
use crate::attest;

const EXAMPLES: &str = "\
JSON: {valid, attestation_checked, attestation, inclusion: {valid, checks: [{id, title, passed, detail}],
holdings: [{asset, kind, amount}]}}. `attestation` is what `assay verify --json` prints, null with --skip-proof; `kind`
is asset (the exchange owes you) or debt (you owe); amounts are decimal strings of whole assets.

Examples:
  assay verify-inclusion my-account.json --attestation attestation
  assay verify-inclusion my-account.json --attestation attestation --json

Exit codes: 0 valid, 1 not valid, 2 an option is wrong, 3 a file cannot be read.";

/// Verify that a customer's account is in an attestation, with which balances, and that the attestation is valid
///
/// The balances are printed: only the customer knows whether they are the right ones.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The customer's file, as `assay inclusion` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The attestation: its directory, or the same files in one .zip bundle
    #[arg(long, value_name = "OUT|BUNDLE")]
    attestation: PathBuf,

    /// Do not verify the attestation itself, only that the account is in its statement
    ///
    /// For whoever verified the same attestation before: without a valid proof, the statement is an unproved claim.
    #[arg(long)]
    skip_proof: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let home = args.home.home()?;
    let meter = global.meter();
    let (attestation, inclusion) = attest::verify_inclusion(
        &args.file,
        &args.attestation,
        &home,
        global.tests(),
        args.skip_proof,
        meter.listener(),
    )?;
    drop(meter);
    let attestation = attestation.as_ref();
    if args.json {
        output::json(&InclusionJson::of(attestation, &inclusion))?;
    } else {
        output::lines(lines(attestation, &inclusion))?;
    }
    Ok(Exit::verdict(holds(attestation, &inclusion)))
}

fn lines(attestation: Option<&Report>, inclusion: &InclusionReport) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(report) = attestation {
        lines.extend(attestation_lines(report));
        lines.push(String::new());
    }
    lines.extend(inclusion_lines(inclusion));
    match attestation {
        None => lines.extend([
            String::new(),
            "NOT VERIFIED: the attestation itself. Its proof was skipped, so its totals are only a claim here."
                .to_owned(),
        ]),
        Some(report) if !report.is_valid() => lines.extend([
            String::new(),
            "NOT VALID: whatever the file shows, the attestation itself does not hold.".to_owned(),
        ]),
        Some(_) => {}
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cli::report::tests::{broken_report, included};

    #[test]
    fn who_skips_the_proof_is_told_last_that_nothing_is_proved() {
        let lines = lines(None, &included());
        assert!(lines.last().unwrap().starts_with("NOT VERIFIED: "));
        assert!(lines.iter().any(|line| line.contains("BTC  0.05")));
    }

    #[test]
    fn who_is_inside_a_false_attestation_is_told_last_that_it_is_false() {
        let lines = lines(Some(&broken_report()), &included());
        assert!(lines.last().unwrap().starts_with("NOT VALID: "));
    }
}
