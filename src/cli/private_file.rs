//! A file for one person's eyes: written whole, never over another one, readable by its owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::exit::Failure;
use super::output;

/// Writes `bytes` to `file`, or to standard output where there is none.
pub(super) fn deliver(file: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    match file {
        Some(file) => write_private(file, bytes),
        None => output::bytes(bytes),
    }
}

/// Refuses a name that is taken, before any work is done for it.
pub(super) fn check_free(file: Option<&Path>) -> Result<(), Failure> {
    match file {
        Some(file) if file.symlink_metadata().is_ok() => Err(taken(file)),
        _ => Ok(()),
    }
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
    use crate::cli::exit::Exit;

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
