//! `assay log`: transparency logs, for those who follow one or cosign it, and for the operator of one.

mod compare;
mod files;
mod monitor;
mod repair;
mod retire;
mod verify;
mod webhook;
mod witness;

use clap::Subcommand;

use super::exit::{Exit, Failure};
use super::options::Global;

/// Check, compare, follow and cosign transparency logs; repair and end one's own
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Args),
    Compare(compare::Args),
    Monitor(monitor::Args),
    Witness(witness::Args),
    Repair(repair::Args),
    Retire(retire::Args),
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    match &args.command {
        Command::Verify(args) => verify::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Monitor(args) => monitor::run(args, global),
        Command::Witness(args) => witness::run(args),
        Command::Repair(args) => repair::run(args, global),
        Command::Retire(args) => retire::run(args),
    }
}
