//! `assay migrate`: brings a database up to date.

use super::exit::{Exit, Failure};
use super::output;
use super::service::{ServiceArgs, run as run_service};
use crate::service::Service;

const EXAMPLES: &str = "\
Creates or changes the tables, and those of the queue. What was done already is not done again. It wants a role that may create
tables; sql/roles.sql then gives the others what they need.

Examples:
  DATABASE_URL=postgres://assay_owner@db/assay assay migrate

Exit codes: 0 up to date, 2 a setting is wrong, 3 no database.";

/// Bring the database up to date
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (home, config) = (args.service.home()?, args.service.config()?);
    run_service(&config.clone(), async { Service::open(config, home, true).await.map(drop) })?;
    output::lines(["The database is up to date.".to_owned()])?;
    Ok(Exit::Ok)
}
