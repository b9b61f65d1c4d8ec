//! Writes private files: complete, readable only by their owner, and never over an existing file.

use std::io;
use std::path::Path;

use super::exit::Failure;
use super::output;
use crate::attest::is_attestation;
use crate::durable::{self, Access};
use crate::files;
use crate::ledger::is_ledger;

/// Writes `bytes` to `file`, or to standard output if there is none.
pub(super) fn deliver(file: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    match file {
        Some(file) => write_private(file, bytes),
        None => output::bytes(bytes),
    }
}

/// Refuses an existing `file`, and one in a ledger or an attestation, before any work is done.
pub(super) fn check_free(file: Option<&Path>) -> Result<(), Failure> {
    let Some(file) = file else {
        return Ok(());
    };
    if file.symlink_metadata().is_ok() {
        return Err(taken(file));
    }
    let inside = |what: &str, place: &Path| {
        Failure::usage(format!("{} is inside the {what} {}; choose a place outside", file.display(), place.display()))
    };
    if let Some(ledger) = files::enclosing(file, is_ledger) {
        return Err(inside("ledger", &ledger));
    }
    // whoever publishes the attestation publishes all files in it
    match files::enclosing(file, is_attestation) {
        Some(attestation) => Err(inside("attestation", &attestation)),
        None => Ok(()),
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
    fn a_private_file_does_not_go_into_a_ledger_or_an_attestation() {
        let dir = tempfile::tempdir().unwrap();
        let make = |place: &str, files: [&str; 2]| {
            fs::create_dir_all(dir.path().join(place)).unwrap();
            files.into_iter().for_each(|file| fs::write(dir.path().join(place).join(file), "").unwrap());
        };
        make("ledger", ["manifest.toml", "balances.csv.zst"]);
        make("attestation", ["statement.json", "proof.bin"]);
        std::os::unix::fs::symlink(dir.path().join("ledger"), dir.path().join("link")).unwrap();
        for place in ["ledger", "ledger/new/below", "link", "attestation", "attestation/private"] {
            let failure = check_free(Some(&dir.path().join(place).join("alice.json"))).unwrap_err();
            assert!(failure.exit == Exit::Usage && failure.sentence.contains("is inside the"), "{}", failure.sentence);
        }
        assert_eq!(check_free(Some(&dir.path().join("elsewhere/alice.json"))), Ok(()));
        assert_eq!(check_free(Some(Path::new("alice.json"))), Ok(()));
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
