//! `assay token`: access tokens for the service.

use std::ffi::OsString;

use assay_core::{domain::domain_defect, text::shown};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use time::Duration;

use super::exit::{Exit, Failure};
use super::options::HomeArgs;
use super::output;
use super::service::load_config;
use crate::clock::{Clock, SystemClock};
use crate::tokens::{Grant, KeyRing, Purpose, Role};

const MINT_EXAMPLES: &str = "\
Roles and their scopes:
  publisher  snapshots:write proofs:run                 a program of the exchange; needs --exchange
  operator   snapshots:write proofs:run audit:read      an employee of the exchange; needs --exchange
  auditor    audit:read attestations:sign
  regulator  audit:read
  customer   inclusion:read                             the owner of one account; needs --exchange

The token is signed with the newest token key in the home directory; if there is none, the command creates one. A service accepts
the token if it uses the same key and the same public_url, which is the issuer of the token. Pass the service's settings with
--config or ASSAY_PUBLIC_URL. A token is valid until it expires. You cannot revoke a single token, only all tokens of one key: rotate
the key, then delete its file (`assay keys rotate --help`).

Examples:
  assay token mint --role customer --subject alice --exchange exchange.example
  assay token mint --role regulator --subject supervisor --ttl 7d
  curl -H \"Authorization: Bearer $(assay token mint --role publisher --subject ci --exchange exchange.example)\" …

Exit codes: 0 printed, 2 an option is wrong, 3 the keys cannot be read or written.";

/// Create access tokens for the service
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
/// The token is a JWT as in RFC 9068, signed with EdDSA.
#[derive(Debug, clap::Args)]
#[command(after_long_help = MINT_EXAMPLES)]
struct MintArgs {
    /// Role, which determines the scopes of the token
    #[arg(long, value_name = "ROLE", value_parser = role_parser())]
    role: Role,

    /// User of the token; for a customer, the account reference exactly as in accounts.csv
    #[arg(long, value_name = "REF", allow_hyphen_values = true)]
    subject: String,

    /// Domain of the exchange that the token is limited to; without it, auditors and regulators see all exchanges
    #[arg(long, value_name = "DOMAIN")]
    exchange: Option<String>,

    /// Lifetime: a number followed by s, m, h or d; at most 31d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_ttl)]
    ttl: Duration,

    /// Audience of the token [default: public_url of the settings]
    #[arg(long, value_name = "URL")]
    audience: Option<String>,

    /// Settings file of the service
    #[arg(long, value_name = "FILE", env = "ASSAY_CONFIG", hide_env_values = true)]
    config: Option<OsString>,

    #[command(flatten)]
    home: HomeArgs,
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|name| name.parse::<Role>())
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let TokenCommand::Mint(args) = &args.command;
    if let Some((domain, defect)) = args.exchange.as_ref().and_then(|domain| Some((domain, domain_defect(domain)?))) {
        return Err(Failure::usage(format!("--exchange {} {defect}", shown(domain))));
    }
    let config = load_config(args.config.as_ref())?;
    let now = SystemClock.now();
    let keys = KeyRing::open(&args.home.home()?.keys_dir(), now)?;
    // a statement key is no business of this command
    keys.create_missing(&[Purpose::Token], now)?;
    let grant = Grant {
        audience: args.audience.clone().unwrap_or_else(|| config.public_url.clone()),
        issuer: config.public_url,
        subject: args.subject.clone(),
        role: args.role,
        exchange: args.exchange.clone(),
        ttl: args.ttl,
    };
    tell_defects(&keys);
    output::lines([keys.mint(&grant, now)?])?;
    Ok(Exit::Ok)
}

/// Says which key files are not used.
pub(super) fn tell_defects(keys: &KeyRing) {
    for defect in keys.defects() {
        output::note(&format!("assay: a key cannot be used: {defect}"));
    }
}

/// `45s`, `30m`, `1h`, `7d`.
fn parse_ttl(text: &str) -> Result<Duration, String> {
    let wrong = || "write a whole number followed by s, m, h or d, such as 30m".to_owned();
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
