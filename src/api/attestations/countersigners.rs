//! The keys whose signatures the service takes in: `countersigners.jwks_file`.

use std::path::Path;

use assay_core::{
    opinion::AuditorKeys,
    signature::{Jwks, MAX_JWKS_BYTES},
};

use crate::files::{open_file, read_at_most};

/// The keys of others that may sign about attestations.
pub struct Countersigners {
    /// Those that countersign statements.
    pub statements: Jwks,
    /// Those that give opinions.
    pub auditors: AuditorKeys,
}

impl Countersigners {
    /// Reads the list; without a file, nobody is on it.
    ///
    /// # Errors
    /// A sentence if the file cannot be read, or is no list of public keys.
    pub fn read(list: Option<&Path>) -> Result<Self, String> {
        let Some(path) = list else { return Self::parse(br#"{"keys":[]}"#) };
        let read = open_file(path).and_then(|file| read_at_most(file, MAX_JWKS_BYTES as u64));
        let bytes = read.map_err(|e| e.to_string());
        let bytes = bytes.and_then(|bytes| bytes.ok_or_else(|| format!("is longer than {MAX_JWKS_BYTES} bytes")));
        bytes.and_then(|bytes| Self::parse(&bytes)).map_err(|reason| format!("{}: {reason}", path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let statements = Jwks::read(bytes).map_err(|e| e.to_string())?;
        Ok(Self { statements, auditors: AuditorKeys::read(bytes).map_err(|e| e.to_string())? })
    }
}
