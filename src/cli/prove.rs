//! `assay prove`: from a ledger to an attestation.

use std::path::PathBuf;
use std::time::Duration;

use assay_programs::purpose::TestShapes;
use assay_programs::{ledger::shape::Shape, purpose::Purpose};
use assay_verifier::report::attestation_lines;
use serde::Serialize;

use super::check::Refusal;
use super::exit::{Exit, Failure, refusal};
use super::options::{Global, HomeArgs, LimitArgs};
use super::report::AttestationJson;
use super::{output, stop};
use crate::attest::{self, AttestError, ProveOptions, Proved, ShapeChoice};
use crate::clock::{Clock, SystemClock};
use crate::tokens::KeyRing;

const EXAMPLES: &str = "\
The ledger is checked first; one that is refused is not proved. The proof is verified before OUT is finished, and the
statement signed with the statement key of the home directory (`assay keys show`). Everything in OUT may be published except
OUT/private, which inclusion files are made from.

Interrupted (Ctrl-C, SIGTERM, SIGHUP), it stops at a checkpoint, and the same command with --resume goes on from there. A
second interrupt ends it at once and loses what came after the last checkpoint.

JSON: {out, shape, accounts, pages, steps, statement_digest, attestation}, where `attestation` is what
`assay verify --json` prints; for a refused ledger what `assay check --json` prints.

Examples:
  assay prove ledger --out attestation
  assay prove ledger --out attestation --threads 8 --resume

Exit codes: 0 proved and valid, 1 the ledger is refused, a checkpoint is, or what is proved breaks the ledger's own policy
(too little in reserve), 2 OUT exists or an option is wrong, 3 interrupted, or a file cannot be read or written.";

/// Prove a ledger: write an attestation of its total liabilities
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of the ledger
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Directory of the attestation to write
    #[arg(long, value_name = "OUT")]
    out: PathBuf,

    /// Size of the circuit: auto takes one that fits the ledger, or give solvency-64, solvency-512, compliance-64 or compliance-512
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = shape)]
    shape: ShapeArg,

    /// Threads to prove with; 0 takes all cores
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,

    /// Go on from the last checkpoint of an interrupted run
    #[arg(long)]
    resume: bool,

    /// Seconds between two checkpoints, 0 to 60; 0 makes one after every step
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

fn shape(name: &str) -> Result<ShapeArg, String> {
    if name == "auto" {
        return Ok(ShapeArg::Auto);
    }
    let known = || {
        let released = Shape::catalogue().iter().filter(|shape| shape.purpose == Purpose::Release);
        released.map(|shape| shape.name).collect::<Vec<_>>()
    };
    Shape::named(name)
        .map(ShapeArg::Named)
        .map_err(|_| format!("there is no such shape; there are: auto, {}", known().join(", ")))
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let options = ProveOptions {
        shape: choice(args.shape, global.tests())?,
        resume: args.resume,
        checkpoint_every: Duration::from_secs(args.checkpoint_seconds),
        limits: args.limits.limits(),
    };
    let home = args.home.home()?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads)
        .build_global()
        .map_err(|error| Failure::environment(format!("cannot start the threads: {error}")))?;
    let stop = stop::on_interrupt()?;
    let meter = global.meter();
    // a key that cannot be used is better known before than after the proof
    let keys = KeyRing::open_or_create(&home.keys_dir(), SystemClock.now())?;
    let sign = |statement: &[u8]| {
        keys.sign_statement(statement, SystemClock.now()).map_err(|e| AttestError::Environment(e.to_string()))
    };
    let proved = attest::prove(&args.dir, &args.out, &home, &options, &sign, &stop, meter.listener());
    drop(meter);
    let proved = match proved {
        Ok(proved) => proved,
        Err(error) => {
            if let (true, Some(findings)) = (args.json, error.findings()) {
                output::json(&Refusal::of(findings))?;
                output::complain(&refusal("the ledger is", findings));
                return Ok(Exit::NotValid);
            }
            return Err(error.into());
        }
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
        ShapeArg::Named(shape) if shape.purpose == Purpose::TestsOnly && tests == TestShapes::Refused => {
            Err(Failure::usage(format!("{} is a shape for tests, whose attestations no release accepts", shape.name)))
        }
        ShapeArg::Named(shape) => Ok(ShapeChoice::Named(shape)),
    }
}

fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn lines(proved: &Proved) -> Vec<String> {
    let mut lines = vec![
        format!(
            "Proved {} on {}, in {} of {}.",
            counted(proved.accounts, "account"),
            counted(proved.pages, "page"),
            counted(proved.steps, "step"),
            proved.shape
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
    steps: u64,
    statement_digest: &'a str,
    attestation: AttestationJson<'a>,
}

impl<'a> ProvedJson<'a> {
    fn of(proved: &'a Proved) -> Self {
        Self {
            out: proved.out.display().to_string(),
            shape: proved.shape,
            accounts: proved.accounts,
            pages: proved.pages,
            steps: proved.steps,
            statement_digest: &proved.statement_digest,
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
            steps: 1,
            statement_digest: "ab".repeat(32),
            report: broken_report(),
        }
    }

    #[test]
    fn what_was_proved_has_these_fields() {
        let text = serde_json::to_string(&ProvedJson::of(&proved())).unwrap();
        let expected = format!(
            r#"{{"out":"attestation","shape":"solvency-64","accounts":10,"pages":20,"steps":1,"statement_digest":"{}","#,
            "ab".repeat(32)
        );
        assert!(text.starts_with(&(expected + r#""attestation":{"valid":false,"checks":["#)));
    }

    #[test]
    fn what_was_proved_reads_as_a_sentence() {
        assert_eq!(lines(&proved())[0], "Proved 10 accounts on 20 pages, in 1 step of solvency-64.");
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
    fn an_unknown_shape_is_answered_with_the_released_ones() {
        assert_eq!(
            shape("solvency-9").unwrap_err(),
            "there is no such shape; there are: auto, solvency-64, solvency-512, compliance-64, compliance-512"
        );
    }
}
