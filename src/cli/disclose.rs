//! `assay disclose`: what one account shows a third party.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs};
use super::private_file;
use crate::attest::{self, DisclosureRequest, Evidence};

const EXAMPLES: &str = "\
The third party learns that the account has at least X in this attestation, and for which purpose that was said; nothing
of its holdings, its place or its reference, unless --show-account is given. With several attestations, of different
exchanges at the same instant, the accounts' sum is at least X.

An exchange names the account (--account) and needs the attestation's private part; a customer gives their own inclusion
file (--inclusion) and needs only what is published. One for each attestation, in their order; one --account may stand for all.

Examples:
  assay disclose attestation --account alice --measure margin_excess --at-least 250000 --for \"Prime Co, 7 March\" --out d.json
  assay disclose venue-a venue-b --inclusion a.json --inclusion b.json --measure equity --at-least 1000000 --out d.json

Exit codes: 0 written, 1 it is not true of the account, 2 there is no such account, FILE exists or an option is wrong, 3 a
file cannot be read or written.";

/// Prove to a third party that an account's equity or margin excess is at least a value, and nothing else of it
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The attestations: one to four directories (or, with --inclusion, bundles)
    #[arg(value_name = "OUT", required = true, num_args = 1..)]
    outs: Vec<PathBuf>,

    /// The account's reference, exactly as in accounts.csv
    #[arg(long, value_name = "REF", allow_hyphen_values = true, required_unless_present = "inclusion")]
    account: Vec<String>,

    /// The account's own inclusion file
    #[arg(long, value_name = "FILE", conflicts_with = "account")]
    inclusion: Vec<PathBuf>,

    /// What is compared: equity or margin_excess
    #[arg(long, value_name = "NAME")]
    measure: String,

    /// What it is at least, in the quote currency: a decimal, perhaps negative
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    at_least: String,

    /// For whom and what: the proof is bound to this text, so nobody can use it for another purpose
    #[arg(long = "for", value_name = "TEXT", default_value = "")]
    context: String,

    /// Show the third party who the account is: its reference and its salt. Whoever has the inclusion file of an account next
    /// to it in the tree can then try out its holdings
    #[arg(long)]
    show_account: bool,

    /// File to write; it must not exist [default: standard output]
    #[arg(long = "out", value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let home = args.home.home()?;
    private_file::check_free(args.file.as_deref())?;
    let request = DisclosureRequest {
        attestations: args.outs.iter().cloned().zip(evidence(args)?).collect(),
        measure: args.measure.clone(),
        at_least: args.at_least.clone(),
        context: args.context.clone(),
        show_account: args.show_account,
    };
    let meter = global.meter();
    let bytes = attest::disclose(&request, &home, meter.listener())?;
    drop(meter);
    private_file::deliver(args.file.as_deref(), &bytes)?;
    Ok(Exit::Ok)
}

/// One piece of evidence for each attestation.
fn evidence(args: &Args) -> Result<Vec<Evidence>, Failure> {
    let attestations = args.outs.len();
    let evidence: Vec<Evidence> = match (args.inclusion.as_slice(), args.account.as_slice()) {
        ([], [one]) => vec![Evidence::Account(one.clone()); attestations],
        ([], accounts) => accounts.iter().cloned().map(Evidence::Account).collect(),
        (files, _) => files.iter().cloned().map(Evidence::Inclusion).collect(),
    };
    if evidence.len() == attestations {
        return Ok(evidence);
    }
    Err(Failure::usage(format!(
        "{attestations} attestations and {} accounts: give one for each, in their order",
        evidence.len()
    )))
}
