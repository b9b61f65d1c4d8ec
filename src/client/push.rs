//! A ledger's way to the service: its description, its files, the request for its proof. Every part takes effect once, however often
//! the client is interrupted and run again.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::error::ClientError;
use super::http::{Client, Failed};
use super::job::{self, Job};
use crate::ledger::{Manifest, table_of};
use crate::progress::Progress;

/// How often a deleted snapshot is created anew, or a failed job requested anew.
const MAX_REPEATS: u32 = 1000;
const READ_BYTES: usize = 256 << 10;

/// Options of the proof. What is not given, the service chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Name of the shape.
    pub shape: Option<String>,
    /// Number of shards.
    pub shards: Option<u32>,
}

/// What [`push`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Id of the snapshot in the service.
    pub snapshot: String,
    /// The job that proves it.
    pub job: Job,
    /// Names of the files that were sent; the others were there.
    pub uploaded: Vec<String>,
    /// Bytes that were sent.
    pub uploaded_bytes: u64,
}

/// A file of the ledger as it is on disk.
struct LedgerFile {
    name: String,
    path: PathBuf,
    bytes: u64,
    sha256: [u8; 32],
}

/// A snapshot as the service shows it.
#[derive(Deserialize)]
struct Snapshot {
    id: String,
    sealed: bool,
    files: Vec<StoredFile>,
}

#[derive(Deserialize)]
struct StoredFile {
    name: String,
    sha256: String,
}

impl Snapshot {
    fn has(&self, file: &LedgerFile) -> bool {
        self.files.iter().any(|stored| stored.name == file.name && stored.sha256 == hex::encode(file.sha256))
    }
}

/// Sends the ledger in `dir`, which was checked and has this manifest, and requests its proof. What the service has already is not
/// sent again.
///
/// # Errors
/// [`ClientError`]. The call can be repeated.
pub fn push(
    client: &Client,
    dir: &Path,
    manifest: &Manifest,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Pushed, ClientError> {
    let description = description(manifest)?;
    let files = read_files(dir, progress)?;
    let mut snapshot = create(client, &description)?;
    check_same(&snapshot, &files)?;
    let (mut uploaded, mut uploaded_bytes) = (Vec::new(), 0);
    for file in &files {
        if !snapshot.has(file) {
            upload(client, &mut snapshot, file, progress)?;
            uploaded.push(file.name.clone());
            uploaded_bytes += file.bytes;
        }
    }
    let job = request_proof(client, &snapshot.id, &key(&description, &files), options)?;
    Ok(Pushed { snapshot: snapshot.id, job, uploaded, uploaded_bytes })
}

/// The manifest as the body of the request that creates the snapshot. The same manifest always gives the same bytes.
fn description(manifest: &Manifest) -> Result<String, ClientError> {
    // through TOML, because a missing member is left out there and null in JSON
    let table = toml::Table::try_from(manifest).map_err(|e| ClientError::Manifest(e.to_string()))?;
    serde_json::to_value(table).map(|value: Value| value.to_string()).map_err(|e| ClientError::Manifest(e.to_string()))
}

/// The ledger's digest: its manifest and the names and digests of its files.
fn key(description: &str, files: &[LedgerFile]) -> String {
    let start = Sha256::new().chain_update("assay push\0").chain_update(Sha256::digest(description));
    let all = files
        .iter()
        .fold(start, |hash, file| hash.chain_update(&file.name).chain_update([0]).chain_update(file.sha256));
    hex::encode(all.finalize())
}

fn read_files(dir: &Path, progress: &dyn Progress) -> Result<Vec<LedgerFile>, ClientError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| ClientError::File { path, error }
    };
    let entries = fs::read_dir(dir).map_err(failed(dir))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed(dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if table_of(&name).is_some() {
            let bytes = fs::metadata(&path).map_err(failed(&path))?.len();
            found.push((name, path, bytes));
        }
    }
    found.sort();
    progress.begin("computing digests", found.iter().map(|(_, _, bytes)| bytes).sum(), "bytes");
    let digested = found.into_iter().map(|(name, path, _)| {
        let (bytes, sha256) = digest(&path, progress).map_err(failed(&path))?;
        Ok(LedgerFile { name, path, bytes, sha256 })
    });
    let digested = digested.collect();
    progress.end();
    digested
}

fn digest(path: &Path, progress: &dyn Progress) -> io::Result<(u64, [u8; 32])> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; READ_BYTES]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hash.finalize().into())),
            read => {
                hash.update(&buffer[..read]);
                bytes += read as u64;
                progress.advance(read as u64);
            }
        }
    }
}

/// The snapshot with this description: a new one, or the one that an earlier run created. Its key is the description's digest, so
/// that a file that was corrected in between replaces the earlier one.
fn create(client: &Client, description: &str) -> Result<Snapshot, ClientError> {
    let digest = hex::encode(Sha256::digest(description));
    let mut repeat = 0;
    loop {
        let key = format!("push-{digest}-{repeat}");
        let answer = client.post("/v1/snapshots", &key, description).map_err(explain_exists)?;
        let created: Snapshot = job::read(client, answer.body)?;
        if !answer.replayed {
            return Ok(created);
        }
        // an old answer: what is there now?
        match client.get(&format!("/v1/snapshots/{}", created.id)) {
            Ok(body) => return job::read(client, body),
            Err(error) if error.is_kind("not-found") && repeat < MAX_REPEATS => repeat += 1,
            Err(error) => return Err(error),
        }
    }
}

