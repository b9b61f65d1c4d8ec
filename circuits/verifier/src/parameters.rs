//! The circuit's parameters, derived once and kept on disk. A kept file is trusted only because its digest, computed
//! again over everything that was read, is the pinned one; anything else is derived anew.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use assay_fold::{Error, Program, keys::Keys, pins::Pin};

/// The file in which the parameters of a shape are kept under `cache`.
///
/// # Errors
/// [`Error::Malformed`] if the pin that was compiled in is damaged, which is a defect of this build.
pub fn path_of<P: Program>(shape: &P::Shape, cache: &Path) -> Result<PathBuf, Error> {
    let digest = Pin::of::<P>(shape)?.parameter_digest;
    Ok(cache.join(format!("{}-{}.bin", P::circuit(shape), digest.get(..16).unwrap_or("unpinned"))))
}

/// Reads the parameters of `shape` from `cache`, or derives them and keeps them there. A cache that cannot be written
/// only costs the next run its time.
///
/// # Errors
/// [`Error::ParameterDigest`] if this build's circuit does not have the parameters that it pins.
pub fn load<P: Program>(shape: &'static P::Shape, cache: &Path) -> Result<Keys<P>, Error> {
    let path = path_of::<P>(shape, cache)?;
    if let Some(keys) = kept(shape, &path) {
        return Ok(keys);
    }
    // of those that start together one derives, and the others wait and read
    let _lock = lock(&path);
    if let Some(keys) = kept(shape, &path) {
        return Ok(keys);
    }
    let keys = Keys::derive(shape)?;
    keys.check_pin()?;
    let _ = keep(&path, &keys);
    Ok(keys)
}

fn kept<P: Program>(shape: &'static P::Shape, path: &Path) -> Option<Keys<P>> {
    let file = File::open(path).ok()?;
    Keys::read_from(shape, &mut BufReader::with_capacity(1 << 20, file)).ok()
}

/// How long to wait for another process that derives. Somebody who only holds the lock costs no more than that.
const PATIENCE: Duration = Duration::from_secs(120);

/// Held until it is dropped; `None` where the cache cannot be written, or the lock is held for too long.
fn lock(path: &Path) -> Option<File> {
    fs::create_dir_all(path.parent()?).ok()?;
    let file = File::options().create(true).append(true).open(path.with_extension("lock")).ok()?;
    let begun = Instant::now();
    while file.try_lock().is_err() {
        if begun.elapsed() > PATIENCE {
            return None;
        }
        thread::sleep(Duration::from_millis(100));
    }
    Some(file)
}

/// Writes under a name of its own first, so that a crash or a full disk leaves no half file under the real one.
fn keep<P: Program>(path: &Path, keys: &Keys<P>) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    // nothing in it is secret: other users of the cache may read it
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o644)).tempfile_in(directory)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    keys.write_to(&mut writer).map_err(io::Error::other)?;
    writer.flush()?;
    drop(writer);
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use assay_programs::ledger::{Ledger, shape::Shape};

    use super::*;

    #[test]
    fn who_comes_second_waits_for_the_first_and_reads() {
        let cache = tempfile::tempdir().unwrap();
        let shape = Shape::named("solvency-8").unwrap();
        let path = path_of::<Ledger>(shape, cache.path()).unwrap();
        let keys = Keys::<Ledger>::derive(shape).unwrap();
        let first = lock(&path).unwrap();
        thread::scope(|threads| {
            let second = threads.spawn(|| load::<Ledger>(shape, cache.path()).unwrap().digest().to_owned());
            // time enough for it to find nothing kept
            thread::sleep(Duration::from_millis(200));
            keep(&path, &keys).unwrap();
            let written = fs::metadata(&path).unwrap().ino();
            drop(first);
            assert_eq!(second.join().unwrap(), keys.digest());
            assert_eq!(fs::metadata(&path).unwrap().ino(), written, "it was derived and written again");
        });
    }
}
