//! `assay log`: transparency logs, for those who follow one or cosign it.

mod compare;
mod files;
mod monitor;
mod verify;
mod witness;

use clap::Subcommand;

use super::exit::{Exit, Failure};

/// Check, compare, follow and cosign transparency logs
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
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Command::Verify(args) => verify::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Monitor(args) => monitor::run(args),
        Command::Witness(args) => witness::run(args),
    }
}
