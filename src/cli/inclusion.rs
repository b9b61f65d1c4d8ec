//! `assay inclusion`: writes one customer's inclusion file.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::options::HomeArgs;
use super::private_file;
use crate::attest;

const EXAMPLES: &str = "\
The file contains the account's reference, salt and balances. Give it to that customer only. The command needs the
attestation's private directory and the master secret in the home directory.

Examples:
  assay inclusion attestation --account alice --out alice.json
  assay inclusion attestation --account alice | jq .pages

Exit codes: 0 written, 2 the account is unknown, FILE exists or an option is wrong, 3 a file cannot be read or written.";

/// Write the inclusion file of one customer
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of the attestation, including its private directory
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// The account's reference, exactly as in accounts.csv
    #[arg(long, value_name = "REF", allow_hyphen_values = true)]
    account: String,

    /// File to create, readable only by you; it must not exist [default: standard output]
    #[arg(long = "out", value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let home = args.home.home()?;
    private_file::check_free(args.file.as_deref())?;
    let bytes = attest::inclusion(&args.out, &args.account, &home)?;
    private_file::deliver(args.file.as_deref(), &bytes)?;
    Ok(Exit::Ok)
}
