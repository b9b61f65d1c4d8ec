//! `assay verify-inclusion`: verifies that a customer's account is in an attestation.

use std::path::PathBuf;

use assay_verifier::report::inclusion_lines;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs, LogArgs, SignatureArgs};
use super::output;
use super::report::InclusionJson;
use crate::attest;

const EXAMPLES: &str = "\
JSON: {valid, attestation_checked, attestation, checks, statement, signature, log, inclusion: {valid, account, checks: [{id, title,
passed, detail}], holdings: [{asset, kind, amount}], class: {class, name, kyc_level, jurisdiction, limits: [{instrument, side,
limit}]}}}. `attestation`, `checks`, `statement`, `signature` and `log` have the format of `assay verify --json`; `attestation` is null with
--skip-proof, and `checks` are all that was checked of it.
`kind` is asset (the exchange owes you) or debt (you owe). Amounts are decimal strings of whole assets.

Examples:
  assay verify-inclusion my-account.json --attestation attestation
  assay verify-inclusion my-account.json --attestation attestation --json

Exit codes: 0 valid, 1 not valid, 2 an option is wrong, 3 a file cannot be read.";

/// Verify that a customer's account is in an attestation and that the attestation is valid
///
/// Prints the account's balances. Only the customer can say whether they are right.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The customer's inclusion file
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The attestation: a directory or a .zip bundle
    #[arg(long, value_name = "OUT|BUNDLE")]
    attestation: PathBuf,

    /// Your account reference; the file must be for this account
    ///
    /// Use this option: only the reference distinguishes the files of two customers with equal balances.
    #[arg(long, value_name = "REF", allow_hyphen_values = true)]
    account: Option<String>,

    /// Verify only that the account is in the statement, not that the statement is proved
    ///
    /// Use this only if you verified the same attestation before. Without a valid proof nobody knows whether the statement is true.
    #[arg(long)]
    skip_proof: bool,

    #[command(flatten)]
    signatures: SignatureArgs,

    #[command(flatten)]
    logs: LogArgs,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let home = args.home.home()?;
    let meter = global.meter();
    let proof = (!args.skip_proof).then_some((&home, meter.listener()));
    let asked = (args.signatures.signatures(), args.logs.logs());
    let account = args.account.as_deref();
    let verdict = attest::verify_inclusion(&args.file, &args.attestation, account, asked, global.tests(), proof)?;
    drop(meter);
    if args.json {
        output::json(&InclusionJson::of(&verdict))?;
    } else {
        output::lines(inclusion_lines(&verdict.attestation, &verdict.inclusion))?;
    }
    Ok(Exit::verdict(verdict.holds()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use assay_verifier::attested::Attested;

    use crate::cli::report::tests::{broken_report, included, unproved};

    #[test]
    fn who_skips_the_proof_is_told_last_that_nothing_is_proved() {
        let lines = inclusion_lines(&unproved(true), &included());
        let last = lines.last().unwrap();
        assert!(last.starts_with("NOT VERIFIED: ") && last.contains("NOT SIGNED: "), "{last}");
        assert!(lines.iter().any(|line| line.contains("BTC  0.05")));
        // a signature that was asked for and is not there is no small print
        let lines = inclusion_lines(&unproved(false), &included());
        assert!(lines.last().unwrap().starts_with("NOT VALID: "), "{lines:?}");
    }

    #[test]
    fn who_is_inside_a_false_attestation_is_told_last_that_it_is_false() {
        let lines = inclusion_lines(&Attested::Proved(Box::new(broken_report())), &included());
        assert!(lines.last().unwrap().starts_with("NOT VALID: "));
    }
}
