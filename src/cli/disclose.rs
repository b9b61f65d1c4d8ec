//! `assay disclose`: proves a lower bound on an account's equity or margin excess to a third party.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs};
use super::private_file;
use crate::attest::{self, DisclosureRequest, Evidence};

const EXAMPLES: &str = "\
The third party learns that the account has at least X in this attestation, and the text given with --for. It does not learn
holdings, position in the tree or account reference, unless you use --show-account. With several attestations (of different
exchanges, at the same time) the sum over the accounts is at least X.

An exchange uses --account and needs the attestation's private directory. A customer uses --inclusion with their own inclusion
file and needs only the published files. Repeat the option for each attestation, in the same order; a single --account applies
to all of them.

Examples:
  assay disclose attestation --account alice --measure margin_excess --at-least 250000 --for \"Prime Co, 7 March\" --out d.json
  assay disclose venue-a venue-b --inclusion a.json --inclusion b.json --measure equity --at-least 1000000 --out d.json

Exit codes: 0 written, 1 the account has less than X, 2 the account is unknown, FILE exists or an option is wrong, 3 a file
cannot be read or written.";

/// Prove to a third party that an account's equity or margin excess is at least a value
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// One to four attestations: directories or, with --inclusion, .zip bundles
    #[arg(value_name = "OUT", required = true, num_args = 1..)]
    outs: Vec<PathBuf>,

    /// The account's reference, exactly as in accounts.csv
    #[arg(long, value_name = "REF", allow_hyphen_values = true, required_unless_present = "inclusion")]
    account: Vec<String>,

    /// The account's own inclusion file
    #[arg(long, value_name = "FILE", conflicts_with = "account")]
    inclusion: Vec<PathBuf>,

    /// Measure to compare: equity or margin_excess
    #[arg(long, value_name = "NAME")]
    measure: String,

    /// Lower bound in the quote currency, a decimal; may be negative
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    at_least: String,

    /// Recipient and purpose; the proof is bound to this text and cannot be reused for another
    #[arg(long = "for", value_name = "TEXT", allow_hyphen_values = true, default_value = "")]
    context: String,

    /// Reveal the account's reference and salt to the third party. Someone who also has the inclusion file of a neighbouring account
    /// in the tree can then test guesses of its holdings
    #[arg(long)]
    show_account: bool,

    /// File to create; it must not exist [default: standard output]
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
        "{attestations} attestations but {} accounts: give one account for each attestation, in the same order",
        evidence.len()
    )))
}
