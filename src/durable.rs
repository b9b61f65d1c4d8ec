//! Writes files and directories so that a crash, a full disk or a second process never leaves half of one.
//!
//! **In:** a path and its content. **Out:** the complete file, or an error with the path unchanged. The content goes to a
//! temporary file in the same directory, which is synced and renamed; then the directory is synced. After a successful call
//! the result survives a power cut. If only that last sync fails, the new file is in place but may not survive one.
//! [`replace`] overwrites; [`create_new`] and [`name_directory`] fail if the name is taken, also when two processes try at the
//! same moment.
//!
//! **Never:** write content under its final name; let others read a private file, even for a moment.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, DirBuilder, File, Permissions},
    io::{self, BufWriter, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, PermissionsExt},
    },
    path::Path,
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use tempfile::NamedTempFile;

/// Suffix of a file that is being written.
const PARTIAL: &str = ".partial";

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, as far as the umask allows.
    Public,
    /// Its owner only.
    Private,
}

impl Access {
    fn permissions(self) -> Permissions {
        Permissions::from_mode(match self {
            Self::Public => 0o644,
            Self::Private => 0o600,
        })
    }
}

/// The file that receives the content of [`replace_with`].
pub type Writer<'a> = BufWriter<&'a mut File>;

/// Writes `bytes` to `path`, replacing an existing file.
///
/// # Errors
/// Those of the system; the existing file is unchanged.
pub fn replace(path: &Path, access: Access, bytes: &[u8]) -> io::Result<()> {
    // unbuffered, so that no buffer keeps a copy of a secret
    written(path, access, |file| file.write_all(bytes))?.persist(path)?;
    sync_directory(parent(path))
}

/// [`replace`] for content that is made piece by piece.
///
/// # Errors
/// Those of `content` and of the system; the existing file is unchanged.
pub fn replace_with(
    path: &Path,
    access: Access,
    content: impl FnOnce(&mut Writer<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let file = written(path, access, |file| {
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        content(&mut writer)?;
        writer.flush()
    });
    file?.persist(path)?;
    sync_directory(parent(path))
}

/// Writes `bytes` to the new file `path`.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if the name is taken, even by a link that leads nowhere; those of the system.
pub fn create_new(path: &Path, access: Access, bytes: &[u8]) -> io::Result<()> {
    written(path, access, |file| file.write_all(bytes))?.persist_noclobber(path)?;
    sync_directory(parent(path))
}

/// Renames the finished directory `partial` to `path`, on the same file system. The caller has synced its files.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if the name is taken; those of the system. `partial` keeps its name.
pub fn name_directory(partial: &Path, path: &Path) -> io::Result<()> {
    sync_directory(partial)?;
    match renameat_with(CWD, partial, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        // this file system cannot check and rename in one step: a race can at worst replace an empty directory
        Err(Errno::INVAL | Errno::NOSYS) => match path.symlink_metadata() {
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(partial, path)?,
        },
        Err(error) => return Err(error.into()),
    }
    sync_directory(parent(path))
}

/// Creates a directory that only its owner may enter, and its missing parents; their names survive a power cut. An existing
/// directory keeps its permissions.
///
/// # Errors
/// Those of the system.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    missing.into_iter().try_for_each(|made| sync_directory(parent(made)))
}

