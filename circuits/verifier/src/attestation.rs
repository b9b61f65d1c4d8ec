//! An attestation directory: what is published, and the check of a whole directory.

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
};

use assay_core::{
    Error as CoreError,
    check::Check,
    sealed::{MAX_STATEMENT_BYTES, Sealed},
    signature::{Jwks, Jws, MAX_JWKS_BYTES, MAX_JWS_BYTES, SIGNATURE_FILE},
};
use assay_programs::{
    ledger::{
        inclusion::{InclusionReport, verify_inclusion},
        statement::Statement,
    },
    reserves::{ReservesReport, verify_reserves},
};
use sha2::{Digest, Sha256};

use crate::files::{Unreadable, bounded, read_bounded};

/// The canonical statement.
pub const STATEMENT_FILE: &str = "statement.json";
/// The proof in its envelope.
pub const PROOF_FILE: &str = "proof.bin";
/// SHA-256 of every other published file, as `sha256sum` writes it.
pub const MANIFEST_FILE: &str = "MANIFEST.sha256";
/// Files with more bytes than this for each shard are no proof.
const MAX_PROOF_BYTES: usize = 1 << 17;
/// A manifest lists a handful of small files.
const MAX_MANIFEST_BYTES: usize = 1 << 14;
const MAX_LISTED_FILES: usize = 64;
/// Largest published file that is hashed for the manifest, in bytes.
const MAX_LISTED_BYTES: usize = 64 << 20;

/// An attestation: a directory, or the same files in one `.zip` bundle. Its statement is parsed once, when it is read.
pub struct Attestation {
    place: Place,
    bytes: Vec<u8>,
    statement: Result<Sealed<Statement>, CoreError>,
}

enum Place {
    Directory(PathBuf),
    Bundle(PathBuf),
}

impl Place {
    fn of(path: &Path) -> Self {
        if path.is_file() { Self::Bundle(path.to_owned()) } else { Self::Directory(path.to_owned()) }
    }

    /// The whole file called `name`, if it is there.
    fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Unreadable> {
        match self {
            Self::Directory(dir) => {
                let path = dir.join(name);
                let there = path.symlink_metadata().is_ok();
                if there { read_bounded(&path, limit).map(Some) } else { Ok(None) }
            }
            Self::Bundle(path) => read_from_bundle(path, name, limit),
        }
    }

    fn require(&self, name: &str, limit: usize) -> Result<Vec<u8>, Unreadable> {
        let (Self::Directory(path) | Self::Bundle(path)) = self;
        self.read(name, limit)?.ok_or_else(|| Unreadable::new(&path.join(name), "there is no such file"))
    }
}

/// One file of a bundle. Names inside are compared, never used as paths.
fn read_from_bundle(path: &Path, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Unreadable> {
    let unreadable = |reason: String| Unreadable::new(path, reason);
    let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
    let mut bundle = zip::ZipArchive::new(file).map_err(|e| unreadable(format!("not a .zip bundle: {e}")))?;
    // two entries of one name would let this program and another one read different files
    if bundle.has_duplicate_names() {
        return Err(unreadable("the bundle contains two files with the same name".to_owned()));
    }
    let entry = match bundle.by_name(name) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(e) => return Err(unreadable(format!("{name}: {e}"))),
    };
    bounded(entry, limit).map(Some).map_err(|reason| unreadable(format!("{name}: {reason}")))
}

