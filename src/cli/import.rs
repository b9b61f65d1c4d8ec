//! `assay import`: the published files of an exchange, as a ledger or as the reserves of one.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::options::{Global, LimitArgs};
use super::output;
use crate::ledger::import::{
    Columns, Format, Identity, Options, RESERVES_FORMATS, ReservesFormat, UNNAMED, import, import_reserves,
};

/// No published format contains its time, and Assay does not guess one. Nobody mistakes this time for a real one.
const UNKNOWN_TAKEN_AT: &str = "1970-01-01T00:00:00Z";
const UNKNOWN_SNAPSHOT_ID: &str = "imported";

const EXAMPLES: &str = "\
Formats:
  binance   user files of Binance's proof-of-solvency tool (CSV), all from one snapshot, with three or six columns for
            each token, and its info file (cex_assets_info.csv), which has the collateral tables and, for files without
            price columns, the prices
  gate      Gate's user files (CSV): three columns for each token, main_uid_hashed instead of id
  okx       OKX's user files (JSON): [{\"id\": …, \"assets\": {\"BTC\": \"9195990\"}}] in smallest units; needs --assets
  summa     the input of Summa's tool (CSV): username,balance_ETH_ETH,… in smallest units; needs --assets
  wide      any CSV table with a row for each account and a column for each asset
  long      any CSV table with a row for each account and asset

Formats of reserve lines, which write DIR/reserves.csv and nothing else; DIR may be a ledger without one:
  okx-reserves   OKX's address files (CSV), with or without the column Type
  htx-reserves   HTX's address file (CSV)
Signatures get the name of the scheme in which they are valid. A coin with another network's name is a token of its published name.

In okx, wide and long, a negative amount is what the customer owes. An asset that somebody holds needs a price: from the
files, or from --assets.

