//! The command line as a whole: its help, its exit codes, its arguments.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::CommandFactory;

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::durable;
use crate::home::Home;
use crate::ledger::{CheckError, Environment, Findings, WriteError};
use crate::tokens::KeyRing;

const HELP: &str = include_str!("help.txt");

fn assay(arguments: &[&str]) -> Exit {
    let arguments = ["assay"].iter().chain(arguments).chain(&["--quiet"]);
    execute(arguments.map(OsString::from))
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// Run with `UPDATE_PINS=1` to write help.txt anew; a changed line there is a changed interface.
#[test]
fn every_help_text_is_the_pinned_one() {
    let mut root = Cli::command();
    root.build();
    let mut text = format!("$ assay --help\n{}", root.render_long_help());
    write_help(&mut root, "assay", &mut text);
    let text: String = text.lines().map(|l| format!("{}\n", l.trim_end())).collect();
    if std::env::var_os("UPDATE_PINS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/help.txt");
        fs::write(path, text).unwrap();
    } else {
        assert!(text == HELP, "help changed; look at it, then run with UPDATE_PINS=1:\n{text}");
    }
}

/// The help of every command below `command`.
fn write_help(command: &mut clap::Command, path: &str, text: &mut String) {
    for below in command.get_subcommands_mut().filter(|c| c.get_name() != "help") {
        let path = format!("{path} {}", below.get_name());
        write!(text, "\n\n$ {path} --help\n{}", below.render_long_help()).unwrap();
        write_help(below, &path, text);
    }
}

#[test]
fn help_and_version_are_no_errors_and_wrong_options_are_errors_of_usage() {
    assert_eq!(assay(&["--version"]), Exit::Ok);
    assert_eq!(assay(&["prove", "--help"]), Exit::Ok);
    for wrong in [
        &["check"][..],
        &["check", "ledger", "--colour"],
        &["check", "ledger", "--max-bytes", "0"],
        &["prove", "ledger", "--out", "a", "--engine", "ipa"],
        &["prove", "ledger", "--out", "a", "--shape", "solvency-9"],
        &["prove", "ledger", "--out", "a", "--shape", "solvency-8"],
        &["prove", "ledger", "--out", "a", "--checkpoint-seconds", "61"],
        &["bench", "--accounts", "0"],
        &["bench", "--machines", "0"],
        &["bench", "--pages-per-account", "0.5"],
        &["bench", "--shape", "solvency-9"],
        &["bench", "--shape", "solvency-8"],
        &["import", "nobody", "users.csv", "--out", "a"],
        &["sample", "--accounts", "0", "--out", "never-written"],
        &["no-such-command"],
    ] {
        assert_eq!(assay(wrong), Exit::Usage, "{wrong:?}");
    }
}

#[test]
fn a_sample_is_written_once_and_checks() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.path().join("ledger");
    let ledger = ledger.to_str().unwrap();
    let sample = ["sample", "--accounts", "3", "--out", ledger];
    assert_eq!(assay(&sample), Exit::Ok);
    assert_eq!(assay(&sample), Exit::Usage);
    assert_eq!(assay(&["check", ledger]), Exit::Ok);
    assert_eq!(assay(&["check", ledger, "--json"]), Exit::Ok);
    fs::write(Path::new(ledger).join("accounts.csv"), "no header\n").unwrap();
    assert_eq!(assay(&["check", ledger]), Exit::NotValid);
    assert_eq!(assay(&["check", ledger, "--json"]), Exit::NotValid);
}

#[test]
fn a_ledger_that_is_not_there_is_a_failure_of_the_environment() {
    assert_eq!(assay(&["check", "/no/such/ledger"]), Exit::Environment);
}

#[test]
fn an_inclusion_file_that_exists_is_refused_before_anything_is_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let out = ["--out", file.path().to_str().unwrap(), "--home", "/no/home"];
    let mut arguments = vec!["inclusion", "/no/such/attestation", "--account", "-1"];
    arguments.extend(out);
    assert_eq!(assay(&arguments), Exit::Usage);
}

