//! Which findings were reported elsewhere: the file `delivered` of the monitor's directory has the key of each.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    journal::Journal,
    monitor::{Monitor, MonitorError, file},
};

/// The keys of the findings that were delivered.
pub struct Delivered {
    path: PathBuf,
    journal: Journal,
    keys: BTreeSet<String>,
}

impl Delivered {
    fn open(dir: &Path) -> Result<Self, MonitorError> {
        let path = dir.join("delivered");
        let (journal, lines) = Journal::open(&path).map_err(file(&path))?;
        Ok(Self { path, journal, keys: lines.into_iter().collect() })
    }

    /// Whether the finding with this key was delivered.
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Notes that the finding with this key was delivered.
    ///
    /// # Errors
    /// [`MonitorError::File`]; then the finding is delivered again.
    pub fn add(&mut self, key: String) -> Result<(), MonitorError> {
        self.journal.add(&key).map_err(file(&self.path))?;
        self.keys.insert(key);
        Ok(())
    }

    /// Forgets the findings that are no longer there. One that comes back is delivered again.
    ///
    /// # Errors
    /// [`MonitorError::File`]; then nothing is forgotten.
    pub fn keep_only(&mut self, found: &BTreeSet<String>) -> Result<(), MonitorError> {
        if self.keys.is_subset(found) {
            return Ok(());
        }
        self.keys.retain(|key| found.contains(key));
        self.journal.replace(self.keys.iter()).map_err(file(&self.path))
    }
}

impl Monitor {
    /// Which findings were reported elsewhere.
    ///
    /// # Errors
    /// [`MonitorError::File`].
    pub fn delivered(&self) -> Result<Delivered, MonitorError> {
        Delivered::open(self.dir())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_delivered_is_known_until_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let mut delivered = Delivered::open(dir.path()).unwrap();
        for key in ["a", "b"] {
            delivered.add(key.to_owned()).unwrap();
        }
        let mut delivered = Delivered::open(dir.path()).unwrap();
        assert!(delivered.has("a") && delivered.has("b") && !delivered.has("c"));
        delivered.keep_only(&BTreeSet::from(["b".to_owned(), "c".to_owned()])).unwrap();
        let delivered = Delivered::open(dir.path()).unwrap();
        assert!(!delivered.has("a") && delivered.has("b") && !delivered.has("c"));
    }
}
