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

Exit codes: 0 written, 2 DIR exists or an option is wrong, 3 the disk refused.";

/// Write a synthetic ledger, to try things with and to measure
///
/// Holdings, debts and reserves are spread as in a real exchange, and nobody's. The same arguments give the same bytes
/// everywhere.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Number of accounts, 1 to 4294967294
    #[arg(long, value_name = "N")]
    accounts: u64,

    /// Seed that everything is drawn from, 0 to 2^64 − 1
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Directory to write; it must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Instant that the ledger claims to show, RFC 3339 in UTC
    #[arg(long, value_name = "TIME", default_value = "2026-01-01T00:00:00Z")]
    taken_at: String,

    /// Also write what the ledger is held to: classes, futures with limits and positions, and collateral tables
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
