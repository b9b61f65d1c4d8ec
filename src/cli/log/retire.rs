//! `assay log retire`: ends the service's own log.

use std::io::{self, BufRead, IsTerminal};

use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use crate::cli::service::{ServiceArgs, run as run_service};
use crate::service::{Opening, Service};
use crate::transparency::retirement::Retirement;

const EXAMPLES: &str = "\
For a log that cannot be repaired: its database is lost or older than what was signed, and `assay log repair` has nothing to read from, or it
was forked. There is no way back. The key of the log signs a note with the newest checkpoint that this home and this database know, the reason,
and the name of the next log. The service gives it out as /log/retired/SHA256-OF-NAME, monitors report it, and nothing is signed for this log
any more.

Stop every `assay serve` first, use the home with the newest log/high-water, and start them again afterwards: publishing goes on without
proofs of logging. Then begin the next log in every home: set transparency.origin to its name, move log-….json of HOME/keys away, make one key
with `assay keys show`, copy it to the other homes, and give the new policy to all who trust the log.

Examples:
  assay log retire --reason \"The database and its backups of 3 May were lost\" --config /etc/assay/assay.toml

Exit codes: 0 retired, 1 not confirmed, 2 an option is wrong, 3 the log cannot be retired, or the database, the home or the keys cannot be used.";

/// End the service's transparency log, which cannot be continued
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Why, for everybody who follows the log: one line
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reason: String,

    /// Name of the next log [default: the same name with the next number, such as assay.example/log2]
    #[arg(long, value_name = "NAME")]
    successor: Option<String>,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (home, config) = (args.service.home()?, args.service.config()?);
    if !args.yes && !io::stdin().is_terminal() {
        return Err(Failure::usage("there is no terminal to confirm at; add --yes to retire the log"));
    }
    let (successor, reason) = (args.successor.clone(), args.reason.clone());
    let note = run_service(&config.clone(), async {
        let service = Service::open(config, home, Opening::AsItIs).await?;
        service.retire_log(successor, reason, |ended| args.yes || confirmed(ended)).await
    })?;
    let Some(note) = note else {
        output::note("not confirmed; nothing was changed");
        return Ok(Exit::NotValid);
    };
    output::lines(note.lines())?;
    Ok(Exit::Ok)
}

/// Whether the person at the terminal types the name of the log.
fn confirmed(ended: &Retirement) -> bool {
    let origin = &ended.last.origin;
    output::note(&format!("{ended}\nThis ends the log for ever. Type its name, {origin}, to sign this:"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == origin
}
