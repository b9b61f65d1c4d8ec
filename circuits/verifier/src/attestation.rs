//! An attestation directory: what is published, and the check of a whole directory.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use assay_circuits::{
    setup::Parameters,
    shape::Shape,
    statement::MAX_STATEMENT_BYTES,
    verifier::{Check, Report, TestShapes, verify},
};
use sha2::{Digest, Sha256};

/// The canonical statement.
pub const STATEMENT_FILE: &str = "statement.json";
/// The proof in its envelope.
pub const PROOF_FILE: &str = "proof.bin";
/// SHA-256 of every other published file, as `sha256sum` writes it.
pub const MANIFEST_FILE: &str = "MANIFEST.sha256";
/// Files larger than this are no proof.
const MAX_PROOF_BYTES: usize = 2 << 20;
/// A manifest lists a handful of files.
const MAX_MANIFEST_BYTES: usize = 1 << 20;
/// Largest published file that is hashed for the manifest, in bytes.
const MAX_LISTED_BYTES: usize = 1 << 30;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Unreadable {
    path: String,
    reason: String,
}

/// The bytes of an attestation.
pub struct Attestation {
    dir: PathBuf,
    /// The canonical statement.
    pub statement: Vec<u8>,
    /// The proof in its envelope.
    pub proof: Vec<u8>,
}

impl Attestation {
    /// Reads the two files that a verification needs.
    ///
    /// # Errors
    /// [`Unreadable`] for a missing, unreadable or oversized file.
    pub fn read(dir: &Path) -> Result<Self, Unreadable> {
        Ok(Self {
            dir: dir.to_owned(),
            statement: read_bounded(&dir.join(STATEMENT_FILE), MAX_STATEMENT_BYTES)?,
            proof: read_bounded(&dir.join(PROOF_FILE), MAX_PROOF_BYTES)?,
        })
    }

    /// Verifies the attestation and that the directory is whole.
    pub fn verify<P: AsRef<Parameters>>(
        &self,
        tests: TestShapes,
        parameters: impl FnOnce(&'static Shape) -> Result<P, assay_circuits::error::Error>,
    ) -> Report {
        let mut report = verify(&self.statement, &self.proof, tests, parameters);
        if let Some(check) = self.check_manifest() {
            report.checks.push(check);
        }
        report
    }

    /// Compares every file that the manifest lists; an attestation without a manifest is just its two files.
    fn check_manifest(&self) -> Option<Check> {
        let path = self.dir.join(MANIFEST_FILE);
        if !path.exists() {
            return None;
        }
        let outcome = read_bounded(&path, MAX_MANIFEST_BYTES)
            .map_err(|e| e.to_string())
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "the manifest is not UTF-8".to_owned()))
            .and_then(|text| self.compare(&text));
        let passed = outcome.is_ok();
        Some(Check {
            id: "manifest",
            title: "the files are those that the manifest lists".to_owned(),
            passed,
            detail: outcome.unwrap_or_else(|reason| reason),
        })
    }

    fn compare(&self, manifest: &str) -> Result<String, String> {
        let mut listed = 0;
        for line in manifest.lines() {
            let (digest, name) =
                line.split_once("  ").ok_or_else(|| format!("the manifest's line `{line}` is not `digest  file`"))?;
            let plain = Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
            if !plain || name.is_empty() {
                return Err(format!("the manifest lists `{name}`, which is outside of the attestation"));
            }
            let bytes = read_bounded(&self.dir.join(name), MAX_LISTED_BYTES).map_err(|e| e.to_string())?;
            if hex::encode(Sha256::digest(&bytes)) != digest {
                return Err(format!("{name} is not the file that the manifest lists"));
            }
            listed += 1;
        }
        if listed == 0 {
            return Err("the manifest lists nothing".to_owned());
        }
        Ok(format!("{listed} files"))
    }
}

/// The whole file, if it is no longer than `limit` bytes.
///
/// # Errors
/// [`Unreadable`] otherwise.
pub fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, Unreadable> {
    let unreadable = |reason: String| Unreadable { path: path.display().to_string(), reason };
    let file = File::open(path).map_err(|e: io::Error| unreadable(e.to_string()))?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|e| unreadable(e.to_string()))?;
    if bytes.len() > limit {
        return Err(unreadable(format!("is longer than {limit} bytes")));
    }
    Ok(bytes)
}
