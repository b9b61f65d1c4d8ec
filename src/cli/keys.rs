//! `assay keys`: the keys that sign tokens and statements.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::exit::{Exit, Failure};
use super::options::HomeArgs;
use super::output;
use crate::clock::{Clock, SystemClock};
use crate::tokens::{KeyRing, Purpose};

const ROTATE_EXAMPLES: &str = "\
Running services notice within seconds. A replaced token key stays published until the last token it may have signed has
expired, 31 days at most; a replaced statement key stays published for good. To take a key back at once, rotate and then
delete its file in the directory keys/ of the home directory: everything it signed is refused from then on.

Whoever verifies attestations against a list of keys needs the new list (`assay keys show`) after a statement key was
rotated.

Examples:
  assay keys rotate
  assay keys rotate --purpose attestation

Exit codes: 0 rotated, 2 an option is wrong, 3 the keys cannot be read or written.";

const SHOW_EXAMPLES: &str = "\
The list is what the service publishes as /.well-known/jwks.json. Keys that are missing are made first. The member
assay_purpose of a key says what it signs: token or attestation.

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

/// Make a new key, which signs from now on
#[derive(Debug, clap::Args)]
#[command(after_long_help = ROTATE_EXAMPLES)]
struct RotateArgs {
    /// Which key: that of tokens, or that of statements
    #[arg(long, value_name = "PURPOSE", default_value = "token", value_parser = purpose_parser())]
    purpose: Purpose,

    #[command(flatten)]
    home: HomeArgs,
}

/// Print the public keys as a list (JWKS)
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
    let open =
        |home: &HomeArgs| -> Result<KeyRing, Failure> { Ok(KeyRing::open_or_create(&home.home()?.keys_dir(), now)?) };
    match &args.command {
        KeysCommand::Rotate(args) => {
            let kid = open(&args.home)?.rotate(args.purpose, now)?;
            output::lines([format!("new {} key: {kid}", args.purpose.as_str())])?;
        }
        KeysCommand::Show(args) => output::json(&open(&args.home)?.jwks(now))?,
    }
    Ok(Exit::Ok)
}