impl Attestation {
    /// Reads the statement of a directory or a bundle. A statement that breaks a rule is read all the same: the checks say so.
    ///
    /// # Errors
    /// [`Unreadable`] for a missing, unreadable or oversized file.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        let place = Place::of(path);
        let bytes = place.require(STATEMENT_FILE, MAX_STATEMENT_BYTES)?;
        let statement = Sealed::parse(&bytes);
        Ok(Self { place, bytes, statement })
    }

    /// The statement, or why it is none. It is not proved.
    ///
    /// # Errors
    /// The first rule of its format that it breaks.
    pub fn statement(&self) -> Result<&Sealed<Statement>, &CoreError> {
        self.statement.as_ref()
    }

    /// The proof in its envelope.
    ///
    /// # Errors
    /// [`Unreadable`] for a missing, unreadable or oversized file.
    pub fn read_proof(&self) -> Result<Vec<u8>, Unreadable> {
        let shards = self.statement.as_ref().map_or(1, |statement| statement.shards.len());
        self.place.require(PROOF_FILE, shards * MAX_PROOF_BYTES)
    }

    /// Verifies the attestation with its proof, and that the directory is whole.
    #[cfg(feature = "proof")]
    pub fn verify<K: std::borrow::Borrow<assay_fold::keys::Keys<assay_programs::ledger::Ledger>>>(
        &self,
        proof: &[u8],
        tests: assay_programs::purpose::TestShapes,
        keys: impl FnOnce(&'static assay_programs::ledger::shape::Shape) -> Result<K, assay_fold::Error>,
    ) -> assay_programs::ledger::report::Report {
        let mut report = assay_programs::ledger::verify::verify(self.statement(), proof, tests, keys);
        // only for what is proved: hashing files of somebody's choice is no work to do for nothing
        if report.statement.is_some()
            && let Some(check) = self.check_manifest()
        {
            report.checks.push(check);
        }
        report
    }

    /// Checks a customer's inclusion file, which must be `account`'s where that is given. That the statement is proved is
    /// not checked here.
    pub fn verify_inclusion(&self, file: &[u8], account: Option<&str>) -> InclusionReport {
        verify_inclusion(self.statement(), file, account)
    }

    /// Checks disclosed reserve lines. That the statement is proved is not checked here.
    pub fn verify_reserves(&self, file: &[u8]) -> ReservesReport {
        verify_reserves(self.statement(), file)
    }

    /// Whether somebody of `jwks` stands behind the statement; an attestation without signatures fails.
    pub fn check_signature(&self, jwks: &Jwks) -> Check {
        let signatures = self.place.read(SIGNATURE_FILE, MAX_JWS_BYTES).map_err(|e| e.to_string());
        let signers = signatures.and_then(|bytes| {
            let bytes = bytes.ok_or_else(|| format!("there is no {SIGNATURE_FILE}"))?;
            let signers = Jws::parse(&bytes).and_then(|jws| jws.verify(&self.bytes, jwks));
            signers.map_err(|e| e.to_string())
        });
        let outcome = signers.map(|signers| signers.to_string());
        Check::new("signature", "the statement is signed by a key in the given list", outcome)
    }

    /// What to tell a reader who gave no keys, if there are signatures.
    pub fn unchecked_signatures(&self) -> Option<String> {
        let there = !matches!(self.place.read(SIGNATURE_FILE, MAX_JWS_BYTES), Ok(None));
        there.then(|| format!("{SIGNATURE_FILE} was not checked: pass the public keys that you trust with --jwks FILE"))
    }

    /// Compares every file that the manifest lists; an attestation without a manifest is just its two files.
    pub fn check_manifest(&self) -> Option<Check> {
        let outcome = match self.place.read(MANIFEST_FILE, MAX_MANIFEST_BYTES) {
            Ok(None) => return None,
            Ok(Some(bytes)) => String::from_utf8(bytes)
                .map_err(|_| "the manifest is not UTF-8".to_owned())
                .and_then(|text| self.compare(&text)),
            Err(e) => Err(e.to_string()),
        };
        Some(Check::new("manifest", "the files match the manifest", outcome))
    }

    fn compare(&self, manifest: &str) -> Result<String, String> {
        let mut listed = BTreeSet::new();
        for line in manifest.lines() {
            let (digest, name) =
                line.split_once("  ").ok_or_else(|| format!("line `{line}` of the manifest is not `digest  file`"))?;
            let plain = Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
            if !plain || name.is_empty() {
                return Err(format!("the manifest lists `{name}`, which is outside the attestation"));
            }
            if !listed.insert(name) || listed.len() > MAX_LISTED_FILES {
                return Err(format!("the manifest lists `{name}` twice, or more than {MAX_LISTED_FILES} files"));
            }
            let bytes = self.place.require(name, MAX_LISTED_BYTES).map_err(|e| e.to_string())?;
            if hex::encode(Sha256::digest(&bytes)) != digest {
                return Err(format!("{name} does not match its digest in the manifest"));
            }
        }
        if listed.is_empty() {
            return Err("the manifest lists no file".to_owned());
        }
        Ok(format!("{} files", listed.len()))
    }
}

/// The list of keys in the file at `path`.
///
/// # Errors
/// [`Unreadable`] if it cannot be read, or is no list of public keys for statements.
pub fn read_jwks(path: &Path) -> Result<Jwks, Unreadable> {
    let bytes = read_bounded(path, MAX_JWKS_BYTES)?;
    Jwks::parse(&bytes).map_err(|e| Unreadable::new(path, e))
}
