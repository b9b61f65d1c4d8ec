//! One process at a time runs the cluster of a data directory.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use super::error::ClusterError;

/// Held by the process that runs the cluster.
const LOCK_FILE: &str = "postgres.lock";

/// A data directory that is this process's, at most until it ends.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing is not enough: a program that another thread starts just now holds the file, too, until it is running.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Takes the data directory for this process.
pub(super) fn lock(data_dir: &Path) -> Result<Lock, ClusterError> {
    let path = data_dir.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(ClusterError::file(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(ClusterError::InUse { dir: data_dir.to_owned(), by: format!("process {}", holder.trim()) });
        }
        Err(TryLockError::Error(e)) => return Err(ClusterError::file(&path)(e)),
    }
    let mut lock = Lock(file);
    let file = &mut lock.0;
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(ClusterError::file(&path))?;
    Ok(lock)
}
