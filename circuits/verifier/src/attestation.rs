//! An attestation directory: what is published, and the check of a whole directory.

use std::{
    cell::Cell,
    collections::BTreeSet,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use assay_core::{
    Error as CoreError,
    check::Check,
    holding::HoldingKeys,
    later::Later,
    opinion::AuditorKeys,
    sealed::{MAX_STATEMENT_BYTES, Sealed, StatementDigest},
    signature::{Jwks, Jws, MAX_JWKS_BYTES, MAX_JWS_BYTES, SIGNATURE_FILE, SignatureState},
    signatures::{MAX_SIGNATURES_BYTES, SIGNATURES_FILE, Signatures},
};
use assay_programs::{
    ledger::{
        inclusion::{InclusionReport, verify_inclusion},
        report::{LogState, Report},
        statement::Statement,
    },
    reserves::{ReservesReport, verify_disclosed},
};
use sha2::{Digest, Sha256};

use crate::{
    files::{Unreadable, bounded, read_bounded},
    log::{
        entry::Entry,
        policy::{Cosigned, MAX_POLICY_BYTES, Policy},
        proof::{LogProof, MAX_PROOF_BYTES as MAX_LOG_PROOF_BYTES},
        tree::leaf_hash,
    },
    owners::check_owners,
    trust::Trust,
};

/// The canonical statement.
pub const STATEMENT_FILE: &str = "statement.json";
/// The proof in its envelope.
pub const PROOF_FILE: &str = "proof.bin";
/// SHA-256 of every other published file, as `sha256sum` writes it.
pub const MANIFEST_FILE: &str = "MANIFEST.sha256";
/// The proof that the statement is in a transparency log, beside the other files.
pub const LOG_PROOF_FILE: &str = "log/attestation.tlog-proof";
/// What is verified, or says who stands behind it. Every other file only helps people.
const COUNTED_FILES: [&str; 3] = [STATEMENT_FILE, PROOF_FILE, SIGNATURE_FILE];
/// Files with more bytes than this for each shard are no proof.
const MAX_PROOF_BYTES: usize = 1 << 17;
/// A manifest lists a handful of small files.
const MAX_MANIFEST_BYTES: usize = 1 << 14;
const MAX_LISTED_FILES: usize = 64;
/// Largest published file that is hashed for the manifest, in bytes.
const MAX_LISTED_BYTES: usize = 64 << 20;

/// Bytes that are read to list the files of a bundle: a bundle of ours has five.
const MAX_LISTING_BYTES: u64 = 1 << 20;

/// An attestation: a directory, or the same files in one `.zip` bundle. Its statement is parsed once, when it is read.
pub struct Attestation {
    place: Place,
    bytes: Vec<u8>,
    statement: Result<Sealed<Statement>, CoreError>,
}

/// What a reader's keys and policy tell of an attestation.
pub struct Judged {
    /// What was checked.
    pub checks: Vec<Check>,
    /// What is known of the signatures of the statement.
    pub signature: SignatureState,
    /// What is known of transparency logs.
    pub log: LogState,
    /// What was said about the attestation later.
    pub later: Later,
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

/// One file of a bundle, at its top or in its only folder: whoever packs the folder itself packs the same files. Names inside are
/// compared, never used as paths.
fn read_from_bundle(path: &Path, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Unreadable> {
    let unreadable = |reason: String| Unreadable::new(path, reason);
    let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
    let left = Cell::new(MAX_LISTING_BYTES);
    let mut bundle = zip::ZipArchive::new(Bounded { file, left: &left }).map_err(|e| match left.get() {
        0 => unreadable("not a bundle of an attestation: it lists far too many files".to_owned()),
        _ => unreadable(format!("not a .zip bundle: {e}")),
    })?;
    // two entries of one name would let this program and another one read different files
    if bundle.has_duplicate_names() {
        return Err(unreadable("the bundle contains two files with the same name".to_owned()));
    }
    left.set(u64::MAX);
    let name = format!("{}{name}", folder(&bundle).map_err(unreadable)?);
    let entry = match bundle.by_name(&name) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(e) => return Err(unreadable(format!("{name}: {e}"))),
    };
    bounded(entry, limit).map(Some).map_err(|reason| unreadable(format!("{name}: {reason}")))
}

/// Where in a bundle the files are: nowhere deeper, or in one folder, with its slash. What an operating system adds beside it is
/// not looked at.
fn folder<R: Read + Seek>(bundle: &zip::ZipArchive<R>) -> Result<String, String> {
    let mut folders = bundle.file_names().filter_map(|name| {
        let name = name.ok()?;
        let folder = name.strip_suffix(STATEMENT_FILE).filter(|f| f.is_empty() || f.ends_with('/'))?;
        (!folder.starts_with("__MACOSX/")).then(|| folder.to_owned())
    });
    let folder = folders.next().unwrap_or_default();
    match folders.next() {
        Some(_) => Err(format!("the bundle contains more than one {STATEMENT_FILE}")),
        None => Ok(folder),
    }
}

/// A file of which no more than `left` bytes are read.
struct Bounded<'b> {
    file: File,
    left: &'b Cell<u64>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 && !buffer.is_empty() {
            return Err(io::Error::other("too much to read"));
        }
        let read = self.file.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - read as u64);
        Ok(read)
    }
}

