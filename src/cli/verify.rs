//! `assay verify`: verifies an attestation.

use std::path::PathBuf;

use assay_verifier::report::attestation_lines;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs};
use super::output;
use super::report::AttestationJson;
use crate::attest;

const EXAMPLES: &str = "\
The first verification with a shape derives the circuit's parameters and caches them in the home directory. Every run compares
the digest of the cached parameters with the digest built into this program.

The proof shows that the statement is true of some ledger. Only a signature shows whose statement it is. With --jwks, at least
one key in FILE must have signed the statement, and no signature by a key in FILE may be false. Get FILE from the exchange, which
publishes it as /.well-known/jwks.json, or from its auditor. Do not use a FILE that came with the attestation.

JSON: {valid, checks: [{id, title, passed, detail}], required_coverage_bps, assets: [{symbol, scale, customer_assets,
debts, net, reserves, coverage_bps}]}. Amounts are decimal strings of whole assets. `coverage_bps` is in hundredths of a
percent, or null if nothing is owed. `required_coverage_bps` is the exchange's own policy, or null if it states no reserves.
`assets` is empty if the proof does not verify. `checks` contains `signature` only with --jwks.

Examples:
  assay verify attestation
  assay verify attestation --json | jq .valid

Exit codes: 0 valid, 1 not valid, 2 an option is wrong, 3 a file cannot be read.";

/// Verify an attestation offline
///
/// Prints one line for each check, then the amounts owed and held of each asset. An attestation that is proved but breaks
/// the exchange's own policy, for example because reserves are too low, is not valid.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The attestation: a directory or a .zip bundle
    #[arg(value_name = "OUT|BUNDLE")]
    out: PathBuf,

    /// Public keys that you trust (JWKS); one of them must have signed the statement
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
