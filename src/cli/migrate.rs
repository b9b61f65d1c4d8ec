//! `assay migrate`: applies the database migrations.

use super::exit::{Exit, Failure};
use super::output;
use super::service::{ServiceArgs, run as run_service};
use crate::service::{Opening, Service};

const EXAMPLES: &str = "\
Applies the migrations that are missing, including those of the job queue. The database role must be allowed to create tables.
sql/roles.sql grants the other roles their privileges.

Use the home directory of the service: the first run creates its master secret and keys, and the database notes their fingerprints.
Later runs refuse another home.

Examples:
  DATABASE_URL=postgres://assay_owner@db/assay assay migrate

Exit codes: 0 up to date, 2 a setting is wrong, 3 there is no database, or the home directory is not the one that
belongs to it.";

/// Apply the database migrations
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Accept this home directory in place of the one that belongs to the database
    ///
    /// The database knows which master secret and statement key it was made with, and every command refuses others. Use this option
    /// only if they are lost for good, or if you mean to exchange them. No inclusion file can be made any more of attestations that
    /// were published with another secret.
    #[arg(long)]
    adopt_home: bool,

    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (home, config) = (args.service.home()?, args.service.config()?);
    let opening = if args.adopt_home { Opening::MigrateAndAdoptHome } else { Opening::Migrate };
    run_service(&config.clone(), async { Service::open(config, home, opening).await.map(drop) })?;
    output::lines(["The database is up to date.".to_owned()])?;
    Ok(Exit::Ok)
}