impl Seek for Bounded<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
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
        self.place.require(PROOF_FILE, self.max_proof_bytes())
    }

    /// The file with the signatures, if it is there. Nothing of it is verified.
    ///
    /// # Errors
    /// [`Unreadable`] for an unreadable or oversized file.
    pub fn read_signature(&self) -> Result<Option<Vec<u8>>, Unreadable> {
        self.place.read(SIGNATURE_FILE, MAX_JWS_BYTES)
    }

    /// Verifies the attestation with its proof, and that the directory is whole.
    #[cfg(feature = "proof")]
    pub fn verify<K: std::borrow::Borrow<assay_fold::keys::Keys<assay_programs::ledger::Ledger>>>(
        &self,
        proof: &[u8],
        tests: assay_programs::purpose::TestShapes,
        keys: impl FnOnce(&'static assay_programs::ledger::shape::Shape) -> Result<K, assay_fold::Error>,
    ) -> Report {
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

    /// Checks disclosed reserve lines and their signatures, for a reader who accepts the keys of these `custodians`. That the statement is
    /// proved is not checked here.
    pub fn verify_reserves(&self, file: &[u8], custodians: Option<&HoldingKeys>) -> ReservesReport {
        let (mut report, disclosure) = verify_disclosed(self.statement(), file);
        if let (Some(disclosure), Ok(statement)) = (disclosure, self.statement()) {
            check_owners(&mut report, &disclosure, statement, custodians);
        }
        report
    }

    /// What the reader's keys and policy tell of signatures, notices, opinions and logs.
    pub fn judged(&self, trust: Trust<'_>) -> Judged {
        let mut checks = Vec::new();
        let signatures = match self.signatures(trust.signatures) {
            Ok(signatures) => signatures,
            Err(reason) => {
                checks.push(Check::new("signatures", "the file of later signatures can be read", Err(reason)));
                None
            }
        };
        let (signature, check) = self.signature(signatures.as_ref(), trust.jwks, trust.signature_required);
        let exchange = self.statement().ok().map(|statement| statement.exchange.domain.as_str());
        let later = signatures.map(|all| Later::of(&all, exchange, trust.jwks, trust.auditors)).unwrap_or_default();
        let (log, log_check) = self.log(trust.log, trust.log_proof);
        let said = later.checks(trust.auditors);
        Judged {
            checks: [check, log_check].into_iter().flatten().chain(checks).chain(said).collect(),
            signature,
            log,
            later,
        }
    }

    /// Everything that was signed about the attestation: what is in the `given` file, and in the attestation's own; nothing without either.
    /// Nothing of it is verified yet.
    ///
    /// # Errors
    /// A sentence if a file cannot be read, or is about another statement.
    pub fn signatures(&self, given: Option<&[u8]>) -> Result<Option<Signatures>, String> {
        let own = self.place.read(SIGNATURES_FILE, MAX_SIGNATURES_BYTES).map_err(|e| e.to_string())?;
        let digest = StatementDigest::of(&self.bytes);
        let read = |bytes: &[u8]| Signatures::parse(bytes, digest).map_err(|e| e.to_string());
        Ok(match (given.map(read).transpose()?, own.as_deref().map(read).transpose()?) {
            // an older file given does not hide what the other one says
            (Some(given), Some(own)) => Some(given.joined(own)),
            (given, own) => given.or(own),
        })
    }

    /// What the reader's keys tell of the signatures of the statement; a check beside it if keys were given or a signature is required.
    fn signature(
        &self,
        signatures: Option<&Signatures>,
        jwks: Option<&Jwks>,
        required: bool,
    ) -> (SignatureState, Option<Check>) {
        let read = || match signatures {
            Some(all) => Ok(Some(all.statement.clone())),
            None => {
                let file = self.place.read(SIGNATURE_FILE, MAX_JWS_BYTES).map_err(|e| e.to_string())?;
                file.map(|bytes| Jws::parse(&bytes).map_err(|e| e.to_string())).transpose()
            }
        };
        let file: Option<Result<Jws, String>> = read().transpose();
        let (standing, outcome) = match (file, jwks) {
            (None, _) => (SignatureState::Missing, Err(format!("there is no {SIGNATURE_FILE}"))),
            (Some(_), None) => (SignatureState::Unchecked, Err("no list of keys was given".to_owned())),
            (Some(file), Some(jwks)) => {
                match file.and_then(|jws| jws.verify(&self.bytes, jwks).map_err(|e| e.to_string())) {
                    Ok(signers) => (SignatureState::Signed(signers.clone()), Ok(signers.to_string())),
                    Err(reason) => (SignatureState::Refused, Err(reason)),
                }
            }
        };
        let title = "the statement is signed by a key in the given list";
        let asked = jwks.is_some() || required;
        (standing, asked.then(|| Check::new("signature", title, outcome)))
    }

    /// What the reader's policy tells of transparency logs; a check beside it if there is a policy. `given` is the proof of logging
    /// that the reader has; without one, it is the attestation's own.
    pub fn log(&self, policy: Option<&Policy>, given: Option<&[u8]>) -> (LogState, Option<Check>) {
        let Some(policy) = policy else {
            return (LogState::Unchecked, None);
        };
        let (state, outcome) = match self.logged(policy, given) {
            Ok((proof, cosigned)) => {
                (LogState::Logged { witnessed: !cosigned.is_empty() }, Ok(said(&proof, &cosigned)))
            }
            Err(reason) => (LogState::Refused, Err(reason)),
        };
        (state, Some(Check::new("log", "the statement is in a transparency log, as the given policy asks", outcome)))
    }

    /// The proof that the statement is in a log of the policy, and who cosigned its checkpoint. `given` is the proof that the reader
    /// has; without one, it is the attestation's own.
    ///
    /// # Errors
    /// A sentence with the first thing that is missing or does not hold.
    pub fn logged(&self, policy: &Policy, given: Option<&[u8]>) -> Result<(LogProof, Vec<Cosigned>), String> {
        let statement = self.statement().map_err(|e| e.to_string())?;
        let own = match given {
            Some(_) => None,
            None => self.place.read(LOG_PROOF_FILE, MAX_LOG_PROOF_BYTES).map_err(|e| e.to_string())?,
        };
        let (proof, name) = match given.or(own.as_deref()) {
            Some(proof) => (proof, if own.is_some() { LOG_PROOF_FILE } else { "the proof of logging" }),
            None => return Err(format!("there is no {LOG_PROOF_FILE}, and no proof of logging was given")),
        };
        let proof = LogProof::parse(proof).map_err(|e| format!("{name}: {e}"))?;
        let entry = Entry::of(statement).map_err(|e| e.to_string())?;
        let cosigned = policy.check(&proof.checkpoint).map_err(|e| e.to_string())?;
        proof.verify(&leaf_hash(entry.bytes())).map_err(|e| format!("this statement is not the entry: {e}"))?;
        Ok((proof, cosigned))
    }

    /// Adds what the reader's keys and policy tell to a report on this attestation.
    pub fn judge(&self, report: &mut Report, trust: Trust<'_>) {
        let Judged { checks, signature, log, later } = self.judged(trust);
        report.signature = signature;
        report.log = Some(log);
        report.later = later;
        checks.into_iter().for_each(|check| report.checks.push(check));
    }

    /// Compares the files that the manifest lists; an attestation without a manifest is just its files. The manifest must list
    /// statement, proof and signatures, and these must be the listed ones. Another file proves nothing: that it differs is said,
    /// and does not count against the attestation.
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
        let mut differ = Vec::new();
        for line in manifest.lines().filter(|line| !line.trim().is_empty()) {
            let (digest, name) =
                listed_file(line).ok_or_else(|| format!("line `{line}` of the manifest is not `digest  file`"))?;
            let plain = Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
            if !plain || name.is_empty() {
                return Err(format!("the manifest lists `{name}`, which is outside the attestation"));
            }
            if !listed.insert(name) || listed.len() > MAX_LISTED_FILES {
                return Err(format!("the manifest lists `{name}` twice, or more than {MAX_LISTED_FILES} files"));
            }
            let counts = COUNTED_FILES.contains(&name);
            match self.difference(name, digest) {
                None => {}
                Some(difference) if counts => return Err(difference),
                Some(difference) => differ.push(difference),
            }
        }
        let there = |name: &&str| matches!(self.place.read(name, 0), Ok(Some(_)) | Err(_));
        if let Some(missing) = COUNTED_FILES.into_iter().find(|name| !listed.contains(name) && there(name)) {
            return Err(format!("the manifest does not list {missing}"));
        }
        let count = format!("{} files", listed.len());
        if differ.is_empty() {
            Ok(count)
        } else {
            Ok(format!("{count}; proves nothing and differs: {}", differ.join(", ")))
        }
    }

    /// In what a file differs from what the manifest says.
    fn difference(&self, name: &str, digest: &str) -> Option<String> {
        let limit = if name == PROOF_FILE { self.max_proof_bytes() } else { MAX_LISTED_BYTES };
        let bytes = match self.place.require(name, limit) {
            Ok(bytes) => bytes,
            Err(e) => return Some(e.to_string()),
        };
        let is = |bytes: &[u8]| hex::encode(Sha256::digest(bytes)).eq_ignore_ascii_case(digest);
        if is(&bytes) {
            return None;
        }
        let text = String::from_utf8(bytes).ok();
        Some(match text.filter(|text| text.contains("\r\n") && is(text.replace("\r\n", "\n").as_bytes())) {
            Some(_) => format!("{name} has other line ends"),
            None => format!("{name} does not match its digest in the manifest"),
        })
    }

    fn max_proof_bytes(&self) -> usize {
        self.statement.as_ref().map_or(1, |statement| statement.shards.len()) * MAX_PROOF_BYTES
    }
}

