//! Writes private files: complete, readable only by their owner, and never over an existing file.

use std::io;
use std::path::Path;

use super::exit::Failure;
use super::output;
use crate::durable::{self, Access};

/// Writes `bytes` to `file`, or to standard output if there is none.
pub(super) fn deliver(file: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    match file {
        Some(file) => write_private(file, bytes),
        None => output::bytes(bytes),
    }
}

/// Refuses an existing `file` before any work is done.
pub(super) fn check_free(file: Option<&Path>) -> Result<(), Failure> {
    match file {
        Some(file) if file.symlink_metadata().is_ok() => Err(taken(file)),
        _ => Ok(()),
    }
}

fn taken(file: &Path) -> Failure {
    Failure::usage(format!("{} exists already; choose another name or move the existing file", file.display()))
}

/// Writes `bytes` to `file`. The file appears complete or not at all, never replaces another one, and is readable only by its
/// owner from the first byte on.
fn write_private(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if file.file_name().is_none() {
        return Err(Failure::usage(format!("{} is not a file name", file.display())));
    }
    if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent)
            .map_err(|error| Failure::environment(format!("{}: {error}", parent.display())))?;
    }
    durable::create_new(file, Access::Private, bytes).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(file),
        _ => Failure::environment(format!("{}: {error}", file.display())),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;
    use crate::cli::exit::Exit;

    fn names(dir: &Path) -> Vec<std::ffi::OsString> {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

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
    fn a_folder_that_is_not_there_is_made_and_one_that_cannot_be_is_a_failure_of_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/below/alice.json");
        write_private(&file, b"{}").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"{}");
        let failure = write_private(Path::new("/dev/null/no/alice.json"), b"{}").unwrap_err();
        assert_eq!(failure.exit, Exit::Environment);
    }
}
