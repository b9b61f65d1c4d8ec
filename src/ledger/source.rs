//! One file of a ledger, compressed or not, as a bounded stream: decompression stops at the limits, and damaged data is
//! distinguished from a failing disk.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::finding::Environment;
use super::limits::Limits;

/// Compression formats, recognised by the file extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
    Zstd,
}

/// A file of a ledger.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// File name without the directory, for messages.
    pub(crate) name: String,
    /// Path of the file.
    pub(crate) path: PathBuf,
    encoding: Encoding,
}

/// An open [`Source`], decompressed.
pub(crate) struct Stream {
    pub(crate) bytes: BufReader<Guard>,
    pub(crate) disk: Rc<Disk>,
    /// Size on disk.
    pub(crate) disk_bytes: u64,
}

/// State of the file below the decompression.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// Bytes read from the file so far.
    pub(crate) taken: Cell<u64>,
    /// A read failed in the operating system; the resulting error is not an error of the ledger.
    pub(crate) failed: Cell<bool>,
}

impl Source {
    pub(crate) fn new(path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let encoding = match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Encoding::Gzip,
            Some("zst") => Encoding::Zstd,
            _ => Encoding::Plain,
        };
        Self { name, path: path.to_owned(), encoding }
    }

    pub(crate) fn open(&self, limits: &Limits) -> Result<Stream, Environment> {
        let file = File::open(&self.path).map_err(Environment::at(&self.path))?;
        let disk_bytes = file.metadata().map_err(Environment::at(&self.path))?.len();
        let disk = Rc::new(Disk::default());
        let counted = BufReader::new(CountedFile { file, disk: Rc::clone(&disk) });
        let unpacked: Box<dyn Read> = match self.encoding {
            Encoding::Plain => Box::new(counted),
            Encoding::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(counted)),
            Encoding::Zstd => {
                Box::new(zstd::stream::read::Decoder::with_buffer(counted).map_err(Environment::at(&self.path))?)
            }
        };
        Ok(Stream {
            bytes: BufReader::with_capacity(
                1 << 16,
                Guard {
                    unpacked,
                    disk: Rc::clone(&disk),
                    given: 0,
                    max_bytes: limits.max_decompressed_bytes,
                    max_ratio: (self.encoding != Encoding::Plain).then_some(limits.max_ratio),
                },
            ),
            disk,
            disk_bytes,
        })
    }
}

struct CountedFile {
    file: File,
    disk: Rc<Disk>,
}

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.file.read(buffer) {
            Ok(read) => {
                self.disk.taken.set(self.disk.taken.get() + read as u64);
                Ok(read)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.disk.failed.set(true);
                }
                Err(error)
            }
        }
    }
}

/// Counts the decompressed bytes and stops at the limits.
pub(crate) struct Guard {
    unpacked: Box<dyn Read>,
    disk: Rc<Disk>,
    given: u64,
    max_bytes: u64,
    max_ratio: Option<u32>,
}

/// Decompressed size above which the ratio is checked; a small file may consist of zeros.
pub(crate) const RATIO_FREE_BYTES: u64 = 16 << 20;

/// A file exceeds a limit. A separate type distinguishes this from decoder errors.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TooMuch {
    #[error("exceeds the limit of {max_bytes} decompressed bytes; the rest was not read")]
    Bytes { max_bytes: u64 },
    #[error(
        "decompresses to more than {max_ratio} times its size (a decompression bomb?); the rest after byte {given} was not read"
    )]
    Ratio { max_ratio: u32, given: u64 },
}

impl Read for Guard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.unpacked.read(buffer)?;
        self.given += read as u64;
        let (given, max_bytes) = (self.given, self.max_bytes);
        if given > max_bytes {
            return Err(io::Error::other(TooMuch::Bytes { max_bytes }));
        }
        let taken = self.disk.taken.get();
        if let Some(max_ratio) = self.max_ratio
            && given > RATIO_FREE_BYTES
            && given > taken.saturating_mul(u64::from(max_ratio))
        {
            return Err(io::Error::other(TooMuch::Ratio { max_ratio, given }));
        }
        Ok(read)
    }
}
