//! One process at a time runs the cluster of a data directory.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use super::error::ClusterError;

/// Held by the process that runs the cluster.
const LOCK_FILE: &str = "postgres.lock";

/// The lock on a data directory. The kernel releases it when this process ends.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing is not enough: a child that another thread is just starting also has the file open until it executes its program.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Locks the data directory for this process. [`ClusterError::InUse`] if another process holds the lock.
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
