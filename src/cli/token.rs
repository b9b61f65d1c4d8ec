//! `assay token`: access tokens for the service.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use time::Duration;

use super::exit::{Exit, Failure};
use super::options::HomeArgs;
use super::output;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::tokens::{Grant, KeyRing, Role};

const MINT_EXAMPLES: &str = "\
Roles and their scopes:
  publisher  snapshots:write proofs:run                 an exchange's program; needs --exchange
  operator   snapshots:write proofs:run audit:read      a person of the exchange; needs --exchange
  auditor    audit:read attestations:sign
  regulator  audit:read
  customer   inclusion:read                             one account's owner; needs --exchange

The token is signed with the newest token key in the home directory, which is made if there is none. A service accepts it
that shares this directory and has the same public_url: that is the token's issuer, so give the settings that the service has,
by --config or ASSAY_PUBLIC_URL. Whoever has the token can use it until it expires: it cannot be taken back alone, only
together with all others, by rotating and deleting the key (`assay keys rotate --help`).

Examples:
  assay token mint --role customer --subject alice --exchange exchange.example
  assay token mint --role regulator --subject supervisor --ttl 7d
  curl -H \"Authorization: Bearer $(assay token mint --role publisher --subject ci --exchange exchange.example)\" …

Exit codes: 0 printed, 2 an option is wrong, 3 the keys cannot be read or written.";

/// Make access tokens for the service
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, clap::Subcommand)]
enum TokenCommand {
    Mint(MintArgs),
}

/// Print a new access token
///
/// An EdDSA-signed JWT as in RFC 9068.
#[derive(Debug, clap::Args)]
#[command(after_long_help = MINT_EXAMPLES)]
struct MintArgs {
    /// What the token allows
    #[arg(long, value_name = "ROLE", value_parser = role_parser())]
    role: Role,

    /// Who will use it; of a customer the account reference, exactly as in accounts.csv
    #[arg(long, value_name = "REF", allow_hyphen_values = true)]
    subject: String,

    /// Domain of the exchange that the token speaks for; without one, auditors and regulators see all
    #[arg(long, value_name = "DOMAIN")]
    exchange: Option<String>,

    /// How long it is good: a number with s, m, h or d; at most 31d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_ttl)]
    ttl: Duration,

    /// Service that the token is for [default: the public_url of the settings]
    #[arg(long, value_name = "URL")]
    audience: Option<String>,

    /// File with the service's settings
    #[arg(long, value_name = "FILE", env = "ASSAY_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,

    #[command(flatten)]
    home: HomeArgs,
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|name| name.parse::<Role>())
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let TokenCommand::Mint(args) = &args.command;
    let config = Config::load(args.config.as_deref()).map_err(|e| Failure::usage(e.to_string()))?;
    let now = SystemClock.now();
    let keys = KeyRing::open_or_create(&args.home.home()?.keys_dir(), now)?;
    let grant = Grant {
        audience: args.audience.clone().unwrap_or_else(|| config.public_url.clone()),
        issuer: config.public_url,
        subject: args.subject.clone(),
        role: args.role,
        exchange: args.exchange.clone(),
        ttl: args.ttl,
    };
    output::lines([keys.mint(&grant, now)?])?;
    Ok(Exit::Ok)
}

/// `45s`, `30m`, `1h`, `7d`.
fn parse_ttl(text: &str) -> Result<Duration, String> {
    let wrong = || "give a whole number with s, m, h or d, such as 30m".to_owned();
    let (number, seconds) = match text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)? {
        (number, "s") => (number, 1),
        (number, "m") => (number, 60),
        (number, "h") => (number, 3600),
        (number, "d") => (number, 86_400),
        _ => return Err(wrong()),
    };
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::seconds(i64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_life_has_a_unit() {
        for (text, seconds) in [("45s", 45), ("30m", 1800), ("1h", 3600), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(parse_ttl(text).unwrap(), Duration::seconds(seconds));
        }
        for wrong in ["", "1", "h", "1.5h", "-1h", "+1h", "1 h", "1w", "99999999999d", "1ü"] {
            assert!(parse_ttl(wrong).is_err(), "{wrong}");
        }
    }
}
