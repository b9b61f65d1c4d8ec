//! A file of lines to which lines are added, in the directory of a monitor.
//!
//! A line survives a power cut once it is added. A crash may leave a part of a line at the end; it counts for nothing and is cut off.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::durable::{self, Access};

/// The file. One process has it open, the one that holds the directory.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the file, or makes it; gives its lines back.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if it is no text; those of the system.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<String>)> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let bytes = fs::read(path)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        if whole < bytes.len() {
            file.set_len(whole as u64)?;
        }
        file.sync_all()?;
        if let Some(directory) = path.parent() {
            durable::sync_directory(directory)?;
        }
        let text = std::str::from_utf8(&bytes[..whole]).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        let lines = text.lines().map(str::to_owned).collect();
        Ok((Self { path: path.to_owned(), file }, lines))
    }

    /// Adds a line, which contains no line break.
    ///
    /// # Errors
    /// Those of the system; the file has the lines that it had.
    pub(super) fn add(&mut self, line: &str) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        let added = self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data());
        if added.is_err() {
            // a part of the line would be the beginning of the next one
            self.file.set_len(before)?;
        }
        added
    }

    /// Replaces all lines.
    ///
    /// # Errors
    /// Those of the system; the file has the lines that it had.
    pub(super) fn replace<'l>(&mut self, lines: impl Iterator<Item = &'l String>) -> io::Result<()> {
        let text: String = lines.flat_map(|line| [line.as_str(), "\n"]).collect();
        durable::replace(&self.path, Access::Private, text.as_bytes())?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_stay_and_a_part_of_one_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, lines) = Journal::open(&path).unwrap();
        assert!(lines.is_empty());
        journal.add("one").unwrap();
        journal.add("two").unwrap();
        drop(journal);
        // a crash while the third one was written
        fs::write(&path, "one\ntwo\nthr").unwrap();
        let (mut journal, lines) = Journal::open(&path).unwrap();
        assert_eq!(lines, ["one", "two"]);
        journal.add("four").unwrap();
        journal.replace([&"two".to_owned(), &"four".to_owned()].into_iter()).unwrap();
        journal.add("five").unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, ["two", "four", "five"]);
        fs::write(&path, b"\xff\n").unwrap();
        assert_eq!(Journal::open(&path).err().unwrap().kind(), io::ErrorKind::InvalidData);
    }
}
