//! `assay countersign`: signs a statement of somebody else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_core::sealed::Sealed;
use assay_core::signature::Jws;
use assay_programs::ledger::statement::Statement;
use assay_verifier::report::attestation_lines;
use sha2::{Digest, Sha256};

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs, LogArgs, SignatureArgs};
use super::output;
use crate::attest;
use crate::client::{Address, Client, add_signature, read_token};
use crate::durable::{self, Access};
use crate::tokens::{SignerKey, SignerPurpose};

const EXAMPLES: &str = "\
A countersignature says that its signer stands behind the same statement, or has checked that its proof verifies; it says nothing about how
the ledger was made. `assay opinion` says what was examined and with which result.

The command verifies the attestation first, as `assay verify` does, and signs nothing that is not valid. With --to, the service adds the
signature to the attestation if it lists the key (`countersigners.jwks_file`) and the token has the scope attestations:sign. The signature
becomes an entry of the transparency log. Everybody gets it from /v1/attestations/ID/signatures, for `assay verify --signatures`.

Examples:
  assay keys make --purpose attestation --out key.json > public.json
  assay countersign bundle.zip --key key.json --jwks exchange-keys.json --to https://assay.exchange.example --token-file token
  assay countersign bundle.zip --key key.json --out countersignature.jws

Exit codes: 0 signed, 1 the attestation is not valid, 2 an option is wrong, or the service refuses the token or the signature, 3 a file
cannot be read or written, or the service cannot be reached.";

/// Verify an attestation and sign its statement with a key of your own
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,

    #[command(flatten)]
    destination: Destination,
}

/// What is signed, and with which key.
#[derive(Debug, clap::Args)]
pub(super) struct Subject {
    /// The attestation: a directory or a .zip bundle
    #[arg(value_name = "OUT|BUNDLE")]
    attestation: PathBuf,

    /// Your private key, made by `assay keys make`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    #[command(flatten)]
    signatures: SignatureArgs,

    #[command(flatten)]
    logs: LogArgs,

    #[command(flatten)]
    home: HomeArgs,
}

impl Subject {
    /// The key, which must have this purpose.
    pub(super) fn key(&self, purpose: SignerPurpose) -> Result<SignerKey, Failure> {
        let key = SignerKey::read(&self.key)?;
        if key.purpose() == purpose {
            return Ok(key);
        }
        let (path, found, wanted) = (self.key.display(), key.purpose().as_str(), purpose.as_str());
        Err(Failure::usage(format!("{path} is a key of the purpose {found}; this needs one of the purpose {wanted}")))
    }

    /// Verifies the attestation and shows the report. Returns its statement and whether it is valid.
    pub(super) fn verified(&self, global: &Global) -> Result<(Sealed<Statement>, bool), Failure> {
        let home = self.home.home()?;
        let meter = global.meter();
        let asked = (self.signatures.signatures(), self.logs.logs());
        let report = attest::verify(&self.attestation, &home, global.tests(), asked, meter.listener())?;
        drop(meter);
        output::lines(attestation_lines(&report))?;
        // the one that was verified, whatever lies at the path by now
        let statement = match &report.statement {
            Some(verified) => verified.get().clone(),
            None => attest::statement(&self.attestation)?,
        };
        Ok((statement, report.is_valid()))
    }
}

/// Where a signature goes.
#[derive(Debug, clap::Args)]
pub(super) struct Destination {
    /// Write the signature to a new file
    #[arg(long, value_name = "FILE", required_unless_present = "to", conflicts_with = "to")]
    out: Option<PathBuf>,

    /// Address of the service that published the attestation: https, or http on this machine
    #[arg(long, value_name = "URL", requires = "token_file")]
    to: Option<String>,

    /// File with the access token
    #[arg(long, value_name = "FILE", requires = "to")]
    token_file: Option<PathBuf>,

    /// How long to try again after a lost connection, or if the service asks to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=86_400))]
    retry_seconds: u64,
}

impl Destination {
    /// The service, before anything is signed.
    pub(super) fn client(&self) -> Result<Option<Client>, Failure> {
        let (Some(to), Some(token_file)) = (&self.to, &self.token_file) else {
            return Ok(None);
        };
        let patience = Duration::from_secs(self.retry_seconds);
        Ok(Some(Client::new(Address::parse(to)?, read_token(token_file)?, patience)))
    }

    /// Sends a signature to the service, or writes it.
    pub(super) fn give(&self, client: Option<&Client>, id: &str, what: &str, jws: &Jws) -> Result<(), Failure> {
        let text = String::from_utf8(jws.to_bytes()).map_err(|e| Failure::environment(e.to_string()))?;
        if let Some(client) = client {
            let kid = add_signature(client, id, jws)?;
            return output::lines([
                format!("The {what} by {kid} is published with attestation {id}."),
                format!("Look for it in the log: an entry with the document {}.", hex::encode(Sha256::digest(&text))),
            ]);
        }
        let Some(out) = &self.out else { return Ok(()) };
        write_new(out, text.as_bytes())?;
        output::lines([format!("The {what} is in {}.", out.display())])
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    durable::create_new(path, Access::Public, bytes).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::usage(format!("{} exists already", path.display())),
        _ => Failure::environment(format!("{}: {e}", path.display())),
    })
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let key = args.subject.key(SignerPurpose::Countersignature)?;
    let client = args.destination.client()?;
    let (statement, is_valid) = args.subject.verified(global)?;
    if !is_valid {
        output::complain("not signed: the attestation is not valid");
        return Ok(Exit::verdict(false));
    }
    let jws = Jws::sign(statement.bytes(), key.private()).detached();
    args.destination.give(client.as_ref(), &statement.digest().to_string(), "countersignature", &jws)?;
    Ok(Exit::Ok)
}
