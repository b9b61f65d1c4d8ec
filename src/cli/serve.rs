//! `assay serve`: answers requests.

use std::net::SocketAddr;

use super::exit::{Exit, Failure};
use super::output;
use super::service::{ServiceArgs, run as run_service};
use crate::service::{Service, stop_signal};

const EXAMPLES: &str = "\
Without a database in the settings (DATABASE_URL, or database_url in FILE) a private one is started in the home directory and
stopped at the end, and this process works on jobs as well. With one, run `assay migrate` first, and `assay work` on as many
machines as are to prove.

SIGTERM or Ctrl-C: requests finish, the proof under way is put down at a checkpoint, and the next start goes on with it.

Examples:
  assay serve
  DATABASE_URL=postgres://assay@db/assay assay serve --listen 0.0.0.0:8080
  assay serve --config /etc/assay/assay.toml --worker

Exit codes: 0 stopped, 2 a setting is wrong, 3 no database, an address is taken, or a file cannot be read or written.";

/// Serve the REST interface
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Address to listen on, instead of the settings'
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Work on jobs as well
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
