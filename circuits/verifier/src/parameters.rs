//! The circuit's parameters, derived once and kept on disk. A kept file is trusted only because its digest, computed
//! again over everything that was read, is the pinned one; anything else is derived anew.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
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
    if let Ok(file) = File::open(&path)
        && let Ok(keys) = Keys::read_from(shape, &mut BufReader::with_capacity(1 << 20, file))
    {
        return Ok(keys);
    }
    let keys = Keys::derive(shape)?;
    keys.check_pin()?;
    let _ = keep(&path, &keys);
    Ok(keys)
}

/// Writes under a name of its own first, so that a crash or a full disk leaves no half file under the real one.
fn keep<P: Program>(path: &Path, keys: &Keys<P>) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    keys.write_to(&mut writer).map_err(io::Error::other)?;
    writer.flush()?;
    drop(writer);
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
