//! `assay work`: runs the jobs of the queue.

use super::exit::{Exit, Failure};
use super::service::{ServiceArgs, run as run_service};
use crate::service::{Opening, Service, stop_signal};

const EXAMPLES: &str = "\
Workers share one database and may run on several machines. All need the same master secret (HOME/master.secret) and the same
signing keys (HOME/keys). If a worker stops, another one resumes its job from the last checkpoint. The setting
worker.metrics_listen is the address at which a worker serves Prometheus metrics (/metrics) of jobs, steps and stages.

Examples:
  DATABASE_URL=postgres://assay@db/assay assay work
  assay work --config /etc/assay/assay.toml

Exit codes: 0 stopped, 2 a setting is wrong, 3 there is no database, the home directory is not the one that belongs to it,
an address is in use, a part of the worker ended, or a file cannot be read or written.";

/// Run jobs: check, prove, verify and publish requested attestations
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
        Service::open(config, home, Opening::AsItIs).await?.work(stop).await
    })?;
    Ok(Exit::Ok)
}
