//! Completes a database that was restored from an older backup, so that its log may be signed again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use assay_core::{
    notice::Notice,
    sealed::{Sealed, StatementDigest},
    signature::{Jwks, Jws, SIGNATURE_FILE},
    signatures::{SIGNATURES_FILE, Signatures},
    time::parse_instant,
};
use assay_programs::{
    ledger::{report::Report, statement::Statement, verify::verify},
    purpose::TestShapes,
};
use assay_verifier::{
    attestation::Attestation,
    log::{
        entry::{Entry, LaterEntry},
        note::{KeyKind, VerifierKey},
    },
};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::log_end::LogParts;
use crate::{
    durable::{self, Access},
    home::Home,
    store::{
        StoreError,
        later::{NewNotice, NewSignature, SignatureKind},
        log::{damaged_hash, entries_between, size, try_signer},
        restored::{LaterDocument, Restoration, Restored, RestoredLater, SUBJECT, restore, restore_later},
    },
    transparency::{
        mark::{Mark, MarkError},
        proofs::stored_root,
        reader::{ReadError, Reader},
        repair::{Copy, MissingEntry, RepairError},
    },
};

/// Where entries and bundles come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The directory of a monitor.
    Monitor(PathBuf),
    /// The address of a log that has the same entries.
    Log(String),
}

/// What was done.
#[derive(Debug, Default)]
pub struct Repaired {
    /// Entries of the log now.
    pub size: u64,
    /// The attestations that were missing, and whether inclusion files can be made of them.
    pub restored: Vec<(String, Restoration)>,
    /// How many countersignatures, opinions and notices were missing.
    pub later: usize,
}

/// An entry that was missing, with what the database lacks.
enum Prepared {
    Attestation(Box<Restored>),
    Later(Box<RestoredLater>),
}

