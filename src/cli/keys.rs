//! `assay keys`: shows and rotates the keys that sign tokens and statements.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::exit::{Exit, Failure};
use super::options::HomeArgs;
use super::output;
use super::token::tell_defects;
use crate::clock::{Clock, SystemClock};
use crate::tokens::{KeyRing, Purpose};

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
    Rotate(RotateArgs),
    Show(ShowArgs),
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
        KeysCommand::Rotate(args) => {
            let kid = open(&args.home)?.rotate(args.purpose, now)?;
            output::lines([format!("new {} key: {kid}", args.purpose.as_str())])?;
        }
        KeysCommand::Show(args) => output::json(&open(&args.home)?.jwks(now))?,
    }
    Ok(Exit::Ok)
}
