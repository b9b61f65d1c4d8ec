//! Versioned, length-checked containers for what leaves this crate as bytes. Whatever is read back is hostile: lengths
//! are checked before anything is allocated, every byte is accounted for, and a proof must be in its one spelling.

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{error::Error, setup::encoding};

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A compressed, zero-knowledge proof: published.
    Proof,
    /// An unfinished fold: private, holds witness values.
    Checkpoint,
    /// The proof of a disclosure: for the third party it was made for.
    Disclosure,
}

impl Kind {
    fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Proof => b"ASSAYPRF",
            Self::Checkpoint => b"ASSAYCKP",
            Self::Disclosure => b"ASSAYDSC",
        }
    }

    /// Largest payload that is read, in bytes.
    fn max_payload(self) -> usize {
        match self {
            Self::Proof | Self::Disclosure => 1 << 20,
            Self::Checkpoint => 1 << 30,
        }
    }
}

const VERSION: u16 = 1;
const DIGEST_BYTES: usize = 32;

/// What stands before the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Name of the shape, or of the circuit of disclosures.
    pub shape: String,
    /// Digest of the parameters, as 64 hexadecimal digits.
    pub parameter_digest: String,
    /// SHA-256 of the statement, or of the disclosure's claim.
    pub statement_digest: [u8; DIGEST_BYTES],
    /// Steps folded.
    pub steps: u64,
}

/// Header, payload, and SHA-256 over both.
///
/// # Errors
/// [`Error::Malformed`] if the payload cannot be encoded or the shape's name is longer than 255 bytes.
pub fn seal<T: Serialize>(kind: Kind, header: &Header, payload: &T) -> Result<Vec<u8>, Error> {
    let payload = bincode::serde::encode_to_vec(payload, encoding())
        .map_err(|e| Error::Malformed(format!("the payload cannot be encoded: {e}")))?;
    let name_length =
        u8::try_from(header.shape.len()).map_err(|_| Error::Malformed("the shape's name is too long".to_owned()))?;
    let mut out = Vec::with_capacity(payload.len() + 256);
    out.extend(kind.magic());
    out.extend(VERSION.to_le_bytes());
    out.push(name_length);
    out.extend(header.shape.as_bytes());
    out.extend(
        hex::decode(&header.parameter_digest).map_err(|e| Error::Malformed(format!("the parameter digest: {e}")))?,
    );
    out.extend(header.statement_digest);
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
    let magic = reader.take(8)?;
    if magic != kind.magic() {
        let other = [Kind::Proof, Kind::Checkpoint, Kind::Disclosure].into_iter().find(|k| magic == k.magic());
        let reason = match other {
            Some(other) => format!("these bytes hold a {other:?}, not a {kind:?}"),
            None => format!("these bytes are no Assay {kind:?}"),
        };
        return Err(Error::Malformed(reason.to_lowercase().replace("assay", "Assay")));
    }
    let version = u16::from_le_bytes(reader.array()?);
    if version != VERSION {
        return Err(Error::Malformed(format!("envelope version {version}; this release reads version {VERSION}")));
    }
    let [name_length] = reader.array()?;
    let shape = String::from_utf8(reader.take(usize::from(name_length))?.to_vec())
        .map_err(|_| Error::Malformed("the shape's name is not UTF-8".to_owned()))?;
    let parameter_digest = hex::encode(reader.take(DIGEST_BYTES)?);
    let statement_digest = reader.array()?;
    let steps = u64::from_le_bytes(reader.array()?);
    let length = u64::from_le_bytes(reader.array()?);
    let length = usize::try_from(length)
        .ok()
        .filter(|l| *l <= kind.max_payload())
        .ok_or_else(|| Error::Malformed(format!("a payload of {length} bytes is too long")))?;
    let payload = reader.take(length)?;
    let covered = bytes.len() - reader.0.len();
    let checksum = reader.take(DIGEST_BYTES)?;
    if !reader.0.is_empty() {
        return Err(Error::Malformed(format!("{} bytes follow the end", reader.0.len())));
    }
    if Sha256::digest(&bytes[..covered]).as_slice() != checksum {
        return Err(Error::Malformed("the checksum does not match: the file is damaged".to_owned()));
    }
    Ok((Header { shape, parameter_digest, statement_digest, steps }, payload))
}

/// Decodes a payload that must be in its one spelling: encoded again it gives the same bytes. That excludes scalars and
/// coordinates above the modulus, points with a second encoding, and padding; decoding itself refuses points that are
/// not on the curve, and both curves have prime order.
///
/// # Errors
/// [`Error::Malformed`] otherwise.
pub fn decode_strict<T: Serialize + DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    let refuse = |reason: String| Error::Malformed(format!("the payload is refused: {reason}"));
    let (value, read): (T, usize) =
        bincode::serde::decode_from_slice(payload, encoding()).map_err(|e| refuse(e.to_string()))?;
    if read != payload.len() {
        return Err(refuse(format!("{} bytes are left over", payload.len() - read)));
    }
    let again = bincode::serde::encode_to_vec(&value, encoding()).map_err(|e| refuse(e.to_string()))?;
    if again != payload {
        return Err(refuse("it is not in canonical form".to_owned()));
    }
    Ok(value)
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
