//! `assay sample`: a synthetic ledger.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::options::Global;
use super::output;
use crate::ledger::sample::{Options, sample};

const EXAMPLES: &str = "\
Examples:
  assay sample --accounts 1000 --out ledger
  assay sample --accounts 1000000 --seed 7 --out /data/ledger

Exit codes: 0 written, 2 DIR exists or an option is wrong, 3 DIR cannot be written.";

/// Write a sample ledger with synthetic accounts
///
/// Holdings, debts and reserves follow the distribution of a real exchange, but no account is real. The same arguments give
/// the same bytes on every machine.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Number of accounts, 1 to 4294967294
    #[arg(long, value_name = "N")]
    accounts: u64,

    /// Seed of the random generator, 0 to 2^64 − 1
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Directory to create; it must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Time of the snapshot, RFC 3339 in UTC
    #[arg(long, value_name = "TIME", default_value = "2026-01-01T00:00:00Z")]
    taken_at: String,

    /// Add customer classes, futures with position limits, positions, and collateral tables
    #[arg(long)]
    rules: bool,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let meter = global.meter();
    let options =
        Options { accounts: args.accounts, seed: args.seed, taken_at: args.taken_at.clone(), rules: args.rules };
    sample(&options, &args.out, meter.listener())?;
    drop(meter);
    output::lines([format!("Wrote a sample of {} accounts to {}.", args.accounts, args.out.display())])?;
    Ok(Exit::Ok)
}
