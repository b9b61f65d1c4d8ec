//! `assay push`: sends a checked ledger to a service and requests its proof.

use std::path::PathBuf;

use assay_programs::ledger::statement::MAX_SHARDS;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::options::{Global, LimitArgs, shape_named};
use super::output;
use super::remote::{Outcome, RemoteArgs, exit, show};
use crate::client::{Options, follow, push};
use crate::ledger::{Finding, check};

const EXAMPLES: &str = "\
The ledger is checked first, as `assay check` does. A ledger that is not valid is not sent. Files are sent as they are on disk, also
compressed ones (.gz or .zst).

If the command is interrupted, run it again: files that the service has are not sent again, and the proof is requested once. It goes
on within a day of its first run, with a token for the same subject. A job that failed or was cancelled is requested anew.

JSON: {snapshot, uploaded: [name], uploaded_bytes, warnings, job, state, attestation, valid, not_met: [text], detail, findings}, or the
object of `assay check` if the ledger is not valid. `valid` is null if the job had not ended; `findings` are what the service found in
the ledger, as {findings: [{file, line, reason}], total}, or null.

Examples:
  assay push ledger --to https://assay.exchange.example --token-file token
  assay push ledger --to http://127.0.0.1:8080 --token-file token --wait

Exit codes: 0 sent, and with --wait published and valid; 1 the ledger, or with --wait its attestation, is not valid, or the job did not
publish one; 2 an option is wrong, the token is not accepted, or the service has another ledger under this id; 3 a file cannot be
read, or the service cannot be reached or was lost.";

/// Send a ledger to a service and request its proof
///
/// Checks the ledger, creates the snapshot, uploads the files and prints the job.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of the ledger
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    #[command(flatten)]
    remote: RemoteArgs,

    /// Follow the job until it ends
    #[arg(long)]
    wait: bool,

    /// Number of shards: auto, or 1 to 4096
    #[arg(long, value_name = "N", default_value = "auto", value_parser = shards)]
    shards: ShardArg,

    /// Shape of the circuit; auto lets the service choose
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = shape)]
    shape: ShapeArg,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    limits: LimitArgs,
}

/// A number of shards; none for `auto`.
#[derive(Debug, Clone, Copy)]
struct ShardArg(Option<u32>);

/// The name of a shape; none for `auto`.
#[derive(Debug, Clone, Copy)]
struct ShapeArg(Option<&'static str>);

fn shards(text: &str) -> Result<ShardArg, String> {
    if text == "auto" {
        return Ok(ShardArg(None));
    }
    let count = text.parse().ok().filter(|n| (1..=MAX_SHARDS as u32).contains(n));
    count.map(|n| ShardArg(Some(n))).ok_or_else(|| format!("use auto, or a number from 1 to {MAX_SHARDS}"))
}

/// Whether the service offers a known shape is for the service to say.
fn shape(name: &str) -> Result<ShapeArg, String> {
    if name == "auto" {
        return Ok(ShapeArg(None));
    }
    shape_named(name, &["auto"]).map(|shape| ShapeArg(Some(shape.name)))
}

/// What was done. The field names are those of the JSON object.
#[derive(Serialize)]
struct Summary<'a> {
    snapshot: &'a str,
    uploaded: &'a [String],
    uploaded_bytes: u64,
    warnings: &'a [Finding],
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let client = args.remote.client()?;
    let meter = global.meter();
    let snapshot = match check(&args.dir, &args.limits.limits(), meter.listener()) {
        Ok(snapshot) => snapshot,
        Err(error) => return output::refused(error.into(), args.json),
    };
    for warning in snapshot.warnings() {
        meter.listener().warn(&warning.to_string());
    }
    let (manifest, warnings) = (snapshot.manifest().clone(), snapshot.warnings().to_vec());
    // the accounts are not needed for the time of the upload
    drop(snapshot);
    let options = Options { shape: args.shape.0.map(str::to_owned), shards: args.shards.0 };
    let pushed = push(&client, &args.dir, &manifest, &options, meter.listener())?;
    if !args.json {
        let sent = match pushed.uploaded.len() {
            0 => "every file was there already".to_owned(),
            files => format!("{files} files sent, {} bytes", pushed.uploaded_bytes),
        };
        output::lines([
            format!("Snapshot {}: {sent}.", pushed.snapshot),
            format!("Job {} is {}: {}/v1/jobs/{}", pushed.job.id, pushed.job.state, client.address(), pushed.job.id),
        ])?;
    }
    let ended = if args.wait { Some(follow(&client, &pushed.job.id, meter.listener())?) } else { None };
    drop(meter);
    if args.json {
        output::json(&Summary {
            snapshot: &pushed.snapshot,
            uploaded: &pushed.uploaded,
            uploaded_bytes: pushed.uploaded_bytes,
            warnings: &warnings,
            outcome: ended.as_ref().map_or_else(|| Outcome::of_running(&pushed.job), Outcome::of),
        })?;
    } else if let Some(ended) = &ended {
        show(ended)?;
    }
    Ok(ended.as_ref().map_or(Exit::Ok, exit))
}
