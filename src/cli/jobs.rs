//! `assay jobs`: the jobs of a service.

use super::exit::{Exit, Failure};
use super::options::Global;
use super::output;
use super::remote::{Outcome, RemoteArgs, exit, show};
use crate::client::follow;

const WATCH_EXAMPLES: &str = "\
Shows stages, folded steps and proved shards on standard error. If the connection is lost, the job goes on; run the command again.

JSON: {job, state, attestation, valid, not_met: [text], detail, findings: {findings: [{file, line, reason}], total}}.

Examples:
  assay jobs watch 0197f3c1-… --to https://assay.exchange.example --token-file token

Exit codes: 0 published and valid, 1 refused, failed, cancelled or not valid, 2 an option is wrong or the token is not accepted,
3 the service cannot be reached or was lost.";

/// Follow the jobs of a service
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: JobsCommand,
}

#[derive(Debug, clap::Subcommand)]
enum JobsCommand {
    Watch(WatchArgs),
}

/// Show the progress of a job until it ends
#[derive(Debug, clap::Args)]
#[command(after_long_help = WATCH_EXAMPLES)]
struct WatchArgs {
    /// Id of the job
    #[arg(value_name = "ID")]
    id: uuid::Uuid,

    #[command(flatten)]
    remote: RemoteArgs,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let JobsCommand::Watch(args) = &args.command;
    let client = args.remote.client()?;
    let meter = global.meter();
    let ended = follow(&client, &args.id.to_string(), meter.listener());
    drop(meter);
    let ended = ended?;
    if args.json {
        output::json(&Outcome::of(&ended))?;
    } else {
        show(&ended)?;
    }
    Ok(exit(&ended))
}
