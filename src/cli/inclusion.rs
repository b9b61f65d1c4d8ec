//! `assay inclusion`: one customer's own file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::options::HomeArgs;
use super::output;
use crate::attest;

const EXAMPLES: &str = "\
The file holds the account's reference, salt and balances: give it to its customer and to nobody else. It needs the
attestation's private part and the master secret in the home directory.

Examples:
  assay inclusion attestation --account alice --out alice.json
  assay inclusion attestation --account alice | jq .pages

Exit codes: 0 written, 2 there is no such account, FILE exists or an option is wrong, 3 a file cannot be read or written.";

/// Write one customer's own file, with which they verify that they are included
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of the attestation, with its private part
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// The account's reference, exactly as in accounts.csv
    #[arg(long, value_name = "REF", allow_hyphen_values = true)]
    account: String,

    /// File to write, readable by its owner only; it must not exist [default: standard output]
    #[arg(long = "out", value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let home = args.home.home()?;
    if let Some(file) = &args.file
        && file.symlink_metadata().is_ok()
    {
        return Err(taken(file));
    }
    let bytes = attest::inclusion(&args.out, &args.account, &home)?;
    match &args.file {
        Some(file) => write_private(file, &bytes)?,
        None => output::bytes(&bytes)?,
    }
    Ok(Exit::Ok)
}

fn taken(file: &Path) -> Failure {
    Failure::usage(format!("{} exists already; choose another name or move it away", file.display()))
}

/// Writes `bytes` to `file`, which appears whole or not at all, never in another file's place, and readable by its owner
/// only from the first byte on.
fn write_private(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let Some(name) = file.file_name() else {
        return Err(Failure::usage(format!("{} is not a name for a file", file.display())));
    };
    let mut partial = name.to_owned();
    partial.push(format!(".partial-{}", std::process::id()));
    let partial = file.with_file_name(partial);
    let written = write_new(&partial, bytes).and_then(|()| claim(&partial, file));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(file),
        _ => Failure::environment(format!("{}: {error}", file.display())),
    })
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives `partial` its real name. A link, unlike a rename, fails where the name was taken in the meantime; file systems
/// without links get the rename.
fn claim(partial: &Path, file: &Path) -> io::Result<()> {
    match fs::hard_link(partial, file) {
        Ok(()) => fs::remove_file(partial),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => fs::rename(partial, file),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(dir: &Path) -> Vec<std::ffi::OsString> {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("alice.json");
        write_private(&file, b"{}").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"{}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(dir.path()), ["alice.json"]);
    }

    #[test]
    fn a_file_that_exists_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("alice.json");
        fs::write(&file, "mine").unwrap();
        assert_eq!(write_private(&file, b"{}"), Err(taken(&file)));
        assert_eq!(fs::read(&file).unwrap(), b"mine");
        assert_eq!(names(dir.path()), ["alice.json"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_failure_of_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let failure = write_private(&dir.path().join("no/alice.json"), b"{}").unwrap_err();
        assert_eq!(failure.exit, Exit::Environment);
    }
}
