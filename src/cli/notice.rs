//! `assay notice`: withdraws or supersedes a published attestation.

use assay_core::notice::NoticeKind;
use assay_core::sealed::StatementDigest;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::exit::{Exit, Failure};
use super::output;
use super::remote::RemoteArgs;
use crate::client::add_notice;

const EXAMPLES: &str = "\
The service signs the notice with the exchange's statement key. It becomes an entry of the transparency log, is shown wherever the
attestation is, and cannot be taken back. The attestation itself and its proof stay as they are. `assay verify` does not call an attestation
valid that its exchange has withdrawn, if it is given the notice: with evidence.zip, or with --signatures.

To correct a ledger, attest a snapshot of a later instant, then supersede the old attestation by the new one.

JSON: {kind, reason, issued_at, by}.

Examples:
  assay notice 3f1c… --kind withdrawn --reason \"A file of balances was left out.\" --to https://assay.exchange.example --token-file token
  assay notice 3f1c… --kind superseded --by 8a02… --reason \"Corrected.\" --to https://assay.exchange.example --token-file token

Exit codes: 0 published, 2 an option is wrong, or the service refuses the token or the notice, 3 the service cannot be reached.";

/// Withdraw a published attestation, or say which one takes its place
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Id of the attestation
    #[arg(value_name = "ID", value_parser = digest)]
    id: String,

    /// withdrawn: the exchange no longer stands by it; superseded: a later one takes its place
    #[arg(long, value_name = "KIND", value_parser = kind_parser())]
    kind: NoticeKind,

    /// Why, in one line that everybody can read
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reason: String,

    /// Id of the attestation that takes its place; with superseded
    #[arg(long, value_name = "ID", value_parser = digest)]
    by: Option<String>,

    #[command(flatten)]
    remote: RemoteArgs,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn kind_parser() -> impl TypedValueParser<Value = NoticeKind> {
    let kind = |name: String| NoticeKind::ALL.into_iter().find(|k| k.as_str() == name).ok_or("no such kind");
    PossibleValuesParser::new(NoticeKind::ALL.map(NoticeKind::as_str)).try_map(kind)
}

fn digest(text: &str) -> Result<String, String> {
    StatementDigest::parse(text).map(|digest| digest.to_string()).map_err(|e| e.to_string())
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Args { id, kind, reason, by, .. } = args;
    if (*kind == NoticeKind::Superseded) != by.is_some() {
        return Err(Failure::usage("--by goes with --kind superseded, which needs it"));
    }
    let answer = add_notice(&args.remote.client()?, id, kind.as_str(), reason, by.as_deref())?;
    if args.json {
        output::json(&answer)?;
    } else {
        output::lines([format!("Attestation {id} is {}. Everybody is told.", kind.as_str())])?;
    }
    Ok(Exit::Ok)
}
