//! `assay-verify`: the auditor's and the customer's verifier.

use std::{path::PathBuf, process::ExitCode};

use assay_programs::{ledger::inclusion::MAX_INCLUSION_BYTES, reserves::MAX_DISCLOSURE_BYTES};
use assay_verifier::{
    attestation::{
        Attestation, read_auditors, read_custodians, read_jwks, read_log_policy, read_log_proof, read_signatures,
    },
    files::{Unreadable, read_bounded},
    report::{inclusion_lines, reserves_lines},
    trust::Trust,
};

#[cfg(not(feature = "proof"))]
mod light;
#[cfg(feature = "proof")]
mod proof;

#[cfg(not(feature = "proof"))]
use light as mode;
#[cfg(feature = "proof")]
use proof as mode;

const USAGE: &str = "\
Verifies Assay attestations, inclusion files, reserve lines and disclosures offline.

Usage:
  assay-verify OUT                         verify the attestation OUT, a directory or a .zip bundle
  assay-verify OUT --inclusion FILE        also verify that the account of FILE is included
  assay-verify OUT --reserves FILE         also verify disclosed reserve lines
  assay-verify OUT... --disclosure FILE    also verify a disclosure for up to four attestations
  assay-verify OUT... --jwks FILE...       also verify that a key in FILE signed the statement; one FILE for each OUT

Options:
  --account REF        your account reference; the inclusion file must be for this account
  --for TEXT           the text that the disclosure must be made for
  --jwks FILE          public keys that you trust; do not use a file that came with OUT
  --require-signature  fail unless a key given with --jwks signed the statement
  --signatures FILE    signatures, opinions and notices that came later (default: signatures.json in OUT)
  --auditors FILE      public keys of auditors that you trust; one of them must have signed an opinion, and none may object
  --custodians FILE    public keys of custodians and banks that you trust, for the lines of --reserves that they state
  --log-policy FILE    transparency logs and witnesses that you trust; the statement must be in one of these logs
  --log-proof FILE     the proof of that (default: the one in the inclusion file, else log/attestation.tlog-proof in OUT)
  --cache DIR          directory of the cached circuit parameters (default: ~/.assay/parameters)
  -h, --help           print this text

The last line says whether a signature was checked. Without --jwks, nothing shows whose statement it is. Without --log-policy, nothing
shows that everybody is shown the same statement.

Exit codes: 0 valid, 1 not valid, 2 usage, 3 a file is missing or unreadable.
";

fn main() -> ExitCode {
    match parse(std::env::args().skip(1).collect()) {
        Ok(Some(arguments)) => match run(&arguments) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(Failure::Usage(reason)) => usage(&reason),
            Err(Failure::Unreadable(e)) => {
                eprintln!("{e}");
                ExitCode::from(3)
            }
        },
        Ok(None) => {
            print!("{USAGE}{}", mode::ABOUT);
            ExitCode::SUCCESS
        }
        Err(reason) => usage(&reason),
    }
}

fn usage(reason: &str) -> ExitCode {
    eprint!("{reason}\n\n{USAGE}{}", mode::ABOUT);
    ExitCode::from(2)
}

/// Why nothing was verified.
enum Failure {
    Usage(String),
    Unreadable(Unreadable),
}

impl From<Unreadable> for Failure {
    fn from(e: Unreadable) -> Self {
        Self::Unreadable(e)
    }
}

#[derive(Default)]
struct Arguments {
    outs: Vec<PathBuf>,
    inclusion: Option<PathBuf>,
    account: Option<String>,
    reserves: Option<PathBuf>,
    custodians: Option<PathBuf>,
    disclosure: Option<PathBuf>,
    context: Option<String>,
    jwks: Vec<PathBuf>,
    require_signature: bool,
    log_policy: Option<PathBuf>,
    log_proof: Option<PathBuf>,
    signatures: Option<PathBuf>,
    auditors: Option<PathBuf>,
    #[cfg_attr(not(feature = "proof"), allow(dead_code))]
    cache: Option<PathBuf>,
}

