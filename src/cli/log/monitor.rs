//! `assay log monitor`: follows a log.

use std::path::PathBuf;

use time::Duration;

use super::files::{checkpoint_in, policy};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use crate::clock::{Clock, SystemClock};
use crate::transparency::{
    monitor::{Asked, Followed, Monitor, MonitorError},
    reader::Reader,
};

const EXAMPLES: &str = "\
Reads the entries since the last run and asks for every statement again, once; let a timer run it. DIR keeps the entries and the last checkpoint. Findings:
  policy            the checkpoint is not signed and cosigned as FILE asks
  inconsistent      the log was forked or rewritten; if it signed two roots of one size, two checkpoints in DIR prove it
  older             the log gives out an older checkpoint than before
  other-log         the log has another name than before
  duplicate         two statements of one exchange for one instant
  backwards         an instant before one that was published earlier
  statement         the service does not give out the statement of an entry
  malformed         an entry is none of Assay's
  later             what was signed about an attestation later is not given out, or not logged
  withdrawn         an exchange withdrew an attestation
  other-checkpoint  a checkpoint from elsewhere is of another log
  late              no snapshot of an exchange within the cadence
A finding that nobody explains is found again at each run.

JSON: {origin, known, size, findings: [{kind, detail}]}

Examples:
  assay log monitor https://assay.exchange.example/log --log-policy policy --state monitor
  assay log monitor https://assay.exchange.example/log --log-policy policy --state monitor --cadence-days 35 --compare mine.json

Exit codes: 0 nothing was found, 1 something was found, 2 an option is wrong, 3 the log or a file cannot be read.";

/// Follow a transparency log, and report what its owner must explain
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Address of the log
    #[arg(value_name = "URL")]
    url: String,

    /// Transparency logs and witnesses that you trust (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    log_policy: PathBuf,

    /// Directory for what is known of the log; it is created
    #[arg(long, value_name = "DIR")]
    state: PathBuf,

    /// Look only at entries of the exchange with this domain
    #[arg(long, value_name = "DOMAIN")]
    exchange: Option<String>,

    /// Longest time between two snapshots of an exchange, in days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    cadence_days: Option<u32>,

    /// Checkpoints, proofs of logging or inclusion files from elsewhere, which must be of the same log
    #[arg(long, value_name = "FILE", num_args = 1..)]
    compare: Vec<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let others = args.compare.iter().map(|path| Ok((path.display().to_string(), checkpoint_in(path)?)));
    let asked = Asked {
        exchange: args.exchange.clone(),
        cadence: args.cadence_days.map(|days| Duration::days(i64::from(days))),
        others: others.collect::<Result<_, Failure>>()?,
    };
    let mut monitor = Monitor::open(&args.state, policy(&args.log_policy)?)?;
    let followed = monitor.follow(&Reader::new(&args.url), &asked, SystemClock.now())?;
    if args.json {
        output::json(&followed)?
    } else {
        output::lines(lines(&followed))?
    }
    Ok(Exit::verdict(followed.findings.is_empty()))
}

fn lines(followed: &Followed) -> Vec<String> {
    let Followed { origin, known, size, findings } = followed;
    let found = findings.iter().map(|finding| format!("✗ {}: {}", finding.kind, finding.detail));
    let verdict = if findings.is_empty() { "Nothing was found." } else { "The owner of the log must explain this." };
    found.chain([format!("{origin}: {size} entries, {known} were known. {verdict}")]).collect()
}

impl From<MonitorError> for Failure {
    fn from(error: MonitorError) -> Self {
        Self::environment(error.to_string())
    }
}
