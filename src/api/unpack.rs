//! Checks a compressed file during its upload: whether it can be decompressed, and whether the output stays within the limits.
//! The output is discarded; the file is stored unchanged.
//!
//! Memory is bounded by the decompression window: at most 128 MiB for zstd, as in the check of a ledger, and 32 KiB for gzip.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use crate::ledger::{Limits, RATIO_FREE_BYTES, TooMuch};

/// Compression of a file, by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// `.csv`
    Plain,
    /// `.csv.gz`
    Gzip,
    /// `.csv.zst`
    Zstd,
}

/// Why a file is refused.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The decompressed file exceeds a limit.
    #[error("the file {0}")]
    TooMuch(String),
    /// The file cannot be decompressed, or is incomplete.
    #[error("the compressed file is damaged or incomplete: {0}")]
    Damaged(String),
}

/// Decompresses a file and counts the output.
pub struct Unpacker {
    decoder: Decoder,
    taken: u64,
}

enum Decoder {
    Plain(Counter),
    Gzip(Box<MultiGzDecoder<Counter>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Counter>>),
}

/// Discards the output, up to the limits.
struct Counter {
    given: u64,
    max_bytes: u64,
    /// Maximum output for the input so far.
    max_by_ratio: u64,
    max_ratio: u32,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.given += bytes.len() as u64;
        let (given, max_bytes, max_ratio) = (self.given, self.max_bytes, self.max_ratio);
        if given > max_bytes {
            return Err(io::Error::other(TooMuch::Bytes { max_bytes }));
        }
        if given > RATIO_FREE_BYTES && given > self.max_by_ratio {
            return Err(io::Error::other(TooMuch::Ratio { max_ratio, given }));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unpacker {
    /// An unpacker for this compression.
    ///
    /// # Errors
    /// [`UnpackError::Damaged`] if the library cannot be initialised.
    pub fn new(packing: Packing, limits: &Limits) -> Result<Self, UnpackError> {
        let counter = Counter {
            given: 0,
            max_bytes: limits.max_decompressed_bytes,
            max_by_ratio: if packing == Packing::Plain { u64::MAX } else { 0 },
            max_ratio: limits.max_ratio,
        };
        let decoder = match packing {
            Packing::Plain => Decoder::Plain(counter),
            Packing::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(counter))),
            Packing::Zstd => Decoder::Zstd(Box::new(zstd::stream::write::Decoder::new(counter).map_err(why)?)),
        };
        Ok(Self { decoder, taken: 0 })
    }

    /// Reads the next bytes of the file. A decompression bomb is refused as soon as it reaches a limit.
    ///
    /// # Errors
    /// [`UnpackError`].
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        self.taken += bytes.len() as u64;
        let taken = self.taken;
        let allow = |counter: &mut Counter| {
            counter.max_by_ratio = counter.max_by_ratio.max(taken.saturating_mul(u64::from(counter.max_ratio)));
        };
        match &mut self.decoder {
            Decoder::Plain(counter) => counter.write_all(bytes),
            Decoder::Gzip(decoder) => {
                allow(decoder.get_mut());
                decoder.write_all(bytes)
            }
            Decoder::Zstd(decoder) => {
                allow(decoder.get_mut());
                decoder.write_all(bytes)
            }
        }
        .map_err(why)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`UnpackError`], also if the file is incomplete.
    pub fn finish(self) -> Result<(), UnpackError> {
        match self.decoder {
            Decoder::Plain(_) => Ok(()),
            Decoder::Gzip(decoder) => decoder.finish().map(|_| ()).map_err(why),
            Decoder::Zstd(decoder) => decoder.finish().map(|_| ()).map_err(why),
        }
    }
}

fn why(error: io::Error) -> UnpackError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<TooMuch>()) {
        Some(too_much) => UnpackError::TooMuch(too_much.to_string()),
        None => UnpackError::Damaged(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(packing: Packing, bytes: &[u8]) -> Vec<u8> {
        match packing {
            Packing::Plain => bytes.to_vec(),
            Packing::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zstd => zstd::encode_all(bytes, 3).unwrap(),
        }
    }

    fn unpack(packing: Packing, limits: &Limits, pieces: &[&[u8]]) -> Result<(), UnpackError> {
        let mut unpacker = Unpacker::new(packing, limits)?;
        pieces.iter().try_for_each(|piece| unpacker.take(piece))?;
        unpacker.finish()
    }

    const ALL: [Packing; 3] = [Packing::Plain, Packing::Gzip, Packing::Zstd];

    #[test]
    fn whole_files_pass_in_any_pieces_and_in_several_frames() {
        let text = b"account,asset,equity,debt\nalice,BTC,1,0\n".repeat(1000);
        for packing in ALL {
            let file = packed(packing, &text);
            unpack(packing, &Limits::default(), &[&file]).unwrap();
            let bytes: Vec<&[u8]> = file.chunks(7).collect();
            unpack(packing, &Limits::default(), &bytes).unwrap();
            unpack(packing, &Limits::default(), &[&file, &file]).unwrap();
        }
    }

    #[test]
    fn a_packed_file_that_is_cut_short_altered_or_none_at_all_is_refused() {
        let text: Vec<u8> = (0..100_000u32).flat_map(|i| i.to_string().into_bytes()).collect();
        for packing in [Packing::Gzip, Packing::Zstd] {
            let file = packed(packing, &text);
            let half = file.len() / 2;
            for wrong in [&file[..half], &file[..file.len() - 1], &file[1..], b"account,class\n", b""] {
                let refused = unpack(packing, &Limits::default(), &[wrong]);
                assert!(matches!(refused, Err(UnpackError::Damaged(_))), "{packing:?} {}", wrong.len());
            }
        }
    }

    #[test]
    fn a7_a_decompression_bomb_is_noticed_long_before_its_end() {
        let limits = Limits { max_decompressed_bytes: 1 << 30, max_ratio: 50, max_errors_kept: 1 };
        let zeros = vec![0; 256 << 20];
        for packing in [Packing::Gzip, Packing::Zstd] {
            let bomb = packed(packing, &zeros);
            let mut unpacker = Unpacker::new(packing, &limits).unwrap();
            let refused = bomb.chunks(1 << 10).try_for_each(|piece| unpacker.take(piece)).unwrap_err();
            assert!(refused.to_string().contains("50 times"), "{refused}");
            let counted = match &unpacker.decoder {
                Decoder::Plain(counter) => counter.given,
                Decoder::Gzip(decoder) => decoder.get_ref().given,
                Decoder::Zstd(decoder) => decoder.get_ref().given,
            };
            assert!(counted < 32 << 20, "{counted}");
        }
    }

    #[test]
    fn a7_more_bytes_than_allowed_are_refused_packed_or_not() {
        let limits = Limits { max_decompressed_bytes: 1000, ..Limits::default() };
        for packing in ALL {
            unpack(packing, &limits, &[&packed(packing, &[b'x'; 1000])]).unwrap();
            let refused = unpack(packing, &limits, &[&packed(packing, &[b'x'; 1001])]).unwrap_err();
            assert!(matches!(refused, UnpackError::TooMuch(_)), "{packing:?}: {refused}");
        }
    }
}
