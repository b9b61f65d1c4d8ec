//! The circuit's parameters, derived once and kept on disk. A kept file is trusted only because its digest, computed
//! again over everything that was read, is the pinned one; anything else is derived anew.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use assay_circuits::{
    error::Error,
    setup::{Parameters, pin},
    shape::Shape,
};

/// Parameters that a verification can borrow from.
pub struct Kept(pub Parameters);

impl AsRef<Parameters> for Kept {
    fn as_ref(&self) -> &Parameters {
        &self.0
    }
}

/// Where the parameters of `shape` are kept under `cache`.
pub fn path_of(shape: &Shape, cache: &Path) -> Result<PathBuf, Error> {
    let digest = pin(shape)?.parameter_digest;
    Ok(cache.join(format!("{}-{}.bin", shape.name, digest.get(..16).unwrap_or("unpinned"))))
}

/// Reads the parameters of `shape` from `cache`, or derives them and keeps them there. A cache that cannot be written
/// only costs the next run its time.
///
/// # Errors
/// [`Error::ParameterDigest`] if this build's circuit does not have the parameters that it pins.
pub fn load(shape: &'static Shape, cache: &Path) -> Result<Kept, Error> {
    let path = path_of(shape, cache)?;
    if let Ok(file) = File::open(&path)
        && let Ok(parameters) = Parameters::read_from(shape, &mut BufReader::with_capacity(1 << 20, file))
    {
        return Ok(Kept(parameters));
    }
    let parameters = Parameters::derive(shape)?;
    parameters.check_pin()?;
    let _ = keep(&parameters, &path);
    Ok(Kept(parameters))
}

/// Writes under a name of its own first, so that a crash or a full disk leaves no half file under the real one.
fn keep(parameters: &Parameters, path: &Path) -> Result<(), Error> {
    let failed = |e: std::io::Error| Error::Malformed(format!("{}: {e}", path.display()));
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let written = File::create(&partial).map_err(failed).and_then(|file| {
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        parameters.write_to(&mut writer)?;
        writer.flush().map_err(failed)?;
        writer.get_ref().sync_all().map_err(failed)?;
        fs::rename(&partial, path).map_err(failed)
    });
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}
