//! `assay import`: the published files of an exchange, as a ledger.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::options::{Global, LimitArgs};
use super::output;
use crate::ledger::import::{Format, Options, import};

/// No published format contains its time, and Assay does not guess one. Nobody mistakes this time for a real one.
const UNKNOWN_TAKEN_AT: &str = "1970-01-01T00:00:00Z";

const EXAMPLES: &str = "\
Formats:
  binance   user files of Binance's proof-of-solvency tool (CSV), all from one snapshot, and optionally its
            cex_assets_info.csv, which is converted to collateral tables

Examples:
  assay import binance shards/*.csv --out ledger --taken-at 2026-01-01T00:00:00Z
  assay import binance users0.csv cex_assets_info.csv --out ledger
  assay import binance users0.csv.zst users1.csv.zst --snapshot-id 2026-01 --out ledger

Exit codes: 0 written, 1 a file does not match the format, 2 DIR exists or an option is wrong, 3 a file cannot be read or
written.";

/// Convert an exchange's published files to a ledger
///
/// Numbers are never rounded. If any row cannot be read, the command lists all such rows and writes nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Format of the files: binance
    #[arg(value_name = "FORMAT", value_parser = format)]
    format: Format,

    /// Files to read, in this order; uncompressed, .gz or .zst
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Directory to create; it must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Id of the snapshot, 1 to 64 of A–Z a–z 0–9 . _ - [default: binance-sample]
    #[arg(long, value_name = "ID")]
    snapshot_id: Option<String>,

    /// Time of the snapshot, RFC 3339 in UTC [default: 1970-01-01T00:00:00Z, meaning unknown]
    #[arg(long, value_name = "TIME")]
    taken_at: Option<String>,

    #[command(flatten)]
    limits: LimitArgs,
}

fn format(name: &str) -> Result<Format, String> {
    name.parse().map_err(|error: crate::ledger::WriteError| error.to_string())
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    if args.taken_at.is_none() {
        output::note(&format!(
            "The files do not contain the time of the snapshot, so the ledger is dated {UNKNOWN_TAKEN_AT}. Set --taken-at \
             before you prove it."
        ));
    }
    let or = |given: &Option<String>, default: &str| given.as_deref().unwrap_or(default).to_owned();
    let options = Options {
        snapshot_id: or(&args.snapshot_id, args.format.default_snapshot_id()),
        taken_at: or(&args.taken_at, UNKNOWN_TAKEN_AT),
        limits: args.limits.limits(),
    };
    let meter = global.meter();
    let imported = import(args.format, &args.paths, &args.out, &options, meter.listener())?;
    drop(meter);
    output::lines([format!(
        "Wrote {} accounts, {} balances and {} assets to {}.",
        imported.accounts,
        imported.balances,
        imported.assets,
        args.out.display()
    )])?;
    Ok(Exit::Ok)
}
