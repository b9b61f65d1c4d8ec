//! `assay openapi`: prints the description of the REST API.

use super::exit::{Exit, Failure};
use super::output;
use crate::api::openapi;

const EXAMPLES: &str = "\
The same description is api-spec/openapi.yaml in the source and /openapi.json of a running service.

Examples:
  assay openapi > openapi.yaml
  assay openapi --json | jq .paths

Exit codes: 0 printed, 2 an option is wrong.";

/// Print the description of the REST API (OpenAPI 3.1)
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Print JSON instead of YAML
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let text = if args.json { openapi::json() + "\n" } else { openapi::yaml() };
    output::bytes(text.as_bytes())?;
    Ok(Exit::Ok)
}
