//! `assay serve`: serves the REST API.

use std::net::SocketAddr;

use super::exit::{Exit, Failure};
use super::output;
use super::service::{ServiceArgs, run as run_service};
use crate::service::{Service, stop_signal};

const EXAMPLES: &str = "\
Set the database with DATABASE_URL or with database_url in FILE. Run `assay migrate` before the first start, and `assay work` on
each machine that proves. Without a database setting the command starts a private PostgreSQL in the home directory, stops it at
the end, and runs jobs itself.

On SIGTERM or Ctrl-C the service finishes its requests and stops the running proof at a checkpoint. The next start resumes the
proof.

Examples:
  assay serve
  DATABASE_URL=postgres://assay@db/assay assay serve --listen 0.0.0.0:8080
  assay serve --config /etc/assay/assay.toml --worker

Exit codes: 0 stopped, 2 a setting is wrong, 3 there is no database, the address is in use, or a file cannot be read or
written.";

/// Serve the REST API
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Address to listen on; overrides the settings
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Also run jobs in this process
    #[arg(long)]
    worker: bool,

    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (home, mut config) = (args.service.home()?, args.service.config()?);
    config.listen = args.listen.unwrap_or(config.listen);
    run_service(&config.clone(), async {
        let stop = stop_signal()?;
        let service = Service::open(config, home, false).await?;
        let worker = args.worker || service.is_private();
        service.serve(worker, |address| output::note(&format!("assay is listening on http://{address}")), stop).await
    })?;
    Ok(Exit::Ok)
}
