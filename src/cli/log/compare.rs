//! `assay log compare`: whether two people are shown one log.

use std::path::PathBuf;

use assay_core::text::visible;

use super::files::{checkpoint_in, policy};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use crate::transparency::reader::Reader;

const EXAMPLES: &str = "\
A and B are checkpoints, proofs of logging, or inclusion files from the service. Two checkpoints of one size must have one root. For two
sizes, --url says where the log is; its tiles must show that the larger one continues the smaller one. Keep both files if they are not of
one log: two roots of one size prove that the log was forked; two sizes do so only with the entries.

Examples:
  assay log compare mine.json yours.json --log-policy policy --url https://assay.exchange.example/log

Exit codes: 0 one log, 1 two logs or a false signature, 2 an option is wrong, 3 a file cannot be read or the log cannot be reached.";

/// Check that two checkpoints are of one log
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// A checkpoint, a proof of logging, or an inclusion file
    #[arg(value_name = "A")]
    first: PathBuf,

    /// Another one
    #[arg(value_name = "B")]
    second: PathBuf,

    /// Transparency logs that you trust (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    log_policy: PathBuf,

    /// Address of the log
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let policy = policy(&args.log_policy)?;
    let (first, second) = (checkpoint_in(&args.first)?, checkpoint_in(&args.second)?);
    for (path, signed) in [(&args.first, &first), (&args.second, &second)] {
        if let Err(e) = policy.check_log(signed) {
            output::lines([format!("NOT SIGNED: {}: {e}", path.display())])?;
            return Ok(Exit::NotValid);
        }
    }
    let (mut old, mut new) = (first.checkpoint(), second.checkpoint());
    if old.origin != new.origin {
        return Err(Failure::usage(format!(
            "{} is of the log {}, and {} of {}",
            args.first.display(),
            visible(&old.origin),
            args.second.display(),
            visible(&new.origin)
        )));
    }
    if old.size > new.size {
        std::mem::swap(&mut old, &mut new);
    }
    let outcome = match &args.url {
        _ if old.size == new.size && old.root == new.root => Ok(()),
        _ if old.size == new.size => Err(format!("two roots of {} entries are signed", new.size)),
        Some(url) => Reader::new(url).continues((old.size, &old.root), (new.size, &new.root))?,
        None => {
            return Err(Failure::usage(format!(
                "the checkpoints have {} and {} entries; give the address of the log with --url",
                old.size, new.size
            )));
        }
    };
    let origin = visible(&new.origin);
    output::lines([match &outcome {
        Ok(()) => format!("ONE LOG: {origin}, {} and {} entries.", old.size, new.size),
        Err(reason) if old.size == new.size => {
            format!("NOT ONE LOG: {origin}: {reason}. Keep both files: together they prove it.")
        }
        Err(reason) => format!(
            "NOT ONE LOG: {origin}: {reason}. The log was forked, or it gives out wrong tiles. Keep both files, and ask its owner and \
             others for its entries."
        ),
    }])?;
    Ok(Exit::verdict(outcome.is_ok()))
}
