//! `assay verify`: is an attestation valid?

use std::path::PathBuf;

use assay_verifier::report::attestation_lines;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs};
use super::output;
use super::report::AttestationJson;
use crate::attest;

const EXAMPLES: &str = "\
The first verification of a shape derives the circuit's parameters and keeps them in the home directory; the digest of
what is kept is compared with the one built into this program every time.

The proof shows that the statement is true of some ledger; only a signature shows whose statement it is. With --jwks
one of the keys in FILE must have signed it, and none of them wrongly. Get FILE from the exchange itself, which publishes it
as /.well-known/jwks.json, or from its auditor, never together with the attestation.

JSON: {valid, checks: [{id, title, passed, detail}], required_coverage_bps, assets: [{symbol, scale, customer_assets,
debts, net, reserves, coverage_bps}]}. Amounts are decimal strings of whole assets; coverage_bps is in hundredths of a
percent, null where nothing is owed; required_coverage_bps is what the exchange's own policy demands, null where no reserves
are stated. There are assets only where the proof holds. The check `signature` is there only with --jwks.

Examples:
  assay verify attestation
  assay verify attestation --json | jq .valid

Exit codes: 0 valid, 1 not valid, 2 an option is wrong, 3 a file cannot be read.";

/// Verify an attestation, offline
///
/// Prints one line for each check, then what is owed and held of each asset. An attestation that is proved but breaks its
/// own policy, such as too little of an asset in reserve, is not valid.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The attestation: its directory, or the same files in one .zip bundle
    #[arg(value_name = "OUT|BUNDLE")]
    out: PathBuf,

    /// Public keys that you trust (JWKS): one of them must have signed the statement
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let home = args.home.home()?;
    let meter = global.meter();
    let (report, note) = attest::verify(&args.out, &home, global.tests(), args.jwks.as_deref(), meter.listener())?;
    drop(meter);
    if args.json {
        output::json(&AttestationJson::of(&report))?;
    } else {
        output::lines(note)?;
        output::lines(attestation_lines(&report))?;
    }
    Ok(Exit::verdict(report.is_valid()))
}
