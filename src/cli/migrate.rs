//! `assay migrate`: applies the database migrations.

use super::exit::{Exit, Failure};
use super::output;
use super::service::{ServiceArgs, run as run_service};
use crate::service::Service;

const EXAMPLES: &str = "\
Applies the migrations that are missing, including those of the job queue. The database role must be allowed to create tables.
sql/roles.sql grants the other roles their privileges.

Examples:
  DATABASE_URL=postgres://assay_owner@db/assay assay migrate

Exit codes: 0 up to date, 2 a setting is wrong, 3 there is no database.";

/// Apply the database migrations
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