#[test]
fn an_account_whose_reference_looks_like_an_option_can_be_named() {
    for command in [
        &["inclusion", "out"][..],
        &["verify-inclusion", "me.json", "--attestation", "out"],
        &["disclose", "out", "--measure", "equity", "--at-least", "0", "--out", "shown.json"],
    ] {
        let arguments = ["assay"].iter().chain(command).chain(&["--account", "--quiet"]);
        let cli = Cli::try_parse_from(arguments).unwrap();
        assert!(!cli.global.quiet, "{command:?}");
    }
}

/// Every option for a text that people choose takes one that begins with a hyphen.
#[test]
fn every_option_for_a_reference_takes_one_that_begins_with_a_hyphen() {
    fn visit(command: &clap::Command, found: &mut Vec<String>) {
        for argument in command.get_arguments() {
            let chosen = argument
                .get_value_names()
                .is_some_and(|names| names.iter().any(|name| ["REF", "TEXT"].contains(&name.as_str())));
            if chosen && !argument.is_positional() && !argument.is_allow_hyphen_values_set() {
                found.push(format!("{} --{}", command.get_name(), argument.get_id()));
            }
        }
        command.get_subcommands().for_each(|below| visit(below, found));
    }
    let mut found = Vec::new();
    visit(&Cli::command(), &mut found);
    assert_eq!(found, [""; 0]);
}

#[test]
fn errors_of_the_ledger_map_to_exit_codes() {
    let environment = || Environment { path: "ledger".into(), source: io::Error::from(io::ErrorKind::NotFound) };
    let mut findings = Findings::new(10);
    findings.add("balances.csv", Some(2), "is odd");
    let mapped = [
        Failure::from(CheckError::NotValid(findings)),
        CheckError::Environment(environment()).into(),
        WriteError::Exists("out".into()).into(),
        WriteError::Unfinished("out".into()).into(),
        WriteError::Argument("no".to_owned()).into(),
        WriteError::Environment(environment()).into(),
    ];
    use Exit::{Environment as Machine, NotValid, Usage};
    let exits = mapped.each_ref().map(|failure| failure.exit);
    assert_eq!(exits, [NotValid, Machine, Usage, Usage, Usage, Machine]);
    assert_eq!(mapped[0].sentence, "the ledger is not valid; there is one finding");
    assert_eq!(mapped[0].findings.as_ref().unwrap().to_string(), "balances.csv line 2: is odd");
}

#[test]
fn exit_codes_are_the_documented_numbers() {
    let codes = [Exit::Ok, Exit::NotValid, Exit::Usage, Exit::Environment];
    assert_eq!(codes.map(|exit| exit as u8), [0, 1, 2, 3]);
}

#[test]
fn tokens_and_keys_are_made_in_the_home_directory() {
    let home = tempfile::tempdir().unwrap();
    let keys = || fs::read_dir(home.path().join("keys")).map_or(0, |files| files.count());
    let at_home = |arguments: &[&str]| {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--home", home.path().to_str().unwrap()]);
        assay(&arguments)
    };
    assert_eq!(at_home(&["keys", "show"]), Exit::Ok);
    assert_eq!(keys(), 3);
    assert_eq!(at_home(&["keys", "rotate"]), Exit::Ok);
    assert_eq!(at_home(&["keys", "rotate", "--purpose", "attestation"]), Exit::Ok);
    assert_eq!(keys(), 5);
    assert_eq!(at_home(&["keys", "rotate", "--purpose", "log"]), Exit::Usage, "the key of a log is never replaced");
    let mint = ["token", "mint", "--role", "customer", "--subject", "--alice"];
    assert_eq!(at_home(&[&mint[..], &["--exchange", "exchange.example", "--ttl", "30m"]].concat()), Exit::Ok);
    assert_eq!(at_home(&["token", "mint", "--role", "regulator", "--subject", "r"]), Exit::Ok);
    for wrong in [
        &mint[..],
        &[&mint[..], &["--exchange", "exchange.example", "--ttl", "32d"]].concat(),
        &[&mint[..], &["--exchange", "exchange.example", "--ttl", "soon"]].concat(),
        &["token", "mint", "--role", "root", "--subject", "r"],
        &["token", "mint", "--role", "regulator"],
        &["keys", "rotate", "--purpose", "everything"],
    ] {
        assert_eq!(at_home(wrong), Exit::Usage, "{wrong:?}");
    }
    assert_eq!(assay(&["token"]), Exit::Usage);
    assert_eq!(assay(&["keys"]), Exit::Usage);
    assert_eq!(assay(&["keys", "show", "--home", "/dev/null/no"]), Exit::Environment);
}