Examples:
  assay import binance shards/*.csv cex_assets_info.csv --exchange-name Example --domain exchange.example \\
      --snapshot-id 2026-01 --taken-at 2026-01-31T00:00:00Z --out ledger
  assay import long balances.csv --account-column user --asset-column coin --amount-column balance \\
      --assets prices.csv --out ledger

  assay import okx-reserves okx_por.csv --out ledger

Exit codes: 0 written, 1 a file does not match the format or its ledger is not valid, 2 DIR exists or an option is wrong,
3 a file cannot be read or written.";

/// Convert published files or tables of balances to a ledger
///
/// The ledger is checked as `assay check` does before it is written. If any row cannot be read or breaks a rule, the command
/// lists all such rows and writes nothing. Numbers are rounded only if you ask for it with --decimals.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Format of the files: binance, gate, okx, summa, wide, long, okx-reserves or htx-reserves
    #[arg(value_name = "FORMAT", value_parser = format)]
    format: AnyFormat,

    /// Files to read, in this order; uncompressed, .gz or .zst
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Directory to create; it must not exist, unless the format is one of reserve lines
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Name of the exchange whose ledger it is [default: Unnamed exchange]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    exchange_name: Option<String>,

    /// Its domain, such as exchange.example [default: unnamed.invalid]
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,

    /// Its legal entity identifier (ISO 17442)
    #[arg(long, value_name = "LEI")]
    lei: Option<String>,

    /// Id of the snapshot, 1 to 64 of A–Z a–z 0–9 . _ - [default: imported]
    #[arg(long, value_name = "ID")]
    snapshot_id: Option<String>,

    /// Time of the snapshot, RFC 3339 in UTC [default: 1970-01-01T00:00:00Z, meaning unknown]
    #[arg(long, value_name = "TIME")]
    taken_at: Option<String>,

    /// CSV file of assets with the columns symbol,scale,price,quote, or symbol,price,quote
    ///
    /// It takes precedence over prices in the files. Without a scale, an asset gets 8 decimals, or as many as its balances need.
    #[arg(long, value_name = "FILE")]
    assets: Option<PathBuf>,

    /// Round amounts to N decimals, against the exchange: what it owes up, what it is owed down
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=18))]
    decimals: Option<u8>,

    /// Column with the account reference (wide, long)
    #[arg(long, value_name = "NAME", default_value = "account", allow_hyphen_values = true)]
    account_column: String,

    /// Column with the symbol of the asset (long)
    #[arg(long, value_name = "NAME", default_value = "asset", allow_hyphen_values = true)]
    asset_column: String,

    /// Column with the amount (long)
    #[arg(long, value_name = "NAME", default_value = "amount", allow_hyphen_values = true)]
    amount_column: String,

    #[command(flatten)]
    limits: LimitArgs,
}

/// What is made of the files.
#[derive(Debug, Clone, Copy)]
enum AnyFormat {
    Ledger(Format),
    Reserves(ReservesFormat),
}

fn format(name: &str) -> Result<AnyFormat, String> {
    if let Ok(format) = name.parse() {
        return Ok(AnyFormat::Reserves(format));
    }
    name.parse().map(AnyFormat::Ledger).map_err(|error: crate::ledger::WriteError| {
        let others: Vec<_> = RESERVES_FORMATS.iter().map(|(name, _)| *name).collect();
        format!("{error}, {}", others.join(", "))
    })
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    match args.format {
        AnyFormat::Ledger(format) => ledger(format, args, global),
        AnyFormat::Reserves(format) => reserves(format, args, global),
    }
}

/// Imports reserve lines alone.
fn reserves(format: ReservesFormat, args: &Args, global: &Global) -> Result<Exit, Failure> {
    let given = [
        ("--exchange-name", args.exchange_name.is_some()),
        ("--domain", args.domain.is_some()),
        ("--lei", args.lei.is_some()),
        ("--snapshot-id", args.snapshot_id.is_some()),
        ("--taken-at", args.taken_at.is_some()),
        ("--assets", args.assets.is_some()),
        ("--decimals", args.decimals.is_some()),
        ("--account-column", args.account_column != "account"),
        ("--asset-column", args.asset_column != "asset"),
        ("--amount-column", args.amount_column != "amount"),
    ];
    if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given) {
        return Err(Failure::usage(format!("{option} is for whole ledgers; this format writes reserves.csv alone")));
    }
    let meter = global.meter();
    let imported = import_reserves(format, &args.paths, &args.out, &args.limits.limits(), meter.listener())?;
    drop(meter);
    for note in &imported.notes {
        output::note(note);
    }
    output::lines([format!("Wrote {} reserve lines to {}.", imported.lines, imported.file.display())])?;
    Ok(Exit::Ok)
}

fn ledger(format: Format, args: &Args, global: &Global) -> Result<Exit, Failure> {
    let or = |given: &Option<String>, default: &str| given.as_deref().unwrap_or(default).to_owned();
    let options = Options {
        exchange: Identity {
            name: or(&args.exchange_name, UNNAMED.0),
            domain: or(&args.domain, UNNAMED.1),
            lei: args.lei.clone(),
        },
        snapshot_id: or(&args.snapshot_id, UNKNOWN_SNAPSHOT_ID),
        taken_at: or(&args.taken_at, UNKNOWN_TAKEN_AT),
        assets: args.assets.clone(),
        decimals: args.decimals,
        columns: Columns {
            account: args.account_column.clone(),
            asset: args.asset_column.clone(),
            amount: args.amount_column.clone(),
        },
        limits: args.limits.limits(),
    };
    let meter = global.meter();
    let imported = import(format, &args.paths, &args.out, &options, meter.listener())?;
    drop(meter);
    for note in &imported.notes {
        output::note(note);
    }
    let unknown: Vec<_> = [
        ("--exchange-name", args.exchange_name.is_none(), &options.exchange.name),
        ("--domain", args.domain.is_none(), &options.exchange.domain),
        ("--snapshot-id", args.snapshot_id.is_none(), &options.snapshot_id),
        ("--taken-at", args.taken_at.is_none(), &options.taken_at),
    ]
    .into_iter()
    .filter(|(_, missing, _)| *missing)
    .map(|(option, _, value)| format!("{option} ({value})"))
    .collect();
    if !unknown.is_empty() {
        output::note(&format!(
            "The files do not say whose they are or of what time. Before you prove the ledger, correct in its manifest.toml, or give \
             when you import it: {}.",
            unknown.join(", ")
        ));
    }
    output::lines([format!(
        "Wrote {} accounts, {} balances and {} assets to {}.",
        imported.accounts,
        imported.balances,
        imported.assets,
        args.out.display()
    )])?;
    Ok(Exit::Ok)
}
