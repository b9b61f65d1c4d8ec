//! `assay serve`: serves the REST API.

use std::net::SocketAddr;

use super::exit::{Exit, Failure};
use super::output;
use super::service::{ServiceArgs, run as run_service};
use crate::service::{Opening, Service, stop_signal};

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

Exit codes: 0 stopped, 2 a setting is wrong, 3 there is no database, the home directory is not the one that belongs to it,
the address is in use, a part of the service ended, or a file cannot be read or written.";

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
    let public_url = config.public_url.clone();
    run_service(&config.clone(), async {
        let stop = stop_signal()?;
        let service = Service::open(config, home, Opening::AsItIs).await?;
        let worker = args.worker || service.is_private();
        let ready = |address| {
            output::note(&format!("assay is listening on http://{address}"));
            if let Some(warning) = elsewhere(&public_url, address) {
                output::note(&warning);
            }
        };
        service.serve(worker, ready, stop).await
    })?;
    Ok(Exit::Ok)
}

/// A warning if `public_url` names this machine and another port than the service listens on: tokens must name `public_url`, and
/// whoever mints or checks them elsewhere expects the address that answers.
fn elsewhere(public_url: &str, address: SocketAddr) -> Option<String> {
    let authority = public_url.strip_prefix("http://").and_then(|rest| rest.split('/').next())?;
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    let here = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (here && port != address.port().to_string()).then(|| {
        format!(
            "assay: public_url is {public_url}, and nothing of this service listens there. Tokens must name public_url as issuer and \
             audience: set it (ASSAY_PUBLIC_URL) for this command and for `assay token mint` alike"
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_public_address_that_is_here_and_not_listened_on_is_told() {
        let at = |address: &str| address.parse::<SocketAddr>().unwrap();
        assert!(elsewhere("http://127.0.0.1:8080", at("127.0.0.1:9000")).unwrap().contains("http://127.0.0.1:8080"));
        assert!(elsewhere("http://localhost", at("0.0.0.0:8080")).is_some());
        assert!(elsewhere("http://[::1]:8080", at("[::1]:8081")).is_some());
        for (url, listen) in [
            ("http://127.0.0.1:8080", "0.0.0.0:8080"),
            ("http://[::1]:8080", "[::]:8080"),
            ("https://assay.example", "127.0.0.1:8080"),
            ("http://192.0.2.1:80", "127.0.0.1:8080"),
        ] {
            assert_eq!(elsewhere(url, at(listen)), None, "{url}");
        }
    }
}
