//! `assay-verify`: the auditor's and the customer's verifier.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use assay_programs::{ledger::inclusion::{MAX_INCLUSION_BYTES, verify_inclusion}, purpose::TestShapes};
use assay_verifier::{
    attestation::{Attestation, read_bounded, read_jwks},
    parameters::load,
    report::{attestation_lines, inclusion_lines},
};

const USAGE: &str = "\
Verifies Assay attestations and inclusion files offline.

Usage:
  assay-verify OUT                             verify the attestation OUT, a directory or a .zip bundle
  assay-verify OUT --inclusion FILE            verify it, and that FILE's account is included
  assay-verify OUT --jwks FILE                 verify it, and that a key of FILE signed it

Options:
  --account REF the account reference as its owner knows it: FILE must be of this account
  --jwks FILE   public keys that you trust, not from OUT: one of them must have signed the statement
  --cache DIR   where the circuit's parameters are kept (default: ~/.assay/parameters)
  -h, --help    this text

Exit codes: 0 valid, 1 not valid, 2 usage, 3 a file is missing or unreadable.
";

fn main() -> ExitCode {
    match parse(std::env::args().skip(1).collect()) {
        Ok(Some(arguments)) => run(&arguments),
        Ok(None) => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprint!("{reason}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

struct Arguments {
    out: PathBuf,
    inclusion: Option<PathBuf>,
    account: Option<String>,
    jwks: Option<PathBuf>,
    cache: PathBuf,
}

fn parse(arguments: Vec<String>) -> Result<Option<Arguments>, String> {
    let (mut out, mut inclusion, mut account, mut jwks, mut cache) = (None, None, None, None, None);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = |name: &str| arguments.next().map(PathBuf::from).ok_or(format!("{name} needs a value"));
        match argument.as_str() {
            "-h" | "--help" => return Ok(None),
            "--inclusion" => inclusion = Some(value("--inclusion")?),
            "--account" => account = Some(value("--account")?.to_string_lossy().into_owned()),
            "--jwks" => jwks = Some(value("--jwks")?),
            "--cache" => cache = Some(value("--cache")?),
            option if option.starts_with('-') => return Err(format!("there is no option {option}")),
            path if out.is_none() => out = Some(PathBuf::from(path)),
            path => return Err(format!("one attestation at a time: what is {path}?")),
        }
    }
    let home = std::env::var_os("ASSAY_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".assay")));
    let cache = cache.or(home.map(|h| h.join("parameters"))).ok_or("no HOME is set: give --cache DIR")?;
    let out = out.ok_or("which attestation? give its directory")?;
    Ok(Some(Arguments { out, inclusion, account, jwks, cache }))
}

fn run(arguments: &Arguments) -> ExitCode {
    let attestation = match Attestation::read(&arguments.out) {
        Ok(attestation) => attestation,
        Err(e) => return unreadable(&e.to_string()),
    };
    let jwks = match arguments.jwks.as_deref().map(read_jwks).transpose() {
        Ok(jwks) => jwks,
        Err(e) => return unreadable(&e.to_string()),
    };
    let mut report = attestation.verify(TestShapes::Refused, |shape| load(shape, &arguments.cache));
    match jwks {
        Some(jwks) => report.checks.push(attestation.check_signature(&jwks)),
        None => print(attestation.unchecked_signatures().as_slice()),
    }
    let mut valid = report.is_valid();
    if let Some(file) = &arguments.inclusion {
        let file = match read_bounded(file, MAX_INCLUSION_BYTES) {
            Ok(file) => file,
            Err(e) => return unreadable(&e.to_string()),
        };
        let inclusion = verify_inclusion(&attestation.statement, &file, arguments.account.as_deref());
        print(&inclusion_lines(Some(&report), &inclusion));
        valid &= inclusion.is_valid();
    } else {
        print(&attestation_lines(&report));
    }
    if valid { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn unreadable(reason: &str) -> ExitCode {
    eprintln!("{reason}");
    ExitCode::from(3)
}

fn print(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}