/// Where in the log the entry is, and who cosigned that.
fn said(proof: &LogProof, cosigned: &[Cosigned]) -> String {
    let checkpoint = proof.checkpoint.checkpoint();
    let witnesses: Vec<String> = cosigned.iter().map(ToString::to_string).collect();
    let witnessed = if witnesses.is_empty() { "no witness".to_owned() } else { witnesses.join(", ") };
    format!("entry {} of {}, which has {}; cosigned by {witnessed}", proof.index, checkpoint.origin, checkpoint.size)
}

/// Digest and file of a line as `sha256sum` writes it, in text or binary mode, or with `--tag`.
fn listed_file(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_end();
    let (digest, name) = match line.strip_prefix("SHA256 (") {
        Some(tagged) => tagged.rsplit_once(") = ").map(|(name, digest)| (digest, name))?,
        None => {
            let (digest, name) = line.split_once(' ')?;
            (digest, name.strip_prefix([' ', '*'])?)
        }
    };
    let hexadecimal = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    hexadecimal.then(|| (digest, name.strip_prefix("./").unwrap_or(name)))
}

/// The list of keys in the file at `path`.
///
/// # Errors
/// [`Unreadable`] if it cannot be read, or is no list of public keys for statements.
pub fn read_jwks(path: &Path) -> Result<Jwks, Unreadable> {
    let bytes = read_bounded(path, MAX_JWKS_BYTES)?;
    Jwks::parse(&bytes).map_err(|e| Unreadable::new(path, e))
}

