//! `assay inclusion`: one customer's own file.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::options::HomeArgs;
use super::private_file;
use crate::attest;

const EXAMPLES: &str = "\
The file holds the account's reference, salt and balances: give it to its customer and to nobody else. It needs the
attestation's private part and the master secret in the home directory.

Examples:
  assay inclusion attestation --account alice --out alice.json
  assay inclusion attestation --account alice | jq .pages

Exit codes: 0 written, 2 there is no such account, FILE exists or an option is wrong, 3 a file cannot be read or written.";

/// Write one customer's own file, with which they verify that they are included
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of the attestation, with its private part
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// The account's reference, exactly as in accounts.csv
    #[arg(long, value_name = "REF", allow_hyphen_values = true)]
    account: String,

    /// File to write, readable by its owner only; it must not exist [default: standard output]
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