/// What a caller can do about a snapshot that another call created.
fn explain_exists(error: ClientError) -> ClientError {
    match error {
        ClientError::Refused { what, status, kind, reason } if kind == "snapshot-exists" => {
            let reason = format!(
                "{reason}. It has another manifest, or was created with another token's subject or more than a day ago. A push goes \
                 on only with its own snapshot; choose another snapshot.id and taken_at in manifest.toml, or delete the other one"
            );
            ClientError::Refused { what, status, kind, reason }
        }
        error => error,
    }
}

/// Refuses a snapshot that would be sealed with other files than the ledger's.
fn check_same(snapshot: &Snapshot, files: &[LedgerFile]) -> Result<(), ClientError> {
    let other = |reason: String| ClientError::OtherLedger { id: snapshot.id.clone(), reason };
    if let Some(stored) = snapshot.files.iter().find(|stored| files.iter().all(|file| file.name != stored.name)) {
        let id = &snapshot.id;
        return Err(other(format!(
            "also has {}, which the directory has not; delete the snapshot (DELETE /v1/snapshots/{id}) and push again",
            stored.name
        )));
    }
    match files.iter().find(|file| snapshot.sealed && !snapshot.has(file)) {
        Some(file) => Err(other(format!(
            "is sealed, and not with this {}; a sealed snapshot never changes, so give the corrected ledger another snapshot.id and taken_at",
            file.name
        ))),
        None => Ok(()),
    }
}

/// Sends one file. After a lost connection it may be there nevertheless.
fn upload(
    client: &Client,
    snapshot: &mut Snapshot,
    file: &LedgerFile,
    progress: &dyn Progress,
) -> Result<(), ClientError> {
    let path = format!("/v1/snapshots/{}/files/{}", snapshot.id, file.name);
    let digest = format!("sha-256=:{}:", STANDARD.encode(file.sha256));
    let mut pauses = client.pauses();
    loop {
        let content = File::open(&file.path).map_err(|error| ClientError::File { path: file.path.clone(), error })?;
        progress.begin(&format!("uploading {}", file.name), file.bytes, "bytes");
        let sent = client.put(&path, &digest, file.bytes, Counted { content: content.take(file.bytes), progress });
        progress.end();
        match sent {
            Ok(()) => return Ok(()),
            Err(Failed::ForGood(error)) => return Err(error),
            Err(Failed::ForNow(setback)) => {
                let pause = pauses.after(&setback, client.address())?;
                progress.warn(&format!(
                    "{} was not sent: {}; trying again in {} s",
                    file.name,
                    setback.reason,
                    pause.as_secs().max(1)
                ));
                thread::sleep(pause);
                *snapshot = job::read(client, client.get(&format!("/v1/snapshots/{}", snapshot.id))?)?;
                if snapshot.has(file) {
                    return Ok(());
                }
            }
        }
    }
}

/// Reports what is read from a file.
struct Counted<'a, R> {
    content: R,
    progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

/// Requests the proof, or finds the job of an earlier request. A job that failed or was cancelled is requested anew.
fn request_proof(client: &Client, snapshot: &str, key: &str, options: &Options) -> Result<Job, ClientError> {
    let mut body = json!({ "shape": options.shape.as_deref().unwrap_or("auto") });
    if let Some(shards) = options.shards {
        body["shards"] = json!(shards);
    }
    let body = body.to_string();
    let wish = hex::encode(Sha256::digest(format!("{key} {snapshot} {body}")));
    let path = format!("/v1/snapshots/{snapshot}/attestation");
    let mut repeat = 0;
    loop {
        let answer = client.post(&path, &format!("push-{wish}-{repeat}"), &body)?;
        let requested: Job = job::read(client, answer.body)?;
        if !answer.replayed {
            return Ok(requested);
        }
        let now = job::job(client, &requested.id)?;
        repeat += 1;
        if !now.can_be_repeated() || repeat == MAX_REPEATS {
            return Ok(now);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(name: &str, content: &str) -> LedgerFile {
        let (name, path) = (name.to_owned(), PathBuf::from(name));
        LedgerFile { name, path, bytes: content.len() as u64, sha256: Sha256::digest(content).into() }
    }

    fn stored(name: &str, content: &str) -> StoredFile {
        StoredFile { name: name.to_owned(), sha256: hex::encode(Sha256::digest(content)) }
    }

    #[test]
    fn the_key_stands_for_manifest_names_and_contents() {
        let base = key("{}", &[file("a.csv", "1"), file("b.csv", "2")]);
        assert_eq!(base, key("{}", &[file("a.csv", "1"), file("b.csv", "2")]));
        for other in [
            key("{ }", &[file("a.csv", "1"), file("b.csv", "2")]),
            key("{}", &[file("a.csv", "1"), file("b.csv", "3")]),
            key("{}", &[file("a.csv", "1"), file("c.csv", "2")]),
            key("{}", &[file("a.csv", "1")]),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn a_snapshot_is_never_sealed_with_other_files_than_the_ledgers() {
        let files = [file("a.csv", "1"), file("b.csv", "2")];
        let snapshot = |sealed, files| Snapshot { id: "s".to_owned(), sealed, files };
        assert!(check_same(&snapshot(false, vec![stored("a.csv", "old")]), &files).is_ok());
        assert!(check_same(&snapshot(true, vec![stored("a.csv", "1"), stored("b.csv", "2")]), &files).is_ok());
        for (wrong, says) in [
            (snapshot(false, vec![stored("c.csv", "3")]), "c.csv"),
            (snapshot(true, vec![stored("a.csv", "1"), stored("b.csv", "old")]), "b.csv"),
        ] {
            assert!(check_same(&wrong, &files).unwrap_err().to_string().contains(says));
        }
    }
}
