//! What the system says of files, directories and disks. Nothing here writes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{OFlags, statvfs},
    io::Errno,
};

/// Opens a regular file for reading. A pipe, a socket or a device is refused and never waited for.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for anything but a regular file; those of the system.
pub fn open_file(path: &Path) -> io::Result<File> {
    let wait_for_nobody = OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(wait_for_nobody).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a regular file"))
}

/// The rest of `reader`, or nothing if it is longer than `limit` bytes.
///
/// # Errors
/// Those of the reader.
pub fn read_at_most(reader: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Whether the system has run out of descriptors or memory: an error that says nothing about the file that was asked for.
pub fn is_exhaustion(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

/// The innermost directory around `path`, which need not exist, for which `is` holds. Results do not belong in such a place if
/// the next program that reads it takes every file for a part of it.
pub fn enclosing(path: &Path, is: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    // a link may lead out of the directory in which it is
    let parent = absolute.ancestors().skip(1).find_map(|parent| fs::canonicalize(parent).ok())?;
    parent.ancestors().find(|parent| is(parent)).map(Path::to_owned)
}

/// The bytes that this user may still write on the file system of `path`, where a link leads.
///
/// # Errors
/// Those of the system.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let space = statvfs(path)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::Command;

    use super::*;

    #[test]
    fn what_is_longer_than_its_limit_is_not_kept_in_part() {
        assert_eq!(read_at_most(&b"four"[..], 4).unwrap().as_deref(), Some(&b"four"[..]));
        assert_eq!(read_at_most(&b""[..], 0).unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(read_at_most(&b"five."[..], 4).unwrap(), None);
        assert_eq!(read_at_most(io::repeat(0), 1 << 10).unwrap(), None);
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(open_file(&pipe).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(open_file(place.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(open_file(&place.path().join("missing")).unwrap_err().kind(), io::ErrorKind::NotFound);
        let file = place.path().join("file");
        fs::write(&file, "content").unwrap();
        assert_eq!(io::read_to_string(open_file(&file).unwrap()).unwrap(), "content");
    }
}
