//! One file of a ledger, plain or compressed, as a stream of bytes that cannot run away: what was unpacked is counted and
//! stopped at the limits, and a damaged stream is told apart from a failing disk.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::finding::Environment;
use super::limits::Limits;

/// Compressed formats are recognised by the end of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
    Zstd,
}

/// A file to be read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Name without the folder, as messages show it.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    encoding: Encoding,
}

/// An open [`Source`], unpacked.
pub(crate) struct Stream {
    pub(crate) bytes: BufReader<Guard>,
    pub(crate) disk: Rc<Disk>,
    /// Bytes on disk, before unpacking.
    pub(crate) disk_bytes: u64,
}

/// What happened below the unpacking.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// Bytes taken from the file so far.
    pub(crate) taken: Cell<u64>,
    /// The operating system refused a read; what came of it is not the ledger's fault.
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

/// Counts what comes out of the unpacking and refuses to go on beyond the limits.
pub(crate) struct Guard {
    unpacked: Box<dyn Read>,
    disk: Rc<Disk>,
    given: u64,
    max_bytes: u64,
    max_ratio: Option<u32>,
}

/// A small file may well be all zeros; only from here on is the ratio looked at.
pub(crate) const RATIO_FREE_BYTES: u64 = 16 << 20;

/// A file gives more than it may. Its own type, so that it can be told from what a decoder says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TooMuch {
    #[error("holds more than {max_bytes} bytes once unpacked, which is the limit; nothing behind that was read")]
    Bytes { max_bytes: u64 },
    #[error(
        "unpacks to more than {max_ratio} times its size (a decompression bomb?); nothing behind byte {given} was read"
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
