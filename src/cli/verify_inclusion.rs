//! `assay verify-inclusion`: is a customer's account in an attestation?

use std::path::PathBuf;

use assay_verifier::report::inclusion_lines;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs};
use super::output;
use super::report::{InclusionJson, holds};
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

    /// Your account reference, as you know it: the file must be of this account
    ///
    /// Worth giving: the reference is all that tells the files of two customers with equal balances apart.
    #[arg(long, value_name = "REF")]
    account: Option<String>,

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
        args.account.as_deref(),
        meter.listener(),
    )?;
    drop(meter);
    let attestation = attestation.as_ref();
    if args.json {
        output::json(&InclusionJson::of(attestation, &inclusion))?;
    } else {
        output::lines(inclusion_lines(attestation, &inclusion))?;
    }
    Ok(Exit::verdict(holds(attestation, &inclusion)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cli::report::tests::{broken_report, included};

    #[test]
    fn who_skips_the_proof_is_told_last_that_nothing_is_proved() {
        let lines = inclusion_lines(None, &included());
        assert!(lines.last().unwrap().starts_with("NOT VERIFIED: "));
        assert!(lines.iter().any(|line| line.contains("BTC  0.05")));
    }

    #[test]
    fn who_is_inside_a_false_attestation_is_told_last_that_it_is_false() {
        let lines = inclusion_lines(Some(&broken_report()), &included());
        assert!(lines.last().unwrap().starts_with("NOT VALID: "));
    }
}
