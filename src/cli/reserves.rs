//! `assay reserves`: what the reserves' addresses have to sign, who signed, which of them two exchanges name, and
//! what is there.

mod balances;
mod lines;
mod overlap;

use std::collections::BTreeSet;
use std::path::PathBuf;

use assay_core::decimal::DecimalError;
use assay_core::text::{shown, visible};
use assay_ownership::{Chain, Defect, Kind, Reason, Verdict};
use assay_programs::ledger::statement::ByStatus;
use assay_verifier::owners::Shown;
use clap::Subcommand;
use serde::Serialize;

use self::lines::stated;
use super::exit::{Exit, Failure};
use super::options::{Global, LimitArgs};
use super::{output, private_file};
use crate::ledger::{Finding, ReserveLine, StatedReserves, ownership_context};

/// Say what reserve addresses have to sign, check who signed, and compare with other exchanges and with the chains
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Messages(MessagesArgs),
    Check(CheckArgs),
    Overlap(overlap::Args),
    Balances(balances::Args),
}

const MESSAGES_EXAMPLES: &str = "\
The message names the exchange's domain, the address, the snapshot and its time, so a signature over it cannot be used by another
exchange or for another snapshot. `[reserves]` in manifest.toml adds an auditor's challenge, and a block that shows when it was signed
at the earliest. Put the signatures into the column `signature` and leave `message` empty. The command reads manifest.toml, assets.csv
and reserves.csv; the balances may be missing.

Output: CSV with the columns chain, address, scheme, message; with --json a list of objects with these members. `chain` is evm for all
EVM chains, where one signature serves an address on all of them. `scheme` is the form of signature that is expected.

Examples:
  assay reserves messages ledger
  assay reserves messages ledger --out to-sign.csv

Exit codes: 0 written, 1 a file is not valid, 2 FILE exists or an option is wrong, 3 a file cannot be read or written.";

/// Print the message that each reserve address has to sign
#[derive(Debug, clap::Args)]
#[command(after_long_help = MESSAGES_EXAMPLES)]
struct MessagesArgs {
    /// Directory of the ledger
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// File to create, readable only by you; it must not exist [default: standard output]
    #[arg(long = "out", value_name = "FILE")]
    file: Option<PathBuf>,

    /// Print a JSON list
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    limits: LimitArgs,
}

const CHECK_EXAMPLES: &str = "\
fresh: the key of the address signed the message of this snapshot. Only this may be called proven owned.
undated: the key once signed the text that is printed; anybody can copy such a line.
third_party: a custodian or bank states the line for this snapshot, by a key of the list that `custodians` in manifest.toml names, or of
yours. It is their word.
unproven: nothing is shown, for the reason that is printed.
A signature that is there and false is an error, and so is an address that its chain cannot read if it has a signature. That the coins
are there is not checked.

JSON: {valid: true, assets: [{symbol, fresh, undated, third_party, unproven}], lines: [{line, asset, chain, address, amount, status,
reason, message, key}], messages, warnings} or {valid: false, findings, total}. Amounts are decimal strings of whole assets, exact. `reason`
is there for unproven lines, `message` for undated ones, `key` (the name of the key that signed) for those of third parties; `messages` lists
the texts of undated lines.

Examples:
  assay reserves check ledger
  assay reserves check ledger --json | jq .assets
  assay reserves check ledger --custodians banks.json

Exit codes: 0 no signature is false, 1 a file is not valid or a signature is false, 2 an option is wrong, 3 a file cannot be read.";

/// Check the signatures of all reserve lines
///
/// Prints what each line shows, and for each asset the sums by status.
#[derive(Debug, clap::Args)]
#[command(after_long_help = CHECK_EXAMPLES)]
struct CheckArgs {
    /// Directory of the ledger
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Public keys of custodians and banks that you trust (JWKS with the purpose "holding"), instead of the exchange's list
    #[arg(long, value_name = "FILE")]
    custodians: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    limits: LimitArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    match &args.command {
        Command::Messages(args) => messages(args, global),
        Command::Check(args) => check(args, global),
        Command::Overlap(args) => overlap::run(args),
        Command::Balances(args) => balances::run(args, global),
    }
}

