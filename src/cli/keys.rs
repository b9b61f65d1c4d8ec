//! `assay keys`: shows and rotates the keys that sign tokens and statements, and makes keys for auditors and countersigners.

use std::path::PathBuf;

use assay_core::{opinion::MAX_NAME_BYTES, text::name_defect};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::options::HomeArgs;
use super::output;
use super::token::tell_defects;
use crate::clock::{Clock, SystemClock};
use crate::tokens::{KeyRing, Purpose, SignerKey, SignerPurpose};

const MAKE_EXAMPLES: &str = "\
For auditors, regulators and others who sign about attestations: `assay countersign` and `assay opinion` sign with the key. The service's own
keys are made by `assay serve` and replaced by `assay keys rotate`.

Give the printed list to the services that shall take your signatures (`countersigners.jwks_file`), and to everybody who shall rely on them.
Keep the private key to yourself, with a copy in a safe place: nobody can make it again.

Examples:
  assay keys make --purpose opinion --auditor \"Example Audit LLP\" --out key.json > public.json
  assay keys make --purpose attestation --out key.json > public.json

Exit codes: 0 made, 2 an option is wrong, 3 the file exists already or cannot be written.";

const ROTATE_EXAMPLES: &str = "\
Running services read the new key within seconds. A replaced token key stays published until every token that it signed has
expired, at most 31 days. A replaced statement key stays published permanently. To revoke a key, rotate it and then delete its
file in HOME/keys: everything that it signed is then refused.

After you rotate a statement key, give the new list of keys (`assay keys show`) to everyone who verifies your signatures.

Examples:
  assay keys rotate
  assay keys rotate --purpose attestation

Exit codes: 0 rotated, 2 an option is wrong, 3 the keys cannot be read or written.";

const SHOW_EXAMPLES: &str = "\
The service publishes the same list as /.well-known/jwks.json. If there are no keys yet, the command creates them. The member
assay_purpose of a key is the kind of document that it signs: token or attestation.

Example:
  assay keys show > exchange-keys.json

Exit codes: 0 printed, 3 the keys cannot be read or written.";

/// Show and rotate the keys that sign tokens and statements
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, clap::Subcommand)]
enum KeysCommand {
    Make(MakeArgs),
    Rotate(RotateArgs),
    Show(ShowArgs),
}

/// Make a key of your own for countersignatures or opinions
///
/// Prints the public key (JWKS).
#[derive(Debug, clap::Args)]
#[command(after_long_help = MAKE_EXAMPLES)]
struct MakeArgs {
    /// What the key signs: attestation for countersignatures, opinion for opinions
    #[arg(long, value_name = "PURPOSE", value_parser = signer_parser())]
    purpose: SignerPurpose,

    /// The one name in which the key gives opinions
    #[arg(long, value_name = "NAME")]
    auditor: Option<String>,

    /// New file for the private key
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Create a new signing key
#[derive(Debug, clap::Args)]
#[command(after_long_help = ROTATE_EXAMPLES)]
struct RotateArgs {
    /// Key to rotate: the one that signs tokens, or the one that signs attestations
    #[arg(long, value_name = "PURPOSE", default_value = "token", value_parser = purpose_parser())]
    purpose: Purpose,

    #[command(flatten)]
    home: HomeArgs,
}

/// Print the public keys (JWKS)
#[derive(Debug, clap::Args)]
#[command(after_long_help = SHOW_EXAMPLES)]
struct ShowArgs {
    #[command(flatten)]
    home: HomeArgs,
}

fn signer_parser() -> impl TypedValueParser<Value = SignerPurpose> {
    let purpose = |name: String| SignerPurpose::ALL.into_iter().find(|p| p.as_str() == name).ok_or("no such purpose");
    PossibleValuesParser::new(SignerPurpose::ALL.map(SignerPurpose::as_str)).try_map(purpose)
}

fn purpose_parser() -> impl TypedValueParser<Value = Purpose> {
    let purpose = |name: String| Purpose::ALL.into_iter().find(|p| p.as_str() == name).ok_or("no such purpose");
    PossibleValuesParser::new(Purpose::ALL.map(Purpose::as_str)).try_map(purpose)
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let now = SystemClock.now();
    let open = |home: &HomeArgs| -> Result<KeyRing, Failure> {
        let keys = KeyRing::open_or_create(&home.home()?.keys_dir(), now)?;
        tell_defects(&keys);
        Ok(keys)
    };
    match &args.command {
        KeysCommand::Make(args) => {
            if args.auditor.is_some() && args.purpose != SignerPurpose::Opinion {
                return Err(Failure::usage("--auditor goes with --purpose opinion"));
            }
            if let Some(defect) = args.auditor.as_deref().and_then(|name| name_defect(name, MAX_NAME_BYTES)) {
                return Err(Failure::usage(format!("--auditor {defect}")));
            }
            let key = SignerKey::create(&args.out, args.purpose, args.auditor.as_deref())?;
            output::json(&json!({ "keys": [key.public()] }))?;
        }
        KeysCommand::Rotate(args) => {
            let kid = open(&args.home)?.rotate(args.purpose, now)?;
            output::lines([format!("new {} key: {kid}", args.purpose.as_str())])?;
        }
        KeysCommand::Show(args) => output::json(&open(&args.home)?.jwks(now))?,
    }
    Ok(Exit::Ok)
}