/// Why the log is not repaired; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum LogRepairError {
    /// A process signs, or refuses to.
    #[error("a process of the service has the right to sign for the log: stop every `assay serve` first")]
    InUse,
    /// There is no key to check with.
    #[error("there is no log-….json in the keys of this home directory: restore the one that signed the log")]
    NoKey,
    /// Entries of the source.
    #[error(transparent)]
    Source(#[from] RepairError),
    /// The bundle of an attestation cannot be had.
    #[error("the bundle of attestation {id}: {reason}")]
    Bundle {
        /// The attestation.
        id: String,
        /// Why.
        reason: String,
    },
    /// The snapshot has another job.
    #[error(
        "the snapshot of attestation {id} has the job {job}, which has not ended and has another statement: start `assay serve` without workers, \
         cancel the job (DELETE /v1/jobs/{job}), stop it, and repair again. What was restored until then stays"
    )]
    Blocked {
        /// The attestation.
        id: String,
        /// The job.
        job: Uuid,
    },
    /// Nothing says how far the log was signed.
    #[error(
        "there is no mark of this log (log/high-water) in this home directory, so nothing here says how far the log was signed: restore the home, \
         or, if you know that no newer checkpoint than the source's was ever signed, repeat with --without-mark"
    )]
    NoMark,
    /// The mark cannot be read.
    #[error(transparent)]
    Mark(#[from] MarkError),
    /// The hashes in the database cannot be read, or do not lead to the checkpoint.
    #[error("the log in the database: {0}")]
    Log(String),
    /// A file of the home cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be used.
    #[error("database: {0}")]
    Store(#[from] StoreError),
}

/// Publishes again what the database lacks of its log, up to the checkpoint of `from`. All entries are compared with the signed checkpoints,
/// and all bundles are verified, before the first change. Bundles come from the directory `bundles` or from the source.
///
/// # Errors
/// [`LogRepairError`]. What was restored until then stays, and the next call goes on from there.
pub(super) async fn complete_log(
    log: &LogParts,
    from: Source,
    bundles: Option<PathBuf>,
    without_mark: bool,
    tests: TestShapes,
) -> Result<Repaired, LogRepairError> {
    let LogParts { origin, store, keys, home, now } = log;
    let (now, home) = (*now, home.clone());
    let session = try_signer(store).await?.ok_or(LogRepairError::InUse)?;
    let key = keys.log_key(now).map_err(|e| LogRepairError::Log(e.to_string()))?.ok_or(LogRepairError::NoKey)?;
    let key = VerifierKey::new(origin, KeyKind::Log, key.verifying_key());
    let key = key.map_err(|e| LogRepairError::Log(e.to_string()))?;
    let marked = Mark::of(&home).read()?.filter(|marked| marked.checkpoint().origin == *origin);
    if marked.is_none() && !without_mark {
        return Err(LogRepairError::NoMark);
    }
    if let Some((height, position)) = damaged_hash(&session).await? {
        return Err(LogRepairError::Log(format!("the hash {position} of height {height} is not that of the entries")));
    }
    let known = entries_between(&session, 0, i64::MAX).await?;
    let jwks = keys.jwks(now).to_string();
    let jwks = Jwks::parse(jwks.as_bytes()).map_err(|e| LogRepairError::Log(e.to_string()))?;
    let work = move || {
        let (copy, reader) = match &from {
            Source::Monitor(dir) => (Copy::of_monitor(dir)?, None),
            Source::Log(url) => {
                let reader = Reader::new(url);
                (Copy::of_log(&reader)?, Some(reader))
            }
        };
        let (target, missing) = copy.missing(&key, marked.as_ref(), &known)?;
        let place = home.log_dir().join("repair");
        let bundles = Bundles { place, given: bundles, reader, home, tests, jwks };
        let all = missing.iter().map(|(position, entry)| match entry {
            MissingEntry::Attestation(entry) => {
                bundles.restored(*position, entry, now).map(|restored| Prepared::Attestation(Box::new(restored)))
            }
            MissingEntry::Later(entry) => {
                bundles.later(*position, entry, now).map(|restored| Prepared::Later(Box::new(restored)))
            }
        });
        let all = all.collect::<Result<Vec<_>, LogRepairError>>()?;
        Ok::<_, LogRepairError>((target, all))
    };
    let prepared = tokio::task::spawn_blocking(work).await;
    let (target, all) = prepared.map_err(|e| LogRepairError::Log(e.to_string()))??;
    let mut repaired = Repaired::default();
    for new in &all {
        let new = match new {
            Prepared::Attestation(new) => new,
            Prepared::Later(new) => {
                store.run_tx("restore_later", async |tx| restore_later(&tx, new).await).await?;
                repaired.later += 1;
                continue;
            }
        };
        let id = hex::encode(new.id);
        match store.run_tx("restore", async |tx| restore(&tx, new).await).await? {
            Restoration::Blocked { job } => return Err(LogRepairError::Blocked { id, job }),
            outcome => repaired.restored.push((id, outcome)),
        }
    }
    repaired.size = u64::try_from(size(&session).await?).unwrap_or(0);
    if stored_root(&session, target.size).await? != target.root {
        let reason = format!("its first {} entries do not lead to the signed checkpoint", target.size);
        return Err(LogRepairError::Log(reason));
    }
    Ok(repaired)
}

/// Where bundles come from, and with what they are verified.
struct Bundles {
    /// Directory for those that are fetched.
    place: PathBuf,
    given: Option<PathBuf>,
    reader: Option<Reader>,
    home: Home,
    tests: TestShapes,
    jwks: Jwks,
}

impl Bundles {
    /// The attestation of a missing entry, verified.
    fn restored(
        &self,
        position: u64,
        entry: &Sealed<Entry>,
        now: time::OffsetDateTime,
    ) -> Result<Restored, LogRepairError> {
        let id = &entry.statement;
        let refused = |reason: String| LogRepairError::Bundle { id: id.clone(), reason };
        let path = self.find(id)?;
        let attestation = Attestation::read(&path).map_err(|e| refused(e.to_string()))?;
        let proof = attestation.read_proof().map_err(|e| refused(e.to_string()))?;
        let own = attestation.statement().map_err(|e| refused(e.to_string()))?;
        if Entry::of(own).map_err(|e| refused(e.to_string()))?.bytes() != entry.bytes() {
            return Err(refused(format!("its statement is not that of entry {position}")));
        }
        let report = verify(Ok(own), &proof, self.tests, |shape| self.home.parameters(shape));
        let valid = report.is_valid();
        let Report { checks, statement: Some(statement), .. } = report else {
            let failed = report.checks.into_vec().into_iter().find(|check| !check.passed);
            return Err(refused(failed.map_or_else(|| "it does not verify".to_owned(), |check| check.detail)));
        };
        let jws = attestation.read_signature().map_err(|e| refused(e.to_string()))?;
        let jws = jws.and_then(|bytes| String::from_utf8(bytes).ok());
        let jws = jws.ok_or_else(|| refused(format!("{SIGNATURE_FILE} is missing or no text")))?;
        let signers = Jws::parse(jws.as_bytes()).and_then(|signed| signed.verify(own.bytes(), &self.jwks));
        let unknown = signers.map_err(|e| refused(e.to_string()))?.unknown;
        // the log has the statement and not its signatures, so a source could add any
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            return Err(refused(format!(
                "{SIGNATURE_FILE} has signatures by keys that are not the exchange's: {unknown}"
            )));
        }
        let statement: &Sealed<Statement> = statement.get();
        let number = |number: u64| i32::try_from(number).unwrap_or(i32::MAX);
        Ok(Restored {
            id: statement.digest().0,
            exchange: statement.exchange.domain.clone(),
            exchange_name: statement.exchange.name.clone(),
            snapshot: statement.snapshot.id.clone(),
            epoch: parse_instant(&statement.snapshot.taken_at).map_err(|e| refused(e.to_string()))?,
            shape: statement.shape.clone(),
            shards: number(statement.shards.len() as u64),
            steps: number(statement.all_steps()),
            valid,
            report: json!({ "checks": checks }),
            statement: statement.bytes().to_vec(),
            proof,
            jws,
            position: i64::try_from(position).unwrap_or(i64::MAX),
            entry: entry.bytes().to_vec(),
            now,
        })
    }

    /// What a missing entry says was signed about an attestation later.
    fn later(
        &self,
        position: u64,
        entry: &Sealed<LaterEntry>,
        now: time::OffsetDateTime,
    ) -> Result<RestoredLater, LogRepairError> {
        let id = &entry.statement;
        let refused = |reason: String| LogRepairError::Bundle { id: id.clone(), reason };
        let about = StatementDigest::parse(id).map_err(|e| refused(e.to_string()))?;
        let all = self.signatures(id, about)?;
        let is_it = |digest: [u8; 32]| hex::encode(digest) == entry.document;
        let text = |jws: &Jws| String::from_utf8(jws.to_bytes()).map_err(|e| refused(e.to_string()));
        let signature = |kid: String, kind, jws: &Jws| {
            Ok::<_, LogRepairError>(LaterDocument::Signature(NewSignature { kid, kind, jws: text(jws)?, now }))
        };
        let notice = all.notices.iter().find(|signed| is_it(signed.digest()));
        let opinion = all.opinions.iter().find(|signed| is_it(signed.digest()));
        let countersignature = all.statement.each().find(|jws| is_it(Sha256::digest(jws.to_bytes()).into()));
        let document = if let Some(signed) = notice {
            let Notice { by, issued_at, kind, .. } = signed.document();
            signed.statement_signer(&self.jwks).map_err(|e| refused(e.to_string()))?;
            let by = by.as_deref().map(StatementDigest::parse).transpose().map_err(|e| refused(e.to_string()))?;
            LaterDocument::Notice(NewNotice {
                attestation: about.0,
                kind: *kind,
                superseded_by: by.map(|by| by.0),
                jws: text(signed.jws())?,
                issued_at: parse_instant(issued_at).map_err(|e| refused(e.to_string()))?,
                created_by: SUBJECT.to_owned(),
            })
        } else if let Some(signed) = opinion {
            signature(signed.kid().to_owned(), SignatureKind::Opinion, signed.jws())?
        } else if let Some(jws) = countersignature {
            let kid = jws.kids().map_err(|e| refused(e.to_string()))?.swap_remove(0);
            signature(kid, SignatureKind::Countersignature, &jws)?
        } else {
            let kind = &entry.kind;
            return Err(refused(format!("{SIGNATURES_FILE} does not have the {kind} of entry {position}")));
        };
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        Ok(RestoredLater { attestation: about.0, document, position, entry: entry.bytes().to_vec(), now })
    }

    /// All signatures of an attestation, of every .zip file that was given and of the source.
    fn signatures(&self, id: &str, about: StatementDigest) -> Result<Signatures, LogRepairError> {
        let refused = |reason: String| LogRepairError::Bundle { id: id.to_owned(), reason };
        let mut all: Option<Signatures> = None;
        let mut add = |more: Signatures| all = Some(all.take().map_or(more.clone(), |all| all.joined(more)));
        for path in self.given(id) {
            let attestation = Attestation::read(&path).map_err(|e| refused(e.to_string()))?;
            attestation.signatures(None).map_err(refused)?.into_iter().for_each(&mut add);
        }
        if let Some(reader) = &self.reader {
            let bytes = reader.signatures(id).map_err(|e| refused(e.to_string()))?;
            add(Signatures::parse(&bytes, about).map_err(|e| refused(e.to_string()))?);
        }
        all.ok_or_else(|| refused(format!("--bundles has no evidence of it: {id}.zip with {SIGNATURES_FILE}")))
    }

    /// The .zip files of an attestation that were given, by the names under which the service gives them out too.
    fn given(&self, id: &str) -> impl Iterator<Item = PathBuf> + use<> {
        let short = &id[..id.len().min(16)];
        let names = [
            format!("{id}.zip"),
            format!("evidence-{id}.zip"),
            format!("bundle-{id}.zip"),
            format!("evidence-{short}.zip"),
            format!("attestation-{short}.zip"),
        ];
        let dir = self.given.clone();
        let paths = dir.into_iter().flat_map(move |dir| names.clone().map(|name| dir.join(name)));
        paths.filter(|path| path.is_file())
    }

    /// The bundle of an attestation: one that was given, or that of the source.
    fn find(&self, id: &str) -> Result<PathBuf, LogRepairError> {
        if let Some(path) = self.given(id).next() {
            return Ok(path);
        }
        let refused = |reason: String| LogRepairError::Bundle { id: id.to_owned(), reason };
        let Some(reader) = &self.reader else {
            return Err(refused(format!("--bundles has no {id}.zip")));
        };
        let bytes = reader.bundle(id).map_err(|e: ReadError| refused(e.to_string()))?;
        let path = self.place.join(format!("{id}.zip"));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| LogRepairError::File { path, source }
        };
        durable::create_private_directory(&self.place).map_err(failed(&self.place))?;
        durable::replace(&path, Access::Private, &bytes).map_err(failed(&path))?;
        Ok(path)
    }
}

impl Drop for Bundles {
    fn drop(&mut self) {
        // fetched again if they are needed again
        let _ = fs::remove_dir_all(&self.place);
    }
}