/// What one address has to sign.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ToSign {
    chain: String,
    address: String,
    scheme: &'static str,
    message: String,
}

fn messages(args: &MessagesArgs, global: &Global) -> Result<Exit, Failure> {
    private_file::check_free(args.file.as_deref())?;
    let reserves = stated(&args.dir, None, &args.limits, global)?;
    let (list, without) = to_sign(&reserves)?;
    let bytes = if args.json {
        let mut bytes = serde_json::to_vec_pretty(&list).map_err(|e| Failure::environment(e.to_string()))?;
        bytes.push(b'\n');
        bytes
    } else {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let written = std::iter::once(["chain", "address", "scheme", "message"])
            .chain(list.iter().map(|own| [&own.chain, &own.address, own.scheme, &own.message]))
            .try_for_each(|record| csv.write_record(record));
        written.map_err(|e| Failure::environment(e.to_string()))?;
        csv.into_inner().map_err(|e| Failure::environment(e.to_string()))?
    };
    private_file::deliver(args.file.as_deref(), &bytes)?;
    for warning in &reserves.warnings {
        output::complain(&format!("Warning: {warning}"));
    }
    if !without.is_empty() {
        let chains: Vec<_> = without.iter().map(|chain| shown(chain)).collect();
        output::complain(&format!(
            "no message for some lines of {}: no signature over them could be fresh (contracts, custodians, banks, and what has no rule)",
            chains.join(", ")
        ));
    }
    Ok(Exit::Ok)
}

/// What there is to sign, each address once, and the chains of lines that no signature can make fresh: those without a rule, contracts,
/// custodians and banks. An address that its chain cannot read is left to the warnings.
fn to_sign(reserves: &StatedReserves) -> Result<(Vec<ToSign>, BTreeSet<&str>), Failure> {
    let context = ownership_context(&reserves.manifest);
    let (mut list, mut seen, mut without) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for line in &reserves.lines {
        let own = line.ownership();
        let chain = Chain::parse(own.chain).filter(|_| own.kind == Kind::Address);
        if chain.as_ref().is_some_and(|chain| chain.canonical_address(own.address).is_err()) {
            continue;
        }
        let scheme = chain.as_ref().and_then(|chain| chain.fresh_scheme(own.address));
        let (Some(chain), Some(scheme)) = (chain, scheme) else {
            without.insert(own.chain);
            continue;
        };
        let refused = |defect: Defect| Failure::refused_line("reserves.csv", line.line, &defect.to_string());
        let message = context.message(&chain.family(), own.address).map_err(refused)?;
        if seen.insert(message.clone()) {
            list.push(ToSign { chain: chain.family(), address: own.address.to_owned(), scheme, message });
        }
    }
    Ok((list, without))
}

fn check(args: &CheckArgs, global: &Global) -> Result<Exit, Failure> {
    let reserves = match stated(&args.dir, args.custodians.as_deref(), &args.limits, global) {
        Ok(reserves) => reserves,
        Err(failure) => return output::refused(failure, args.json),
    };
    let report = OwnershipReport::of(&reserves)?;
    if args.json {
        output::json(&report)?;
    } else {
        output::lines(report.lines())?;
    }
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct OwnershipReport<'a> {
    valid: bool,
    assets: Vec<AssetSums<'a>>,
    lines: Vec<LineReport<'a>>,
    /// The texts that undated lines signed.
    messages: BTreeSet<String>,
    warnings: &'a [Finding],
    #[serde(skip)]
    counts: ByStatus<u64>,
}

/// Exact sums of the stated amounts by status.
#[derive(Serialize)]
struct AssetSums<'a> {
    symbol: &'a str,
    #[serde(flatten)]
    sums: ByStatus<String>,
}

