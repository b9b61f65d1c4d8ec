//! `assay verify`: verifies an attestation.

use std::path::PathBuf;

use assay_verifier::report::attestation_lines;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs, LogArgs, SignatureArgs};
use super::output;
use super::report::AttestationJson;
use crate::attest;

const EXAMPLES: &str = "\
The first verification with a shape derives the circuit's parameters and caches them in the home directory. Every run compares
the digest of the cached parameters with the digest built into this program.

The proof shows that the statement is true of some ledger. Only a signature shows whose statement it is. With --jwks, at least
one key in FILE must have signed the statement, and no signature by a key in FILE may be false. Get FILE from the exchange, which
publishes it as /.well-known/jwks.json, or from its auditor. Do not use a FILE that came with the attestation.

A signature does not show that everybody is shown the same statement. With --log-policy, the statement must be in a transparency log that
FILE lists, cosigned by the witnesses that FILE asks for. api-spec/log.md has an example of such a FILE.

JSON: {valid, checks: [{id, title, passed, detail}], statement: {statement_digest, domain, snapshot, taken_at}, signature: {state,
keys}, log, required_coverage_bps, coverage_basis, assets: [{symbol, scale, customer_assets, debts, net, reserves, coverage_bps, owned,
third_party}]}.
`signature.state` is signed, unchecked (no --jwks), missing or refused; `keys` are the keys in FILE that signed. `log` is logged,
unchecked (no --log-policy) or refused. Amounts are
decimal strings of whole assets. `coverage_bps` is in hundredths of a percent, or null if nothing is owed.
`required_coverage_bps` is the exchange's own policy, or null if it states no reserves;
`coverage_basis` is gross (of what customers hold) or net (minus what they owe). If the proof does not verify, `assets` is empty and
`statement` is null. `checks` contains `signature` only with --jwks or --require-signature, and `log` only
with --log-policy.

Examples:
  assay verify attestation
  assay verify attestation --json | jq .valid

Exit codes: 0 valid, 1 not valid, 2 an option is wrong, 3 a file cannot be read.";

/// Verify an attestation offline
///
/// Prints one line for each check, the amounts owed and held of each asset, and a verdict that says whose signature was checked. An attestation that is proved but breaks
/// the exchange's own policy, for example because reserves are too low, is not valid.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The attestation: a directory or a .zip bundle
    #[arg(value_name = "OUT|BUNDLE")]
    out: PathBuf,

    #[command(flatten)]
    signatures: SignatureArgs,

    #[command(flatten)]
    logs: LogArgs,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let home = args.home.home()?;
    let meter = global.meter();
    let asked = (args.signatures.signatures(), args.logs.logs());
    let report = attest::verify(&args.out, &home, global.tests(), asked, meter.listener())?;
    drop(meter);
    if args.json {
        output::json(&AttestationJson::of(&report))?;
    } else {
        output::lines(attestation_lines(&report))?;
    }
    Ok(Exit::verdict(report.is_valid()))
}
