//! `assay opinion`: signs what an auditor says of an attestation.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use assay_core::opinion::{Auditor, OPINION_PROTOCOL, Opinion, OpinionResult};
use assay_core::signed::SignedDocument;
use assay_core::time::format_instant;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use sha2::{Digest, Sha256};

use super::countersign::{Destination, Subject};
use super::exit::{Exit, Failure};
use super::options::Global;
use super::output;
use crate::clock::{Clock, SystemClock};
use crate::tokens::SignerPurpose;

const EXAMPLES: &str = "\
The command verifies the attestation first, as `assay verify` does. It signs nothing that is not valid unless the opinion is adverse, or
--despite says why; the reason becomes a finding. Readers accept the opinion with `assay verify --signatures FILE --auditors KEYS`, where KEYS
lists your public key with the assay_purpose opinion. With --to, the service adds the opinion to the attestation if it lists the key
(`countersigners.jwks_file`) and the token has the scope attestations:sign; the opinion becomes an entry of the transparency log and is
shown on the attestation's page.

Format: api-spec/jws.md.

Examples:
  assay keys make --purpose opinion --auditor \"Example Audit LLP\" --out key.json > public.json
  assay opinion evidence.zip --key key.json --auditor \"Example Audit LLP\" --criteria \"ISAE 3000 (Revised)\" --result unmodified \\
      --procedure proof --procedure ownership --procedure sampling:60 --report report.pdf \\
      --to https://assay.exchange.example --token-file token

Exit codes: 0 signed, 1 the attestation is not valid, 2 an option is wrong, or the service refuses the token or the opinion, 3 a file cannot
be read or written, or the service cannot be reached.";

/// Verify an attestation and sign an auditor's opinion about it
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,

    /// Name of the auditor [default: the one in the key]
    #[arg(long, value_name = "NAME")]
    auditor: Option<String>,

    /// Legal entity identifier of the auditor (ISO 17442)
    #[arg(long, value_name = "LEI")]
    lei: Option<String>,

    /// The standard by which it was examined, e.g. "ISAE 3000 (Revised)"
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    criteria: String,

    /// The result
    #[arg(long, value_name = "RESULT", value_parser = result_parser())]
    result: OpinionResult,

    /// What was done, e.g. proof, ownership, balances, sampling:60; may be given several times
    #[arg(long = "procedure", value_name = "TEXT", required = true, allow_hyphen_values = true)]
    procedures: Vec<String>,

    /// What was found, one sentence; may be given several times, and must be unless the result is unmodified
    #[arg(long = "finding", value_name = "TEXT", allow_hyphen_values = true)]
    findings: Vec<String>,

    /// The report, whose SHA-256 becomes part of the opinion
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Sign although the attestation is not valid, for this reason
    #[arg(long, value_name = "REASON")]
    despite: Option<String>,

    #[command(flatten)]
    destination: Destination,
}

fn result_parser() -> impl TypedValueParser<Value = OpinionResult> {
    let result = |name: String| OpinionResult::ALL.into_iter().find(|r| r.as_str() == name).ok_or("no such result");
    PossibleValuesParser::new(OpinionResult::ALL.map(OpinionResult::as_str)).try_map(result)
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let key = args.subject.key(SignerPurpose::Opinion)?;
    let name = match (args.auditor.as_deref(), key.auditor()) {
        (Some(given), Some(listed)) if given != listed => {
            return Err(Failure::usage(format!(
                "--auditor is {given:?}, and the key gives opinions in the name of {listed:?} only"
            )));
        }
        (given, listed) => {
            given.or(listed).ok_or_else(|| Failure::usage("the key names no auditor; give --auditor NAME"))?
        }
    };
    let client = args.destination.client()?;
    let report_sha256 = args.report.as_deref().map(sha256_of).transpose()?;
    let (statement, is_valid) = args.subject.verified(global)?;
    if !is_valid && args.despite.is_none() && args.result != OpinionResult::Adverse {
        output::complain(
            "not signed: the attestation is not valid; an opinion that is not adverse needs --despite REASON",
        );
        return Ok(Exit::verdict(false));
    }
    let despite =
        args.despite.as_ref().filter(|_| !is_valid).map(|reason| format!("signed although not valid: {reason}"));
    let opinion = Opinion {
        auditor: Auditor { lei: args.lei.clone(), name: name.to_owned() },
        criteria: args.criteria.clone(),
        findings: args.findings.iter().cloned().chain(despite).collect(),
        procedures: args.procedures.clone(),
        protocol: OPINION_PROTOCOL.to_owned(),
        report_sha256,
        result: args.result,
        signed_at: format_instant(SystemClock.now().replace_nanosecond(0).unwrap_or_else(|_| SystemClock.now())),
        statement: statement.digest().to_string(),
    };
    let signed = SignedDocument::sign(opinion, key.private()).map_err(|e| Failure::usage(e.to_string()))?;
    args.destination.give(client.as_ref(), &statement.digest().to_string(), "opinion", signed.jws())?;
    Ok(Exit::Ok)
}

fn sha256_of(path: &Path) -> Result<String, Failure> {
    let mut digest = Sha256::new();
    File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut digest))
        .map_err(|e| Failure::environment(format!("{}: {e}", path.display())))?;
    Ok(hex::encode(digest.finalize()))
}