#[derive(Serialize)]
struct LineReport<'a> {
    line: u64,
    asset: &'a str,
    chain: &'a str,
    address: &'a str,
    amount: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip)]
    sentence: Option<&'static str>,
}

impl<'a> OwnershipReport<'a> {
    fn of(reserves: &'a StatedReserves) -> Result<Self, Failure> {
        let mut shown = Shown::default();
        for ReserveLine { asset, fields: [_, _, _, amount, ..], verdict, line } in &reserves.lines {
            let refused = |e: DecimalError| Failure::refused_line("reserves.csv", *line, &e.to_string());
            shown.add(*asset, amount, verdict).map_err(refused)?;
        }
        let assets = shown.sums.into_iter().map(|(asset, sums)| AssetSums {
            symbol: &reserves.assets[usize::from(asset)].symbol,
            sums: sums.map(|sum| sum.to_string()),
        });
        let assets = assets.collect();
        let lines: Vec<_> = reserves.lines.iter().map(LineReport::of).collect();
        let (messages, counts) = (shown.texts, shown.lines);
        Ok(Self { valid: true, assets, lines, messages, warnings: &reserves.warnings, counts })
    }

    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.lines.iter().map(LineReport::text).collect();
        lines.push(String::new());
        let header = ["asset", "fresh", "third party", "undated", "unproven"].map(str::to_owned);
        let rows = self.assets.iter().map(|own| {
            let [fresh, third_party, undated, unproven] = own.sums.as_ref().parts().map(String::clone);
            [visible(own.symbol), fresh, third_party, undated, unproven]
        });
        let rows: Vec<[String; 5]> = std::iter::once(header).chain(rows).collect();
        let widths: [usize; 5] = std::array::from_fn(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0));
        lines.extend(rows.iter().map(|row| {
            let cells = row.iter().zip(widths).skip(1).map(|(cell, width)| format!("  {cell:>width$}"));
            format!("{:<width$}{}", row[0], cells.collect::<String>(), width = widths[0])
        }));
        lines.push(String::new());
        if !self.messages.is_empty() {
            lines.push("Undated lines are signed over these texts:".to_owned());
            lines.extend(self.messages.iter().map(|text| format!("  \"{text}\"")));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("Warning: {warning}")));
        let ByStatus { fresh, undated, third_party, unproven } = self.counts;
        lines.push(format!(
            "No signature is false. Of {} lines {fresh} are proven owned (fresh), {third_party} stated by listed third parties, {undated} \
             undated, {unproven} unproven. That the coins are there was not checked.",
            self.lines.len(),
        ));
        lines
    }
}

impl<'a> LineReport<'a> {
    fn of(own: &'a ReserveLine) -> Self {
        let [asset, chain, address, amount, ..] = &own.fields;
        let (mut reason, mut message, mut key): (Option<Reason>, Option<&str>, Option<&str>) = (None, None, None);
        match &own.verdict {
            Verdict::Fresh => {}
            Verdict::Undated { text } => message = Some(text),
            Verdict::ThirdParty { kid } => key = Some(kid),
            Verdict::Unproven(own) => reason = Some(*own),
        }
        Self {
            line: own.line,
            asset,
            chain,
            address,
            amount,
            status: own.verdict.status(),
            reason: reason.map(Reason::code),
            message,
            key,
            sentence: reason.map(Reason::sentence),
        }
    }

    fn text(&self) -> String {
        let Self { line, amount, status, .. } = self;
        let [asset, chain, address] = [self.asset, self.chain, self.address].map(visible);
        let why = match (self.sentence, self.key) {
            (Some(sentence), _) => format!(": {sentence}"),
            (None, Some(key)) => format!(": by key {}", visible(key)),
            (None, None) => String::new(),
        };
        format!("line {line}: {} {asset} on {chain} at {address}: {status}{why}", visible(amount))
    }
}