/// The list of custodians' and banks' keys in the file at `path`.
///
/// # Errors
/// [`Unreadable`] if it cannot be read, or is no list of public keys for holdings.
pub fn read_custodians(path: &Path) -> Result<HoldingKeys, Unreadable> {
    let bytes = read_bounded(path, MAX_JWKS_BYTES)?;
    HoldingKeys::parse(&bytes).map_err(|e| Unreadable::new(path, e))
}

/// The list of auditors' keys in the file at `path`.
///
/// # Errors
/// [`Unreadable`] if it cannot be read, or is no list of public keys for opinions.
pub fn read_auditors(path: &Path) -> Result<AuditorKeys, Unreadable> {
    let bytes = read_bounded(path, MAX_JWKS_BYTES)?;
    AuditorKeys::parse(&bytes).map_err(|e| Unreadable::new(path, e))
}

/// The bytes of the file of signatures at `path`.
///
/// # Errors
/// [`Unreadable`] if it cannot be read.
pub fn read_signatures(path: &Path) -> Result<Vec<u8>, Unreadable> {
    read_bounded(path, MAX_SIGNATURES_BYTES)
}

/// The policy in the file at `path`.
///
/// # Errors
/// [`Unreadable`] if it cannot be read, or is no policy.
pub fn read_log_policy(path: &Path) -> Result<Policy, Unreadable> {
    let bytes = read_bounded(path, MAX_POLICY_BYTES)?;
    Policy::parse(&bytes).map_err(|e| Unreadable::new(path, e))
}

/// The bytes of the proof of logging in the file at `path`.
///
/// # Errors
/// [`Unreadable`] if it cannot be read.
pub fn read_log_proof(path: &Path) -> Result<Vec<u8>, Unreadable> {
    read_bounded(path, MAX_LOG_PROOF_BYTES)
}
