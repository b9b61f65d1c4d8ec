//! The private files of an attestation: their names, and how they are written. `record` describes the records of pages.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use assay_core::{
    field::{F, to_hex},
    identity::MasterSecret,
    lines::LINE_COLUMNS,
};
use serde::{Deserialize, Serialize};

use super::error::AttestError;
use crate::{
    durable::{self, Access, Writer},
    home::Home,
    ledger::ReserveLine,
};

/// The directory that is never published.
pub const PRIVATE_DIR: &str = "private";
/// The pages, shard after shard in the order of the trees, without padding.
pub const PAGES_FILE: &str = "pages.bin";
/// The root of every batch, one a line, shard after shard.
pub const BATCH_ROOTS_FILE: &str = "batch-roots.txt";
/// Identifies the master secret that the salts are derived from.
pub const SECRET_REFERENCE_FILE: &str = "secret-reference.json";
/// The reserves' lines in their committed order.
pub const RESERVES_FILE: &str = "reserves.csv";

/// The checkpoint of a shard's fold.
pub fn checkpoint_file(shard: u32) -> String {
    format!("checkpoint-{shard}.bin")
}

/// The finished proof of a shard, kept until those of all shards are.
pub fn proof_file(shard: u32) -> String {
    format!("proof-{shard}.bin")
}

/// Creates a directory that only its owner may enter, unless it exists.
///
/// # Errors
/// [`AttestError::File`].
pub fn create_private_dir(path: &Path) -> Result<(), AttestError> {
    durable::create_private_directory(path).map_err(AttestError::file(path))
}

/// [`durable::replace`].
///
/// # Errors
/// [`AttestError::File`], as for [`durable::replace`].
pub fn write_whole(path: &Path, access: Access, bytes: &[u8]) -> Result<(), AttestError> {
    durable::replace(path, access, bytes).map_err(AttestError::file(path))
}

/// [`durable::replace_with`].
///
/// # Errors
/// As [`write_whole`].
pub fn write_with(
    path: &Path,
    access: Access,
    content: impl FnOnce(&mut Writer<'_>) -> std::io::Result<()>,
) -> Result<(), AttestError> {
    durable::replace_with(path, access, content).map_err(AttestError::file(path))
}

/// Bytes of the number of a shard's pages, a little-endian u64. One for each shard stands before the first page.
pub const PAGES_COUNT_BYTES: usize = 8;

/// Writes the records of all pages, shard after shard; `counts` has the number of each shard's.
///
/// # Errors
/// [`AttestError::File`].
pub fn write_pages(path: &Path, counts: &[u64], mut records: impl Iterator<Item = Vec<u8>>) -> Result<(), AttestError> {
    write_with(path, Access::Private, |writer| {
        counts.iter().try_for_each(|count| writer.write_all(&count.to_le_bytes()))?;
        records.try_for_each(|record| writer.write_all(&record))
    })
}

/// Writes the roots of all batches, one a line, shard after shard.
///
/// # Errors
/// [`AttestError::File`].
pub fn write_batch_roots<'a>(path: &Path, mut roots: impl Iterator<Item = &'a F>) -> Result<(), AttestError> {
    write_with(path, Access::Private, |writer| roots.try_for_each(|root| writeln!(writer, "{}", to_hex(root))))
}

/// Writes the lines of the reserves file in their committed order.
///
/// # Errors
/// [`AttestError::File`].
pub fn write_reserves(path: &Path, lines: &[ReserveLine]) -> Result<(), AttestError> {
    write_with(path, Access::Private, |writer| {
        let mut csv = csv::Writer::from_writer(writer);
        csv.write_record(LINE_COLUMNS)?;
        for line in lines {
            csv.write_record(&line.fields)?;
        }
        csv.flush()
    })
}

/// Identifies an attestation's master secret without revealing it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretReference {
    /// The file that held it.
    file: PathBuf,
    /// Its fingerprint.
    fingerprint: String,
}

impl SecretReference {
    /// The reference to the secret of `home`.
    pub fn new(secret: &MasterSecret, home: &Home) -> Self {
        Self { file: home.secret_file(), fingerprint: secret.fingerprint() }
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`AttestError::File`], or [`AttestError::NotValid`] if it is no reference.
    pub fn read(path: &Path) -> Result<Self, AttestError> {
        let bytes = fs::read(path).map_err(AttestError::file(path))?;
        serde_json::from_slice(&bytes).map_err(|e| AttestError::NotValid(format!("{}: {e}", path.display())))
    }

    /// Writes the file at `path`.
    ///
    /// # Errors
    /// [`AttestError::File`].
    pub fn write(&self, path: &Path) -> Result<(), AttestError> {
        let bytes = serde_json::to_vec_pretty(self).map_err(|e| AttestError::NotValid(e.to_string()))?;
        write_whole(path, Access::Private, &bytes)
    }

    /// Checks that `secret` is the one that the attestation was made with.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if it is another.
    pub fn check(&self, secret: &MasterSecret, home: &Home) -> Result<(), AttestError> {
        if self.fingerprint == secret.fingerprint() {
            return Ok(());
        }
        Err(AttestError::NotValid(format!(
            "this attestation was made with the master secret of {} (fingerprint {}), {} holds another",
            self.file.display(),
            self.fingerprint,
            home.secret_file().display()
        )))
    }
}
