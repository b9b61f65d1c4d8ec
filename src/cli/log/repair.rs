//! `assay log repair`: completes the service's database from a copy of its log.

use std::path::PathBuf;

use crate::cli::exit::{Exit, Failure};
use crate::cli::options::Global;
use crate::cli::output;
use crate::cli::service::{ServiceArgs, run as run_service};
use crate::service::{LogSource, Opening, Service};
use crate::store::restored::Restoration;

const EXAMPLES: &str = "\
For a database that was restored from an older backup, so that its log may not be signed. SOURCE has the entries that are missing: the directory of a
monitor (`assay log monitor --state`), or the address of a log with the same entries. They must lead to the marked checkpoint of HOME/log/high-water, which must be
there, and to one that the log's key has signed. The attestations themselves come from DIR, as DIGEST.zip (the evidence.zip or bundle.zip of each), or from the service
of SOURCE, and are verified with the home's parameters and statement keys. All that is done before anything is changed. Then each attestation is
published again, in the order of the log, in a transaction of its own, and so is what was signed about one later; that is in evidence.zip alone.

What a bundle does not contain stays lost: when it was published first, disclosed reserves, and, unless the database has its
unfinished job, the ledger: no customer gets an inclusion file of such an attestation from the service. The output names them.

Stop every `assay serve` and `assay work` first. The database role must own the tables, as for `assay migrate`. Afterwards the service signs
the same checkpoints as before, byte for byte.

Examples:
  assay log repair --from /var/lib/assay-monitor --bundles bundles --config /etc/assay/assay.toml
  assay log repair --from https://mirror.example/log

Exit codes: 0 complete, 2 an option is wrong, 3 the log cannot be repaired from this source, or the database, the home or a file cannot be used.";

/// Complete the service's database from a copy of its transparency log
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of a monitor, or address of a log with the same entries
    #[arg(long, value_name = "SOURCE")]
    from: String,

    /// Directory with the bundles of the missing attestations
    #[arg(long, value_name = "DIR")]
    bundles: Option<PathBuf>,

    /// Repair although the home directory has no mark of the log
    ///
    /// Only if you know that no newer checkpoint than the one of SOURCE was ever signed: otherwise the log would be forked.
    #[arg(long)]
    without_mark: bool,

    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let (home, config) = (args.service.home()?, args.service.config()?);
    let is_address = ["https://", "http://"].iter().any(|scheme| args.from.starts_with(scheme));
    let from =
        if is_address { LogSource::Log(args.from.clone()) } else { LogSource::Monitor(PathBuf::from(&args.from)) };
    let (bundles, without_mark, tests) = (args.bundles.clone(), args.without_mark, global.tests());
    let repaired = run_service(&config.clone(), async {
        Service::open(config, home, Opening::AsItIs).await?.repair_log(from, bundles, without_mark, tests).await
    })?;
    let lines = repaired.restored.iter().map(|(id, outcome)| match outcome {
        Restoration::WithPages => format!("{id} is published again."),
        _ => format!("{id} is published again. Its ledger is lost: no inclusion file can be made."),
    });
    let done = match repaired.restored.len() {
        0 if repaired.later == 0 => format!("Nothing is missing: the log has {} entries.", repaired.size),
        1 => format!("One attestation was restored; the log has {} entries. Start `assay serve`.", repaired.size),
        count => {
            format!("{count} attestations were restored; the log has {} entries. Start `assay serve`.", repaired.size)
        }
    };
    let later = repaired.later;
    let signed =
        (later > 0).then(|| format!("What was signed later was restored as well: {later} entries of the log."));
    output::lines(lines.chain(signed).chain([done]))?;
    Ok(Exit::Ok)
}
