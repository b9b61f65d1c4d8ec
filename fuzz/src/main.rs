//! `fuzz TARGET --seconds N --seed S`: a target in a loop on stable Rust.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use assay_fuzz::{
    runner::{Options, RunError, attempt, run, supervise},
    seeds,
    targets::{PLANTED, TARGETS, Target},
};
use clap::Parser;

/// Tries mangled inputs on a target. Exit code 0: none failed; 1: one failed, and is kept; 2: wrong use, or a file of its own.
#[derive(Parser)]
struct Arguments {
    /// The target; without one the names of all are printed.
    target: Option<String>,
    /// How long to go on.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What all inputs are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long one input may take, in seconds.
    #[arg(long, default_value_t = 10)]
    limit_seconds: u64,
    /// Where inputs that fail are kept.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/crashes"))]
    crashes: PathBuf,
    /// Tries this one input, and lets its panic be seen.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Writes the corpus anew, whatever the target.
    #[arg(long)]
    write_corpus: bool,
    /// This is the process that tries the inputs.
    #[arg(long, hide = true)]
    supervised: bool,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}

fn start(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    if arguments.write_corpus {
        seeds::write(&corpus)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(name) = &arguments.target else {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        return Ok(ExitCode::SUCCESS);
    };
    let target = TARGETS.iter().chain(&PLANTED).find(|target| target.name == name);
    let target = target.ok_or_else(|| format!("there is no target {name}"))?;
    if let Some(path) = &arguments.replay {
        let input = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        return Ok(attempt(target, &input).map_or(ExitCode::FAILURE, |verdict| {
            println!("{verdict:?}");
            ExitCode::SUCCESS
        }));
    }
    let options = Options {
        seconds: arguments.seconds,
        seed: arguments.seed,
        limit_seconds: arguments.limit_seconds,
        corpus,
        crashes: arguments.crashes.clone(),
    };
    if arguments.supervised { tried(target, &options) } else { supervised(target, &options) }
}

/// Starts this program again to try the inputs, in a folder for temporary files that is removed however it ends.
fn supervised(target: &Target, options: &Options) -> Result<ExitCode, Failure> {
    // in memory where there is such a place: a disk would be what is measured
    let scratch = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let mut command = Command::new(env::current_exe()?);
    command.args(env::args_os().skip(1)).arg("--supervised").env("TMPDIR", scratch.path());
    match supervise(target, options, &mut command) {
        Ok(status) => {
            Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
        }
        Err(error) => Ok(report(error)),
    }
}

fn tried(target: &Target, options: &Options) -> Result<ExitCode, Failure> {
    match run(target, options) {
        Ok(counts) => {
            println!(
                "{:<11} {:>9} executions, {:>6} a second, {:>7} accepted, seed {}",
                target.name,
                counts.executions,
                counts.per_second(),
                counts.accepted,
                options.seed
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Ok(report(error)),
    }
}

fn report(error: RunError) -> ExitCode {
    eprintln!("{error}");
    match &error {
        RunError::Failed { target, input, .. } => {
            eprintln!("  again: fuzz {target} --replay {}", input.display());
            ExitCode::FAILURE
        }
        RunError::File { .. } => ExitCode::from(2),
    }
}
