//! `assay prove`: from a ledger to an attestation.

use std::path::PathBuf;
use std::time::Duration;

use assay_programs::{
    ledger::{shape::Shape, statement::MAX_SHARDS},
    purpose::TestShapes,
};
use assay_verifier::report::attestation_lines;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs, LimitArgs, shape_named, start_threads};
use super::report::AttestationJson;
use super::{output, stop};
use crate::attest::{self, AttestError, Choice, ProveOptions, Proved, ShapeChoice, ShardChoice};
use crate::clock::{Clock, SystemClock};
use crate::ledger::Finding;
use crate::tokens::KeyRing;

const EXAMPLES: &str = "\
The command checks the ledger first and stops if it is not valid. It verifies the proof before it writes OUT, and signs the
statement with the statement key in the home directory (`assay keys show`). You may publish everything in OUT except
OUT/private, from which inclusion files are made.

On Ctrl-C, SIGTERM or SIGHUP the command stops at a checkpoint. Run it again with --resume to continue. A second interrupt ends
it immediately and loses the work since the last checkpoint.

JSON: {out, shape, accounts, pages, shards, steps, statement_digest, warnings, attestation}. `warnings` are those of `assay check`;
`attestation` has the format of `assay verify --json`. If the ledger is not valid, the output is that of `assay check --json`.

Examples:
  assay prove ledger --out attestation
  assay prove ledger --out attestation --threads 8 --resume

Exit codes: 0 proved and valid, 1 the ledger or a checkpoint is not valid, or the attestation breaks the ledger's own policy
(for example, reserves are too low), 2 OUT exists or an option is wrong, 3 interrupted, or a file cannot be read or written.";

/// Prove a ledger and write an attestation of its total liabilities
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of the ledger
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Directory of the attestation to create; it must not exist
    #[arg(long, value_name = "OUT")]
    out: PathBuf,

    /// Shape (size) of the circuit: auto, solvency-64, solvency-512, compliance-64 or compliance-512
    ///
    /// auto chooses the shape that costs least for the ledger: by the times that `assay bench` measured, or by the numbers of
    /// constraints if there are none. With --resume it keeps the shape of the unfinished run. Solvency shapes prove totals;
    /// compliance shapes also prove limits and margins.
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = shape)]
    shape: ShapeArg,

    /// Number of shards: auto, or 1 to 4096
    ///
    /// Each shard is a part of the accounts with a proof of its own; one attestation holds them all. Several shards use many
    /// cores better, and a ledger that is too large for one tree needs them. auto takes one shard, or more if the ledger needs
    /// more or the machine has eight or more cores. With --resume it keeps the number of the unfinished run.
    #[arg(long, value_name = "N", default_value = "auto", value_parser = shards)]
    shards: ShardArg,

    /// Number of threads; 0 uses all cores
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,

    /// Continue from the last checkpoint of an interrupted run
    #[arg(long)]
    resume: bool,

    /// Seconds between two checkpoints, 0 to 60; 0 writes one after every step
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(0..=60)
    )]
    checkpoint_seconds: u64,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    home: HomeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShapeArg {
    Auto,
    Named(&'static Shape),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShardArg {
    Auto,
    Count(u32),
}

impl ShardArg {
    /// The choice on a machine with as many threads as asked for, or as it has cores.
    fn choice(self, threads: usize) -> ShardChoice {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        match self {
            Self::Auto => ShardChoice::Auto { cores: if threads > 0 { threads } else { cores() } },
            Self::Count(count) => ShardChoice::Count(count),
        }
    }
}

fn shards(text: &str) -> Result<ShardArg, String> {
    if text == "auto" {
        return Ok(ShardArg::Auto);
    }
    let count = text.parse().ok().filter(|n| (1..=MAX_SHARDS as u32).contains(n));
    count.map(ShardArg::Count).ok_or_else(|| format!("use auto, or a number from 1 to {MAX_SHARDS}"))
}

fn shape(name: &str) -> Result<ShapeArg, String> {
    if name == "auto" {
        return Ok(ShapeArg::Auto);
    }
    shape_named(name, &["auto"]).map(ShapeArg::Named)
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let options = ProveOptions {
        choice: Choice { shape: choice(args.shape, global.tests())?, shards: args.shards.choice(args.threads) },
        resume: args.resume,
        checkpoint_every: Duration::from_secs(args.checkpoint_seconds),
        limits: args.limits.limits(),
    };
    let home = args.home.home()?;
    start_threads(args.threads)?;
    let stop = stop::on_interrupt()?;
    let meter = global.meter();
    // an unusable key is reported before the proof, not after it
    let keys = KeyRing::open_or_create(&home.keys_dir(), SystemClock.now())?;
    let sign = |statement: &[u8]| {
        keys.sign_statement(statement, SystemClock.now()).map_err(|e| AttestError::Environment(e.to_string()))
    };
    let proved = attest::prove(&args.dir, &args.out, &home, &options, &sign, &stop, meter.listener());
    drop(meter);
    let proved = match proved {
        Ok(proved) => proved,
        Err(error) => return output::refused(error.into(), args.json),
    };
    if args.json {
        output::json(&ProvedJson::of(&proved))?;
    } else {
        output::lines(lines(&proved))?;
    }
    Ok(Exit::verdict(proved.report.is_valid()))
}

fn choice(shape: ShapeArg, tests: TestShapes) -> Result<ShapeChoice, Failure> {
    match shape {
        ShapeArg::Auto => Ok(ShapeChoice::Auto),
        ShapeArg::Named(shape) => match shape.purpose.admit_proving(shape.name, tests) {
            Ok(()) => Ok(ShapeChoice::Named(shape)),
            Err(e) => Err(Failure::usage(e.to_string())),
        },
    }
}

fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn lines(proved: &Proved) -> Vec<String> {
    let mut lines = vec![
        format!(
            "Proved {} on {}, in {} of {}{}.",
            counted(proved.accounts, "account"),
            counted(proved.pages, "page"),
            counted(proved.steps, "step"),
            proved.shape,
            if proved.shards > 1 { format!(" in {} shards", proved.shards) } else { String::new() }
        ),
        format!("Wrote {}.", proved.out.display()),
        format!("Statement digest: {}", proved.statement_digest),
        String::new(),
    ];
    lines.extend(attestation_lines(&proved.report));
    lines
}

#[derive(Serialize)]
struct ProvedJson<'a> {
    out: String,
    shape: &'a str,
    accounts: u64,
    pages: u64,
    shards: u32,
    steps: u64,
    statement_digest: &'a str,
    warnings: &'a [Finding],
    attestation: AttestationJson<'a>,
}