/// Syncs a directory, so that the names in it survive a power cut.
///
/// # Errors
/// Those of the system.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Deletes the temporary files that dead writers left in `directory`. The caller makes sure that nobody is writing there.
///
/// # Errors
/// Those of the system.
pub fn remove_partial_files(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_bytes();
        if name.starts_with(b".") && name.ends_with(PARTIAL.as_bytes()) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A complete and synced temporary file beside `path`. Dropping it deletes it.
fn written(
    path: &Path,
    access: Access,
    content: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or(OsStr::new("")));
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(PARTIAL).permissions(access.permissions());
    let mut file = builder.tempfile_in(parent(path))?;
    content(file.as_file_mut())?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{process::Command, sync::Barrier, thread};

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        replace(&file, Access::Private, b"old").unwrap();
        replace(&file, Access::Private, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(names(place.path()), ["file"]);
    }

    #[test]
    fn a_private_file_is_private_before_it_has_its_name() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        let content = |_: &mut Writer<'_>| {
            let partial = names(place.path()).remove(0);
            assert_eq!(mode(&place.path().join(partial)), 0o600);
            Ok(())
        };
        replace_with(&file, Access::Private, content).unwrap();
        assert_eq!(mode(&file), 0o600);
        replace(&file, Access::Public, b"").unwrap();
        assert_eq!(mode(&file) & 0o444, 0o444, "the tests run under a usual umask");
        assert_eq!(mode(&file) & 0o133, 0);
    }

    #[test]
    fn content_that_fails_leaves_the_old_file_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        replace(&file, Access::Public, b"old").unwrap();
        let failed = replace_with(&file, Access::Public, |writer| {
            writer.write_all(&[7; 3 << 20])?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&file).unwrap(), b"old");
        assert_eq!(names(place.path()), ["file"]);
    }

    /// The environment variable that names the file for the dying process.
    const CRASH: &str = "TEST_CRASH_WRITING";

    #[test]
    fn a_crash_in_the_middle_leaves_the_old_file() {
        if let Some(file) = std::env::var_os(CRASH) {
            let dies = |writer: &mut Writer<'_>| {
                writer.write_all(&[7; 3 << 20])?;
                std::process::abort();
            };
            replace_with(Path::new(&file), Access::Private, dies).unwrap();
        }
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        replace(&file, Access::Private, b"old").unwrap();
        let died = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "durable::tests::a_crash_in_the_middle_leaves_the_old_file"])
            .env(CRASH, &file)
            .output()
            .unwrap();
        assert!(!died.status.success());
        assert_eq!(fs::read(&file).unwrap(), b"old");
        let left = names(place.path());
        assert!(left.len() == 2 && left[0].starts_with(".file.") && left[0].ends_with(PARTIAL), "{left:?}");
        fs::write(place.path().join("mine.partial"), "").unwrap();
        remove_partial_files(place.path()).unwrap();
        assert_eq!(names(place.path()), ["file", "mine.partial"]);
    }

    #[test]
    fn of_many_that_create_one_file_at_once_one_succeeds() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        let all_are_there = Barrier::new(8);
        let create = |number: u8| {
            all_are_there.wait();
            create_new(&file, Access::Private, &[number; 1 << 16]).map(|()| number)
        };
        let made: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || create(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        assert!(refused.iter().all(|r| r.as_ref().unwrap_err().kind() == io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read(&file).unwrap(), [*made[0].as_ref().unwrap(); 1 << 16]);
        assert_eq!(names(place.path()), ["file"]);
    }

    #[test]
    fn a_name_that_is_taken_is_refused_whatever_stands_there() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("file"), "mine").unwrap();
        fs::create_dir(at("empty")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
        fs::create_dir(at("partial")).unwrap();
        for taken in ["file", "empty", "link"] {
            let refused = create_new(&at(taken), Access::Public, b"new").unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists, "{taken}");
            let refused = name_directory(&at("partial"), &at(taken)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists, "{taken}");
        }
        assert_eq!(fs::read(at("file")).unwrap(), b"mine");
        assert_eq!(names(place.path()), ["empty", "file", "link", "partial"]);
    }

    #[test]
    fn a_directory_gets_its_name_with_all_that_is_in_it() {
        let place = tempfile::tempdir().unwrap();
        let (partial, path) = (place.path().join("partial"), place.path().join("path"));
        create_private_directory(&partial).unwrap();
        assert_eq!(mode(&partial), 0o700);
        replace(&partial.join("file"), Access::Public, b"content").unwrap();
        name_directory(&partial, &path).unwrap();
        assert_eq!(fs::read(path.join("file")).unwrap(), b"content");
        assert_eq!(names(place.path()), ["path"]);
    }
}