#[test]
fn lists_of_keys_and_disclosures_that_are_not_there_are_failures_of_the_environment() {
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits/vectors/attestations/solvency-64-v1");
    let frozen = frozen.to_str().unwrap();
    let home = tempfile::tempdir().unwrap();
    let verify = ["verify", frozen, "--jwks", "/no/such/list", "--home", home.path().to_str().unwrap()];
    assert_eq!(assay(&verify), Exit::Environment);
    assert_eq!(assay(&["verify-reserves", "/no/such/file", "--attestation", frozen]), Exit::Environment);
    let other = format!("{frozen}/statement.json");
    assert_eq!(assay(&["verify-reserves", &other, "--attestation", frozen]), Exit::NotValid);
    assert_eq!(assay(&["verify-reserves", &other, "--attestation", frozen, "--json"]), Exit::NotValid);
    assert_eq!(assay(&["verify-reserves", &other]), Exit::Usage);
}

/// Everything below a directory: what it is, who may do what with it, when it was changed, and what it holds.
fn tree(dir: &Path) -> BTreeMap<PathBuf, (u32, SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        let meta = path.symlink_metadata().unwrap();
        let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path, (meta.permissions().mode(), meta.modified().unwrap(), content));
    }
    found
}

#[test]
fn doctor_makes_and_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let home = |name: &str| Home::new(place.path().join(name));
    fs::create_dir(home("empty").dir()).unwrap();
    durable::create_private_directory(&home("without-keys").keys_dir()).unwrap();
    home("complete").master_secret().unwrap();
    KeyRing::open_or_create(&home("complete").keys_dir(), SystemClock.now()).unwrap();
    let before = tree(place.path());
    for name in ["missing", "empty", "without-keys", "complete"] {
        // what is found depends on the machine's memory and on an installed Postgres
        let exit = assay(&["doctor", "--home", home(name).dir().to_str().unwrap()]);
        assert!(matches!(exit, Exit::Ok | Exit::Environment), "{name}: {exit:?}");
        assert_eq!(tree(place.path()), before, "{name}");
    }
}

#[test]
fn reserves_are_compared_with_nodes_and_answers_are_kept_for_their_own_lines_alone() {
    use crate::balances::testing::{ethereum, node};
    let dir = tempfile::tempdir().unwrap();
    let [reserves, out] = ["reserves.csv", "answers.json"].map(|name| dir.path().join(name));
    let write = |amount: &str| {
        let address = "0x52908400098527886E0F7030069857D2E4169EE7";
        let header = "asset,chain,address,amount,height,message,signature";
        fs::write(&reserves, format!("{header}\nETH,ethereum,{address},{amount},5,,\n")).unwrap();
    };
    let [file, kept] = [&reserves, &out].map(|path| path.to_str().unwrap());
    let (port, asked) = node(ethereum("0xde0b6b3a7640000"));
    let rpc = format!("ethereum=http://127.0.0.1:{port}");
    let run = |more: &[&str]| assay(&[&["reserves", "balances", file, "--rpc", &rpc][..], more].concat());
    write("1");
    assert_eq!(run(&["--out", kept]), Exit::Ok);
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let questions = asked.lock().unwrap().len();
    assert_eq!(run(&["--out", kept, "--json"]), Exit::Ok);
    assert_eq!(asked.lock().unwrap().len(), questions, "an answer at its own block is not asked for again");
    // other lines do not take these answers, and do not write over them
    write("1.000000000000000001");
    let before = fs::read(&out).unwrap();
    assert_eq!(run(&["--out", kept]), Exit::Usage);
    assert_eq!(fs::read(&out).unwrap(), before);
    assert_eq!(run(&[]), Exit::NotValid);
    // no node, and a node that is not there
    assert_eq!(assay(&["reserves", "balances", file]), Exit::Ok);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(
        assay(&["reserves", "balances", file, "--rpc", &format!("ethereum=http://{closed}")]),
        Exit::Environment
    );
    assert_eq!(assay(&["reserves", "balances", "absent.csv"]), Exit::Environment);
    fs::write(&out, "{}").unwrap();
    assert_eq!(run(&["--out", kept]), Exit::Usage);
}