fn parse(arguments: Vec<String>) -> Result<Option<Arguments>, String> {
    let mut found = Arguments::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = |name: &str| arguments.next().ok_or(format!("{name} needs a value"));
        match argument.as_str() {
            "-h" | "--help" => return Ok(None),
            "--inclusion" => found.inclusion = Some(value("--inclusion")?.into()),
            "--account" => found.account = Some(value("--account")?),
            "--reserves" => found.reserves = Some(value("--reserves")?.into()),
            "--custodians" => found.custodians = Some(value("--custodians")?.into()),
            "--disclosure" => found.disclosure = Some(value("--disclosure")?.into()),
            "--for" => found.context = Some(value("--for")?),
            "--jwks" => found.jwks.push(value("--jwks")?.into()),
            "--require-signature" => found.require_signature = true,
            "--log-policy" => found.log_policy = Some(value("--log-policy")?.into()),
            "--log-proof" => found.log_proof = Some(value("--log-proof")?.into()),
            "--signatures" => found.signatures = Some(value("--signatures")?.into()),
            "--auditors" => found.auditors = Some(value("--auditors")?.into()),
            "--cache" => found.cache = Some(value("--cache")?.into()),
            option if option.starts_with('-') => return Err(format!("unknown option {option}")),
            path => found.outs.push(path.into()),
        }
    }
    let Arguments { outs, inclusion, reserves, disclosure, jwks, .. } = &found;
    if outs.is_empty() {
        return Err("no attestation given: name its directory or its .zip bundle".to_owned());
    }
    if outs.len() > 1 && disclosure.is_none() {
        return Err(format!("{} attestations: several are verified together only with --disclosure", outs.len()));
    }
    if [inclusion, reserves, disclosure].iter().filter(|file| file.is_some()).count() > 1 {
        return Err("give one of --inclusion, --reserves and --disclosure at a time".to_owned());
    }
    if !jwks.is_empty() && jwks.len() != outs.len() {
        return Err(format!("{} attestations and {} lists of keys: give one for each", outs.len(), jwks.len()));
    }
    if found.account.is_some() && inclusion.is_none() || found.context.is_some() && disclosure.is_none() {
        return Err("--account goes with --inclusion, --for with --disclosure".to_owned());
    }
    if found.custodians.is_some() && reserves.is_none() {
        return Err("--custodians goes with --reserves".to_owned());
    }
    if found.log_proof.is_some() && (found.log_policy.is_none() || disclosure.is_some()) {
        return Err("--log-proof goes with --log-policy, and with no --disclosure".to_owned());
    }
    if disclosure.is_some() && (found.signatures.is_some() || found.auditors.is_some()) {
        return Err("--signatures and --auditors go with no --disclosure".to_owned());
    }
    Ok(Some(found))
}

/// Verifies what was asked for and prints it; returns whether all of it holds.
fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let attestations = arguments.outs.iter().map(|out| Attestation::read(out)).collect::<Result<Vec<_>, _>>()?;
    let keys = arguments.jwks.iter().map(|path| read_jwks(path)).collect::<Result<Vec<_>, _>>()?;
    let policy = arguments.log_policy.as_deref().map(read_log_policy).transpose()?;
    if arguments.disclosure.is_some() {
        return mode::disclosure(arguments, &attestations, &keys, policy.as_ref());
    }
    let log_proof = arguments.log_proof.as_deref().map(read_log_proof).transpose()?;
    let signatures = arguments.signatures.as_deref().map(read_signatures).transpose()?;
    let auditors = arguments.auditors.as_deref().map(read_auditors).transpose()?;
    let attestation = &attestations[0];
    let trust = Trust {
        jwks: keys.first(),
        signature_required: arguments.require_signature,
        log: policy.as_ref(),
        log_proof: log_proof.as_deref(),
        signatures: signatures.as_deref(),
        auditors: auditors.as_ref(),
    };
    if let Some(path) = &arguments.inclusion {
        let file = read_bounded(path, MAX_INCLUSION_BYTES)?;
        let inclusion = attestation.verify_inclusion(&file, arguments.account.as_deref());
        let own = inclusion.log.as_deref().map(str::as_bytes);
        let attested =
            mode::attestation(arguments, attestation, Trust { log_proof: trust.log_proof.or(own), ..trust })?;
        print(&inclusion_lines(&attested, &inclusion));
        return Ok(inclusion.is_valid() && attested.holds());
    }
    if let Some(path) = &arguments.reserves {
        let file = read_bounded(path, MAX_DISCLOSURE_BYTES)?;
        let custodians = arguments.custodians.as_deref().map(read_custodians).transpose()?;
        let attested = mode::attestation(arguments, attestation, trust)?;
        let reserves = attestation.verify_reserves(&file, custodians.as_ref());
        print(&reserves_lines(&reserves, &attested, "assay-verify, built with its proof system"));
        return Ok(reserves.is_valid() && attested.holds());
    }
    mode::alone(arguments, attestation, trust)
}

fn print(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}
