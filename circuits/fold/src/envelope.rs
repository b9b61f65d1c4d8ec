//! Versioned, length-checked containers for what leaves this crate as bytes. Whatever is read back is hostile: lengths
//! are checked before anything is allocated, every byte is accounted for, and a proof must be in its one spelling.

use assay_core::sealed::StatementDigest;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{codec::encode, error::Error};

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The first eight bytes.
    pub magic: &'static [u8; 8],
    /// What an error calls it, e.g. `proof`.
    pub name: &'static str,
    /// Largest payload that is read, in bytes.
    pub max_payload: usize,
}

/// An unfinished fold: private, holds witness values.
pub const CHECKPOINT: Kind = Kind { magic: b"ASSAYCKP", name: "checkpoint", max_payload: 1 << 30 };

const VERSION: u16 = 1;
const DIGEST_BYTES: usize = 32;

/// What stands before the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Name of the circuit.
    pub circuit: String,
    /// Digest of the parameters, as 64 hexadecimal digits.
    pub parameter_digest: String,
    /// What is proved.
    pub statement_digest: StatementDigest,
    /// Which part of it, from 0.
    pub part: u32,
    /// Steps folded.
    pub steps: u64,
}

/// Header, payload, and SHA-256 over both.
///
/// # Errors
/// [`Error::Malformed`] if the payload cannot be encoded or the circuit's name is longer than 255 bytes.
pub fn seal<T: Serialize>(kind: Kind, header: &Header, payload: &T) -> Result<Vec<u8>, Error> {
    let payload = encode(payload)?;
    let name_length = u8::try_from(header.circuit.len())
        .map_err(|_| Error::Malformed("the circuit's name is too long".to_owned()))?;
    let mut out = Vec::with_capacity(payload.len() + 256);
    out.extend(kind.magic);
    out.extend(VERSION.to_le_bytes());
    out.push(name_length);
    out.extend(header.circuit.as_bytes());
    out.extend(
        hex::decode(&header.parameter_digest).map_err(|e| Error::Malformed(format!("the parameter digest: {e}")))?,
    );
    out.extend(header.statement_digest.0);
    out.extend(header.part.to_le_bytes());
    out.extend(header.steps.to_le_bytes());
    out.extend((payload.len() as u64).to_le_bytes());
    out.extend(payload);
    let checksum = Sha256::digest(&out);
    out.extend(checksum);
    Ok(out)
}

/// The header and the payload's bytes.
///
/// # Errors
/// [`Error::Malformed`] for another kind or version, a wrong length or checksum, or bytes left over.
pub fn open(kind: Kind, bytes: &[u8]) -> Result<(Header, &[u8]), Error> {
    let mut reader = Reader(bytes);
    let opened = open_first(kind, &mut reader)?;
    match reader.0.len() {
        0 => Ok(opened),
        more => Err(Error::Malformed(format!("{more} bytes follow the end"))),
    }
}

/// The envelopes that stand in `bytes` one after the other: exactly `count`, part after part from 0.
///
/// # Errors
/// Those of [`open`]; [`Error::Malformed`] for more or fewer, or another order.
pub fn open_all(kind: Kind, count: u32, bytes: &[u8]) -> Result<Vec<(Header, &[u8])>, Error> {
    let mut reader = Reader(bytes);
    let mut opened = Vec::new();
    for part in 0..count {
        if part > 0 && reader.0.is_empty() {
            return Err(Error::Malformed(format!("it holds {part} of {count} {}s", kind.name)));
        }
        let (header, payload) = open_first(kind, &mut reader).map_err(|e| match e {
            Error::Malformed(reason) if count > 1 => Error::Malformed(format!("part {part} of {count}: {reason}")),
            other => other,
        })?;
        if header.part != part {
            let found = header.part;
            return Err(Error::Malformed(format!("part {found} stands where part {part} of {count} should")));
        }
        opened.push((header, payload));
    }
    match reader.0.len() {
        0 => Ok(opened),
        more => Err(Error::Malformed(format!("{more} bytes follow the end"))),
    }
}

fn open_first<'a>(kind: Kind, reader: &mut Reader<'a>) -> Result<(Header, &'a [u8]), Error> {
    let bytes = reader.0;
    let magic = reader.take(8)?;
    if magic != kind.magic {
        let reason = match std::str::from_utf8(magic).ok().filter(|text| text.starts_with("ASSAY")) {
            Some(_) if magic == CHECKPOINT.magic => format!("these bytes hold a checkpoint, not a {}", kind.name),
            Some(other) => {
                format!("these bytes begin with {other}: they hold another kind of file, not a {}", kind.name)
            }
            None => format!("these bytes are no Assay {}", kind.name),
        };
        return Err(Error::Malformed(reason));
    }
    let version = u16::from_le_bytes(reader.array()?);
    if version != VERSION {
        return Err(Error::Malformed(format!("envelope version {version}; this release reads version {VERSION}")));
    }
    let [name_length] = reader.array()?;
    let circuit = String::from_utf8(reader.take(usize::from(name_length))?.to_vec())
        .map_err(|_| Error::Malformed("the circuit's name is not UTF-8".to_owned()))?;
    let parameter_digest = hex::encode(reader.take(DIGEST_BYTES)?);
    let statement_digest = StatementDigest(reader.array()?);
    let part = u32::from_le_bytes(reader.array()?);
    let steps = u64::from_le_bytes(reader.array()?);
    let length = u64::from_le_bytes(reader.array()?);
    let length = usize::try_from(length)
        .ok()
        .filter(|l| *l <= kind.max_payload)
        .ok_or_else(|| Error::Malformed(format!("a payload of {length} bytes is too long")))?;
    let payload = reader.take(length)?;
    let covered = bytes.len() - reader.0.len();
    let checksum = reader.take(DIGEST_BYTES)?;
    if Sha256::digest(&bytes[..covered]).as_slice() != checksum {
        return Err(Error::Malformed("the checksum does not match: the file is damaged".to_owned()));
    }
    Ok((Header { circuit, parameter_digest, statement_digest, part, steps }, payload))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        if self.0.len() < n {
            return Err(Error::Malformed("the file ends too early".to_owned()));
        }
        let (taken, rest) = self.0.split_at(n);
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        Ok(self.take(N)?.try_into().expect("take gave N bytes"))
    }
}