impl<'a> ProvedJson<'a> {
    fn of(proved: &'a Proved) -> Self {
        Self {
            out: proved.out.display().to_string(),
            shape: proved.shape,
            accounts: proved.accounts,
            pages: proved.pages,
            shards: proved.shards,
            steps: proved.steps,
            statement_digest: &proved.statement_digest,
            warnings: &proved.warnings,
            attestation: AttestationJson::of(&proved.report),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cli::report::tests::broken_report;

    fn proved() -> Proved {
        Proved {
            out: "attestation".into(),
            shape: "solvency-64",
            accounts: 10,
            pages: 20,
            shards: 1,
            steps: 1,
            statement_digest: "ab".repeat(32),
            warnings: Vec::new(),
            report: broken_report(),
        }
    }

    #[test]
    fn what_was_proved_has_these_fields() {
        let text = serde_json::to_string(&ProvedJson::of(&proved())).unwrap();
        let expected = format!(
            r#"{{"out":"attestation","shape":"solvency-64","accounts":10,"pages":20,"shards":1,"steps":1,"statement_digest":"{}","#,
            "ab".repeat(32)
        );
        assert!(text.starts_with(&(expected + r#""warnings":[],"attestation":{"valid":false,"checks":["#)));
    }

    #[test]
    fn what_was_proved_reads_as_a_sentence() {
        assert_eq!(lines(&proved())[0], "Proved 10 accounts on 20 pages, in 1 step of solvency-64.");
        let several = Proved { shards: 7, steps: 9, ..proved() };
        assert_eq!(lines(&several)[0], "Proved 10 accounts on 20 pages, in 9 steps of solvency-64 in 7 shards.");
    }

    #[test]
    fn a_shape_for_tests_is_refused_unless_asked_for() {
        let tests_only = shape("solvency-8").unwrap();
        let refused = choice(tests_only, TestShapes::Refused).err().unwrap();
        assert_eq!(refused.exit, Exit::Usage);
        assert!(choice(tests_only, TestShapes::Accepted).is_ok());
        let released = shape("solvency-512").unwrap();
        assert!(choice(released, TestShapes::Refused).is_ok());
    }

    #[test]
    fn shards_are_a_number_or_auto() {
        assert_eq!(
            (shards("auto"), shards("1"), shards("4096")),
            (Ok(ShardArg::Auto), Ok(ShardArg::Count(1)), Ok(ShardArg::Count(4096)))
        );
        for wrong in ["", "0", "4097", "-1", "two", "1.0"] {
            assert_eq!(shards(wrong).unwrap_err(), "use auto, or a number from 1 to 4096");
        }
    }

    #[test]
    fn an_unknown_shape_is_answered_with_the_released_ones() {
        assert_eq!(
            shape("solvency-9").unwrap_err(),
            "unknown shape; use one of: auto, solvency-64, solvency-512, compliance-64, compliance-512"
        );
    }
}
