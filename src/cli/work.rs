//! `assay work`: proves what the queue holds.

use super::exit::{Exit, Failure};
use super::service::{ServiceArgs, run as run_service};
use crate::service::{Service, stop_signal};

const EXAMPLES: &str = "\
Any number of workers, on any number of machines, share one database. All need the same master secret (HOME/master.secret) and
the same signing keys (HOME/keys). What a worker leaves undone, another one takes up from the last checkpoint.

Examples:
  DATABASE_URL=postgres://assay@db/assay assay work
  assay work --config /etc/assay/assay.toml

Exit codes: 0 stopped, 2 a setting is wrong, 3 no database, or a file cannot be read or written.";

/// Work on jobs: check, prove, verify and publish what was asked for
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (home, config) = (args.service.home()?, args.service.config()?);
    run_service(&config.clone(), async {
        let stop = stop_signal()?;
        Service::open(config, home, false).await?.work(stop).await
    })?;
    Ok(Exit::Ok)
}
