//! `assay verify-disclosure`: verifies a disclosure and the attestations that it refers to.

use std::path::PathBuf;

use assay_core::check::Check;
use assay_programs::disclosure::claim::Claim;
use assay_programs::ledger::report::Report;
use assay_verifier::report::disclosure_lines;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs};
use super::output;
use super::report::AttestationJson;
use crate::attest;

const EXAMPLES: &str = "\
The proofs show that the statements are true of some ledgers. Only signatures show whose statements they are. Repeat --jwks for
each --attestation, in the same order: a key in FILE must have signed that statement. No key may have signed two of the attestations:
one exchange would count twice. So list each exchange's own keys, and not an auditor's who signed all of them. Without --jwks,
an attestation may have been invented by the person who sent it.

Use --for, or compare the printed text with the one you asked for: a disclosure made for someone else shows nothing about the
person who sent it. Anyone who knows the account's pages can make a disclosure, including the exchange.

JSON: {valid, claim, checks: [{id, title, passed, detail}], attestations: [{exchange, domain, taken_at, …}]}. The other members
of an attestation are those of `assay verify --json`. `exchange`, `domain` and `taken_at` are null if its proof does not verify.

Examples:
  assay verify-disclosure d.json --attestation attestation --for \"Prime Co, 7 March\" --jwks exchange-keys.json
  assay verify-disclosure d.json --attestation venue-a --attestation venue-b

Exit codes: 0 valid, 1 not valid, 2 an option is wrong, 3 a file cannot be read.";

/// Verify a disclosure and the attestations that it refers to
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The disclosure file
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// An attestation that the disclosure refers to: a directory or a .zip bundle; may be repeated
    #[arg(long = "attestation", value_name = "OUT|BUNDLE", required = true)]
    attestations: Vec<PathBuf>,

    /// Public keys that you trust (JWKS); repeat for each attestation, in the same order
    #[arg(long, value_name = "FILE")]
    jwks: Vec<PathBuf>,

    /// Fail unless each attestation is signed by a key given with --jwks
    #[arg(long)]
    require_signature: bool,

    /// The text that the disclosure must be made for
    #[arg(long = "for", value_name = "TEXT", allow_hyphen_values = true)]
    context: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    home: HomeArgs,
}

#[derive(Serialize)]
struct DisclosureJson<'a> {
    valid: bool,
    claim: Option<&'a Claim>,
    checks: &'a [Check],
    attestations: Vec<OfJson<'a>>,
}

/// The report on one attestation, with its exchange and time.
#[derive(Serialize)]
struct OfJson<'a> {
    exchange: Option<&'a str>,
    domain: Option<&'a str>,
    taken_at: Option<&'a str>,
    #[serde(flatten)]
    report: AttestationJson<'a>,
}

impl<'a> OfJson<'a> {
    fn of(report: &'a Report) -> Self {
        let statement = report.statement.as_ref().map(|s| s.get());
        Self {
            exchange: statement.map(|s| s.exchange.name.as_str()),
            domain: statement.map(|s| s.exchange.domain.as_str()),
            taken_at: statement.map(|s| s.snapshot.taken_at.as_str()),
            report: AttestationJson::of(report),
        }
    }
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let home = args.home.home()?;
    if !args.jwks.is_empty() && args.jwks.len() != args.attestations.len() {
        return Err(Failure::usage(format!(
            "{} attestations but {} key files: give one --jwks for each --attestation, in the same order",
            args.attestations.len(),
            args.jwks.len()
        )));
    }
    let meter = global.meter();
    let disclosed = attest::verify_disclosure(
        &args.file,
        &args.attestations,
        &args.jwks,
        args.require_signature,
        args.context.as_deref(),
        (&home, global.tests(), meter.listener()),
    )?;
    drop(meter);
    let valid = disclosed.is_valid();
    if args.json {
        output::json(&DisclosureJson {
            valid,
            claim: disclosed.report.claim.as_ref(),
            checks: &disclosed.report.checks,
            attestations: disclosed.attestations.iter().map(OfJson::of).collect(),
        })?;
    } else {
        output::lines(disclosure_lines(&disclosed))?;
    }
    Ok(Exit::verdict(valid))
}
