//! The command line.
//!
//! **In:** arguments, signals, the terminal and the environment; no deeper module reads these. **Out:** results on standard output,
//! progress and errors on standard error, and one of four exit codes.
//!
//! **Never:** a command never decides whether something is valid; it asks the library and prints the answer. Names of commands,
//! options, JSON fields and exit codes do not change, because scripts depend on them; `help.txt` pins every help text.

mod bench;
mod check;
mod countersign;
mod demo;
mod disclose;
mod doctor;
mod exit;
mod explain;
mod import;
mod inclusion;
mod jobs;
mod keys;
mod log;
mod migrate;
mod notice;
mod openapi;
mod opinion;
mod options;
mod output;
mod private_file;
mod progress;
mod prove;
mod push;
mod remote;
mod report;
mod reserves;
mod sample;
mod serve;
mod service;
mod stop;
mod token;
mod verify;
mod verify_disclosure;
mod verify_inclusion;
mod verify_reserves;
mod work;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::{Exit, Failure};
use self::options::Global;
use crate::clock;

const ABOUT: &str =
    "Prove the total liabilities of an exchange with one zero-knowledge proof.

An exchange checks its ledger (`check`), proves it (`prove`) and writes an inclusion file for each customer (`inclusion`). \
Anyone can verify the proof offline (`verify`). A customer can verify that their account is included (`verify-inclusion`).";

const EXAMPLES: &str = "\
Examples:
  assay sample --accounts 1000 --out ledger        write a sample ledger
  assay check ledger                               list every error with file and line
  assay prove ledger --out attestation             prove the ledger
  assay verify attestation                         verify the proof
  assay explain attestation                        print what the proof shows and what it does not

Exit codes:
  0  success; what was checked is valid
  1  not valid: the ledger has errors, or a proof or an inclusion file does not verify
  2  usage: an option is wrong, or the output exists already
  3  environment: a file is missing or unreadable, the disk is full, or the command was interrupted

Results and findings go to standard output; progress and errors go to standard error.";

/// The arguments of `assay`.
#[derive(Debug, Parser)]
#[command(name = "assay", version, about = ABOUT, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sample(sample::Args),
    Import(import::Args),
    Check(check::Args),
    Reserves(reserves::Args),
    Prove(prove::Args),
    Bench(bench::Args),
    Verify(verify::Args),
    Inclusion(inclusion::Args),
    VerifyInclusion(verify_inclusion::Args),
    Disclose(disclose::Args),
    VerifyDisclosure(verify_disclosure::Args),
    VerifyReserves(verify_reserves::Args),
    Explain(explain::Args),
    Countersign(countersign::Args),
    Opinion(opinion::Args),
    Push(push::Args),
    Jobs(jobs::Args),
    Notice(notice::Args),
    Demo(demo::Args),
    Serve(serve::Args),
    Work(work::Args),
    Migrate(migrate::Args),
    Doctor(doctor::Args),
    Token(token::Args),
    Keys(keys::Args),
    Log(log::Args),
    #[command(name = "openapi")]
    OpenApi(openapi::Args),
}

/// Runs the command that `arguments` (the program's name first) ask for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    execute(arguments).into()
}

fn execute(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return report_parse(&error),
    };
    dispatch(&cli).unwrap_or_else(|failure| {
        // a closed pipe or a full disk changes nothing about the verdict
        let _ = output::lines(&failure.findings);
        output::complain(&failure.sentence);
        failure.exit
    })
}

fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    if !clock::is_plausible() {
        return Err(Failure::environment(
            "the clock of this machine is beyond the year 9990; nothing is dated by it, so set it first",
        ));
    }
    match &cli.command {
        Command::Sample(args) => sample::run(args, global),
        Command::Import(args) => import::run(args, global),
        Command::Check(args) => check::run(args, global),
        Command::Reserves(args) => reserves::run(args, global),
        Command::Prove(args) => prove::run(args, global),
        Command::Bench(args) => bench::run(args, global),
        Command::Verify(args) => verify::run(args, global),
        Command::Inclusion(args) => inclusion::run(args),
        Command::VerifyInclusion(args) => verify_inclusion::run(args, global),
        Command::Disclose(args) => disclose::run(args, global),
        Command::VerifyDisclosure(args) => verify_disclosure::run(args, global),
        Command::VerifyReserves(args) => verify_reserves::run(args, global),
        Command::Explain(args) => explain::run(args),
        Command::Countersign(args) => countersign::run(args, global),
        Command::Opinion(args) => opinion::run(args, global),
        Command::Push(args) => push::run(args, global),
        Command::Jobs(args) => jobs::run(args, global),
        Command::Notice(args) => notice::run(args),
        Command::Demo(args) => demo::run(args, global),
        Command::Serve(args) => serve::run(args),
        Command::Work(args) => work::run(args),
        Command::Migrate(args) => migrate::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Token(args) => token::run(args),
        Command::Keys(args) => keys::run(args),
        Command::Log(args) => log::run(args, global),
        Command::OpenApi(args) => openapi::run(args),
    }
}

/// Prints help and version to standard output. Any other error is a usage error.
fn report_parse(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        // The reader may have closed the pipe, as `assay --help | head -1` does.
        let _ = error.print();
        return Exit::Ok;
    }
    let text = error.to_string();
    match text.strip_prefix("error: ") {
        Some(reason) => output::complain(reason.trim_end()),
        // There was no argument: clap shows the help.
        None => output::note(text.trim_end()),
    }
    Exit::Usage
}
