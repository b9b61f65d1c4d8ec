//! The circuit's parameters, derived once and kept on disk. A kept file is trusted only because its digest, computed
//! again over everything that was read, is the pinned one; anything else is derived anew.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use assay_fold::{Error, keys::Keys, pins::Pin};
use assay_programs::{disclosure::{Disclosure, SHAPE as DISCLOSURE}, ledger::{Ledger, shape::Shape}};

/// Parameters that a verification can borrow from.
pub struct Kept<T = Parameters>(pub T);

impl<T> AsRef<T> for Kept<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

/// Where the parameters of the circuit called `name` are kept under `cache`.
///
/// # Errors
/// [`Error::Malformed`] if this release pins no such circuit.
pub fn path_of(name: &str, cache: &Path) -> Result<PathBuf, Error> {
    let digest = pin_of(name)?.parameter_digest;
    Ok(cache.join(format!("{name}-{}.bin", digest.get(..16).unwrap_or("unpinned"))))
}

/// Reads the parameters of `shape` from `cache`, or derives them and keeps them there. A cache that cannot be written
/// only costs the next run its time.
///
/// # Errors
/// [`Error::ParameterDigest`] if this build's circuit does not have the parameters that it pins.
pub fn load(shape: &'static Shape, cache: &Path) -> Result<Kept, Error> {
    let read = |reader: &mut Reader| Parameters::read_from(shape, reader);
    let derive = || Parameters::derive(shape);
    cached(shape.name, cache, read, derive, |p, writer| p.write_to(writer), |p| p.check_pin())
}

/// The same for the circuit of disclosures.
///
/// # Errors
/// As [`load`].
pub fn load_disclosure(cache: &Path) -> Result<Kept<DisclosureParameters>, Error> {
    let read = |reader: &mut Reader| DisclosureParameters::read_from(reader);
    let write = |p: &DisclosureParameters, writer: &mut Writer| p.write_to(writer);
    cached(DISCLOSURE_CIRCUIT, cache, read, DisclosureParameters::derive, write, |p| p.check_pin())
}

type Reader = BufReader<File>;
type Writer = BufWriter<File>;

fn cached<T>(
    name: &str,
    cache: &Path,
    read: impl FnOnce(&mut Reader) -> Result<T, Error>,
    derive: impl FnOnce() -> Result<T, Error>,
    write: impl FnOnce(&T, &mut Writer) -> Result<(), Error>,
    check_pin: impl FnOnce(&T) -> Result<(), Error>,
) -> Result<Kept<T>, Error> {
    let path = path_of(name, cache)?;
    if let Ok(file) = File::open(&path)
        && let Ok(parameters) = read(&mut BufReader::with_capacity(1 << 20, file))
    {
        return Ok(Kept(parameters));
    }
    let parameters = derive()?;
    check_pin(&parameters)?;
    let _ = keep(&path, |writer| write(&parameters, writer));
    Ok(Kept(parameters))
}

/// Writes under a name of its own first, so that a crash or a full disk leaves no half file under the real one.
fn keep(path: &Path, write: impl FnOnce(&mut Writer) -> Result<(), Error>) -> Result<(), Error> {
    let failed = |e: std::io::Error| Error::Malformed(format!("{}: {e}", path.display()));
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let written = File::create(&partial).map_err(failed).and_then(|file| {
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        write(&mut writer)?;
        writer.flush().map_err(failed)?;
        writer.get_ref().sync_all().map_err(failed)?;
        fs::rename(&partial, path).map_err(failed)
    });
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}
