//! One file of a ledger, compressed or not, as a bounded stream: decompression stops at the limits, and data that cannot be read
//! is distinguished from a failing disk. What is wrong with it is said as it is: a whole file that is not what its name says is not
//! called damaged.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
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
            encoding => Box::new(Members { encoding, state: State::Between(counted), any: false }),
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

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain text",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// What data is, judged by its first bytes; `None` for anything that is not known by them.
pub(crate) fn recognised(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some("zstd"),
        [b'P', b'K', 3, 4, ..] => Some("zip"),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', ..] => Some("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some("xz"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        _ => None,
    }
}

/// A compressed file is a sequence of members (gzip) or frames (zstd). Each is read to its end, and then what follows it is looked
/// at: only so are other bytes behind the data distinguished from data that is cut off.
struct Members {
    encoding: Encoding,
    state: State,
    any: bool,
}

enum State {
    Between(BufReader<CountedFile>),
    Gzip(flate2::bufread::GzDecoder<BufReader<CountedFile>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<CountedFile>>),
    Ended,
}

/// Why a compressed file cannot be read, if neither the disk nor the compressed data are damaged.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Diagnosis(String);

impl Members {
    /// Begins the next member.
    fn begin(&self, mut file: BufReader<CountedFile>) -> io::Result<State> {
        let head = loop {
            match file.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                head => break head?,
            }
        };
        let name = self.encoding.name();
        let refused = |reason: String| Err(io::Error::other(Diagnosis(reason)));
        if head.is_empty() {
            return if self.any {
                Ok(State::Ended)
            } else {
                refused(format!("the file is empty; it is no {name} file"))
            };
        }
        let found = recognised(head);
        let cut_off = head.len() < 4 && found.is_none() && matches!(head[0], 0x1f | 0x28 | 0x50..=0x5f);
        if found != Some(name) && !cut_off {
            return refused(match found {
                _ if self.any => "the compressed file has other bytes behind its compressed data".to_owned(),
                Some(other) => {
                    format!("the file is no compressed file of the kind that its name says: it is {other}, not {name}")
                }
                None => {
                    format!("the file is no compressed file: its name says {name}, but its content is something else")
                }
            });
        }
        Ok(match self.encoding {
            Encoding::Zstd => State::Zstd(zstd::stream::read::Decoder::with_buffer(file)?.single_frame()),
            _ => State::Gzip(flate2::bufread::GzDecoder::new(file)),
        })
    }
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.state {
                State::Between(_) => 0,
                State::Gzip(member) => member.read(buffer)?,
                State::Zstd(member) => member.read(buffer).map_err(zstd_reason)?,
                State::Ended => return Ok(0),
            };
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let file = match std::mem::replace(&mut self.state, State::Ended) {
                State::Between(file) => file,
                State::Gzip(member) => member.into_inner(),
                State::Zstd(member) => member.finish(),
                State::Ended => return Ok(0),
            };
            self.state = self.begin(file)?;
            self.any = true;
        }
    }
}

/// The library's reasons for which a whole file is not read, in words that say what to do.
fn zstd_reason(error: io::Error) -> io::Error {
    let reason = error.to_string();
    if reason.contains("too much memory") {
        io::Error::other(Diagnosis(
            "the compressed file needs a window of more than 128 MiB of memory; compress it again without --long, or with --long=27"
                .to_owned(),
        ))
    } else if reason.contains("Dictionary") {
        io::Error::other(Diagnosis("the compressed file needs a dictionary; compress it again without one".to_owned()))
    } else {
        error
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
