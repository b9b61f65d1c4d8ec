//! A witness (C2SP tlog-witness): cosigns a log's checkpoint if it continues the last one that it cosigned.
//!
//! **In:** the body of `add-checkpoint`. **Out:** an answer. The new checkpoint is on disk before its cosignature leaves, and requests
//! are taken one after the other, so the witness never cosigns two histories of one log.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use assay_verifier::log::{
    checkpoint::{SignedCheckpoint, parse_decimal, parse_hash},
    note::{MAX_SIGNATURES, Note, SignatureLine, VerifierKey},
    policy::{NotMet, Policy},
    tree::{TreeHash, empty_root, verify_consistency},
};
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    durable::{self, Access},
    files,
};

/// Most lines of a consistency proof.
const MAX_PROOF_LINES: usize = 63;

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body.
    pub media_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, media_type: "text/plain; charset=utf-8", body: body.into() }
    }

    fn refused(status: u16, reason: impl std::fmt::Display) -> Self {
        Self::text(status, format!("{reason}\n"))
    }
}

/// The key in `dir`: 64 hexadecimal digits in a private file, made from the system's random source if there is none.
///
/// # Errors
/// Those of the system; if other users can read the file, or it holds something else.
pub fn own_key(dir: &Path) -> Result<SigningKey, io::Error> {
    let path = dir.join("witness.key");
    if !path.exists() {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *seed).map_err(|e| io::Error::other(format!("the system's random source failed: {e}")))?;
        let text = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(*seed))));
        durable::create_private_directory(dir)?;
        match durable::create_new(&path, Access::Private, text.as_bytes()) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
    }
    let file = files::open_file(&path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("other users can read witness.key; run chmod 600"));
    }
    let (mut text, mut seed) = (Zeroizing::new(Vec::new()), Zeroizing::new([0u8; 32]));
    file.take(128).read_to_end(&mut text)?;
    match hex::decode_to_slice(text.trim_ascii_end(), &mut *seed) {
        Ok(()) => Ok(SigningKey::from_bytes(&seed)),
        Err(_) => Err(io::Error::other("witness.key does not hold 64 hexadecimal digits")),
    }
}

/// A witness. Its directory belongs to this process while it lives.
pub struct Witness {
    policy: Policy,
    name: String,
    key: SigningKey,
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    /// Requests are taken one after the other: compared and stored in one step.
    turn: Mutex<()>,
    _lock: File,
}

impl Witness {
    /// A witness for the logs of `policy`, which keeps in `dir` what it cosigned.
    ///
    /// # Errors
    /// If the directory cannot be made, or another process has it.
    pub fn open(
        policy: Policy,
        name: String,
        key: SigningKey,
        dir: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, io::Error> {
        durable::create_private_directory(dir)?;
        let lock = File::open(dir)?;
        if lock.try_lock().is_err() {
            return Err(io::Error::other("another witness uses this directory"));
        }
        durable::remove_partial_files(dir)?;
        Ok(Self { policy, name, key, dir: dir.to_owned(), clock, turn: Mutex::new(()), _lock: lock })
    }

    /// The last cosigned checkpoint of the log whose name has this SHA-256, in hexadecimal digits.
    pub fn checkpoint(&self, origin_hash: &str) -> Answer {
        let own = self.policy.logs().iter().map(|log| log.key.name()).find(|name| hash_of(name) == origin_hash);
        match own.map(|origin| self.last(origin)) {
            Some(Ok(Some(signed))) => Answer::text(200, signed.note().to_string()),
            Some(Ok(None)) | None => Answer::refused(404, "no checkpoint of this log was cosigned"),
            Some(Err(e)) => failed(&e),
        }
    }

    /// Answers `add-checkpoint`.
    pub fn add_checkpoint(&self, body: &[u8]) -> Answer {
        let (old, proof, signed) = match parse(body) {
            Ok(request) => request,
            Err(reason) => return Answer::refused(400, reason),
        };
        let new = signed.checkpoint();
        match self.policy.check_log(&signed) {
            Ok(()) => {}
            Err(e @ (NotMet::UnknownLog { .. } | NotMet::NoLogs)) => return Answer::refused(404, e),
            Err(e) => return Answer::refused(403, e),
        }
        if old > new.size {
            return Answer::refused(400, format!("the old size {old} is larger than the checkpoint's, {}", new.size));
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let last = match self.last(&new.origin) {
            Ok(last) => last,
            Err(e) => return failed(&e),
        };
        let (size, root) = last.map_or((0, empty_root()), |last| (last.checkpoint().size, last.checkpoint().root));
        let conflict = Answer { status: 409, media_type: "text/x.tlog.size", body: format!("{size}\n") };
        if old != size {
            return conflict;
        }
        if new.size == size && new.root != root {
            self.keep_fork(&signed);
            return conflict;
        }
        if let Err(e) = verify_consistency((size, &root), (new.size, &new.root), &proof) {
            return Answer::refused(422, e);
        }
        match self.cosign(&signed) {
            Ok(line) => Answer::text(200, format!("{line}\n")),
            Err(e) => failed(&e),
        }
    }

    /// Stores the checkpoint with the log's signatures and the cosignature; only then is the cosignature given out. A note can hold many
    /// more lines than these, also by other logs; none of them is kept, so that what is stored can always be read again.
    fn cosign(&self, signed: &SignedCheckpoint) -> Result<SignatureLine, io::Error> {
        let origin = &signed.checkpoint().origin;
        let time = u64::try_from(self.clock.now().unix_timestamp()).unwrap_or(0);
        let line = SignatureLine::cosign(signed.note().text(), time, &self.name, &self.key);
        let line = line.map_err(|e| io::Error::other(e.to_string()))?;
        let bytes = self.own_lines(signed, [line.clone()]);
        SignedCheckpoint::parse(&bytes).map_err(|e| io::Error::other(format!("the checkpoint to store: {e}")))?;
        durable::replace(&self.path_of(origin), Access::Private, &bytes)?;
        Ok(line)
    }

    /// Keeps the first checkpoint that has the size of the stored one and another root: together they prove that the log was forked.
    fn keep_fork(&self, signed: &SignedCheckpoint) {
        let (origin, size) = (&signed.checkpoint().origin, signed.checkpoint().size);
        let path = self.dir.join(format!("{}.fork", hash_of(origin)));
        tracing::error!(origin, size, kept = %path.display(), "the log was forked: it signed two roots of one size");
        match durable::create_new(&path, Access::Private, &self.own_lines(signed, [])) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                tracing::error!(error = %e, "the checkpoint cannot be kept")
            }
            _ => {}
        }
    }

    /// The note with one line a listed key of its log, and `more`.
    fn own_lines<const N: usize>(&self, signed: &SignedCheckpoint, more: [SignatureLine; N]) -> Vec<u8> {
        let own_keys = self.policy.logs().iter().map(|log| &log.key);
        let own_keys = own_keys.filter(|key| key.name() == signed.checkpoint().origin);
        let made_by = |key: &VerifierKey| signed.note().signatures().iter().find(|theirs| key.made(theirs)).cloned();
        let lines = own_keys.filter_map(made_by).take(MAX_SIGNATURES - N).chain(more).collect();
        Note::new(signed.note().text().to_owned(), lines).to_string().into_bytes()
    }

    fn last(&self, origin: &str) -> Result<Option<SignedCheckpoint>, io::Error> {
        match fs::read(self.path_of(origin)) {
            Ok(bytes) => match SignedCheckpoint::parse(&bytes) {
                Ok(signed) if signed.checkpoint().origin == origin => Ok(Some(signed)),
                Ok(_) => Err(io::Error::other("the stored checkpoint is of another log")),
                Err(e) => Err(io::Error::other(format!("the stored checkpoint: {e}"))),
            },
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn path_of(&self, origin: &str) -> PathBuf {
        self.dir.join(format!("{}.checkpoint", hash_of(origin)))
    }
}

fn hash_of(origin: &str) -> String {
    hex::encode(Sha256::digest(origin))
}

/// A fault of this machine: the caller learns that, the log learns why.
fn failed(error: &io::Error) -> Answer {
    tracing::error!(%error, "a checkpoint could not be read or stored");
    Answer::refused(500, "the witness cannot read or store checkpoints")
}

/// Old size, consistency proof, and checkpoint of a request.
fn parse(body: &[u8]) -> Result<(u64, Vec<TreeHash>, SignedCheckpoint), String> {
    let end = body.windows(2).position(|pair| pair == b"\n\n").ok_or("no empty line before the checkpoint")?;
    let head = std::str::from_utf8(&body[..end]).map_err(|_| "the request is not UTF-8")?;
    let mut lines = head.split('\n');
    let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(parse_decimal);
    let old = old.ok_or("line 1: expected `old` and a whole number")?;
    let mut proof = Vec::new();
    for (line, number) in lines.zip(2..) {
        if proof.len() == MAX_PROOF_LINES {
            return Err(format!("line {number}: more than {MAX_PROOF_LINES} lines of a proof"));
        }
        proof.push(parse_hash(line).ok_or_else(|| format!("line {number}: not a hash in base64"))?);
    }
    let first_line = proof.len() + 3;
    let signed = SignedCheckpoint::parse_from(&body[end + 2..], first_line).map_err(|e| e.to_string())?;
    Ok((old, proof, signed))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_verifier::log::{
        checkpoint::Checkpoint,
        note::KeyKind,
        tree::{Tree, leaf_hash, prove_consistency},
    };
    use base64::{Engine, engine::general_purpose::STANDARD};
    use time::macros::datetime;

    use super::*;
    use crate::clock::FixedClock;

    const LOG: &str = "log.example/l";
    const NAME: &str = "witness.example/w";

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn witness(dir: &Path) -> Witness {
        let log = VerifierKey::new(LOG, KeyKind::Log, key(1).verifying_key()).unwrap();
        let policy = Policy::parse(format!("log {log}\nquorum none\n").as_bytes()).unwrap();
        let clock = Arc::new(FixedClock(datetime!(2026-11-28 0:00 UTC)));
        Witness::open(policy, NAME.to_owned(), key(2), dir, clock).unwrap()
    }

    fn tree(entries: std::ops::Range<u8>) -> Tree {
        let mut tree = Tree::default();
        entries.for_each(|i| tree.push(leaf_hash(&[i])));
        tree
    }

    fn request_of(old: u64, proof: &[TreeHash], text: &str, signer: &SigningKey, name: &str) -> Vec<u8> {
        let note = Note::new(text.to_owned(), vec![SignatureLine::sign(text, name, signer).unwrap()]);
        let proof: String = proof.iter().map(|hash| format!("{}\n", STANDARD.encode(hash))).collect();
        format!("old {old}\n{proof}\n{note}").into_bytes()
    }

    fn request(old: u64, tree: &Tree) -> Vec<u8> {
        let proof = prove_consistency(old, tree.size(), &mut |node| tree.node(node)).unwrap();
        request_of(old, &proof, &Checkpoint::new(LOG, tree.size(), tree.root()).to_string(), &key(1), LOG)
    }

    #[test]
    fn a_log_that_grows_is_cosigned_and_the_last_checkpoint_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let witness = witness(dir.path());
        assert_eq!(witness.checkpoint(&hash_of(LOG)).status, 404);
        for (old, new) in [(0, 0), (0, 0), (0, 3), (3, 3), (3, 8), (8, 11)] {
            let tree = tree(0..new);
            let answer = witness.add_checkpoint(&request(old, &tree));
            assert_eq!((answer.status, answer.body.lines().count()), (200, 1), "{old} to {new}: {answer:?}");
            let line = SignatureLine::parse(answer.body.trim_end_matches('\n'), 1).unwrap();
            let shown = SignedCheckpoint::parse(witness.checkpoint(&hash_of(LOG)).body.as_bytes()).unwrap();
            assert_eq!(shown.checkpoint().size, u64::from(new));
            assert_eq!(shown.note().signatures().len(), 2);
            assert!(shown.note().signatures().contains(&line));
            let own = VerifierKey::new(NAME, KeyKind::Witness, key(2).verifying_key()).unwrap();
            assert_eq!(shown.note().signed_by(&own), Ok(Some(Some(1_795_824_000))));
        }
    }

    #[test]
    fn each_wrong_request_has_its_answer_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let witness = witness(dir.path());
        assert_eq!(witness.add_checkpoint(&request(0, &tree(0..5))).status, 200);
        let text = |tree: &Tree| Checkpoint::new(LOG, tree.size(), tree.root()).to_string();
        let (seven, fork) = (tree(0..7), tree(100..107));
        let honest = prove_consistency(5, 7, &mut |node| seven.node(node)).unwrap();
        let empty_but_not = Checkpoint::new(LOG, 0, [7; 32]).to_string();
        let long = vec![[0; 32]; 64];
        let mut no_line_end = request(5, &seven);
        no_line_end.pop();
        for (status, body) in [
            (409, request(3, &seven)),
            (409, request(0, &seven)),
            (409, request_of(0, &[], &empty_but_not, &key(1), LOG)),
            (400, request_of(8, &[], &text(&seven), &key(1), LOG)),
            (422, request(5, &fork)),
            (422, request_of(5, &[], &text(&seven), &key(1), LOG)),
            (422, request_of(5, &honest, &text(&fork), &key(1), LOG)),
            (422, request_of(5, &honest, &text(&tree(0..5)), &key(1), LOG)),
            (409, request_of(5, &[], &text(&tree(100..105)), &key(1), LOG)),
            (409, request_of(5, &honest, &text(&tree(200..205)), &key(1), LOG)),
            (409, request(5, &tree(100..105))),
            (403, request_of(5, &honest, &text(&seven), &key(3), LOG)),
            (404, request_of(5, &honest, &text(&seven).replace(LOG, "other.example"), &key(1), "other.example")),
            (400, request_of(5, &long, &text(&seven), &key(1), LOG)),
            (400, no_line_end),
            (400, b"old 05\n\nx".to_vec()),
            (400, b"old 5\n!\n\nx".to_vec()),
            (400, Vec::new()),
        ] {
            let answer = witness.add_checkpoint(&body);
            assert_eq!(answer.status, status, "{answer:?}\n{}", String::from_utf8_lossy(&body));
            if status == 409 {
                assert_eq!((answer.media_type, answer.body.as_str()), ("text/x.tlog.size", "5\n"));
            }
        }
        let fork = fs::read(dir.path().join(format!("{}.fork", hash_of(LOG)))).unwrap();
        let fork = SignedCheckpoint::parse(&fork).unwrap();
        assert_eq!(
            (fork.checkpoint().size, fork.checkpoint().root),
            (5, tree(100..105).root()),
            "the first one is kept"
        );
        witness.policy.check_log(&fork).unwrap();
        // a false signature by a known key, beside a name and an id that are right
        let honest = String::from_utf8(request(5, &seven)).unwrap();
        let at = honest.len() - 30;
        let letter = if &honest[at..=at] == "A" { "B" } else { "A" };
        let altered = format!("{}{letter}{}", &honest[..at], &honest[at + 1..]);
        assert_eq!(witness.add_checkpoint(altered.as_bytes()).status, 403);
        assert_eq!(witness.add_checkpoint(honest.as_bytes()).status, 200, "none of them changed what is stored");
    }

    #[test]
    fn many_lines_by_listed_keys_are_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        // the same name with another key, and another log
        let keys = [(LOG, 1), (LOG, 5), ("other.example/l", 6)];
        let listed = keys.map(|(name, seed)| VerifierKey::new(name, KeyKind::Log, key(seed).verifying_key()).unwrap());
        let policy = format!("log {}\nlog {}\nlog {}\nquorum none\n", listed[0], listed[1], listed[2]);
        let clock = Arc::new(FixedClock(datetime!(2026-11-28 0:00 UTC)));
        let witness =
            Witness::open(Policy::parse(policy.as_bytes()).unwrap(), NAME.to_owned(), key(2), dir.path(), clock);
        let witness = witness.unwrap();
        for (old, counts) in (0..).zip([[64, 0, 0], [1, 0, 63], [0, 64, 0], [32, 31, 1], [1, 1, 0]]) {
            let tree = tree(0..old + 1);
            let text = Checkpoint::new(LOG, tree.size(), tree.root()).to_string();
            let lines = keys.iter().zip(counts).flat_map(|(&(name, seed), count)| {
                std::iter::repeat_n(SignatureLine::sign(&text, name, &key(seed)).unwrap(), count)
            });
            let note = Note::new(text.clone(), lines.collect());
            let proof = prove_consistency(u64::from(old), tree.size(), &mut |node| tree.node(node)).unwrap();
            let proof: String = proof.iter().map(|hash| format!("{}\n", STANDARD.encode(hash))).collect();
            let answer = witness.add_checkpoint(format!("old {old}\n{proof}\n{note}").as_bytes());
            assert_eq!(answer.status, 200, "{counts:?}: {answer:?}");
            let shown = SignedCheckpoint::parse(witness.checkpoint(&hash_of(LOG)).body.as_bytes()).unwrap();
            let kept = counts[..2].iter().filter(|count| **count > 0).count();
            assert_eq!(shown.note().signatures().len(), kept + 1, "one line a key of this log, and the cosignature");
        }
    }

    #[test]
    fn a_witness_that_starts_again_remembers_and_shares_its_directory_with_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let first = witness(dir.path());
        assert_eq!(first.add_checkpoint(&request(0, &tree(0..5))).status, 200);
        let policy = Policy::parse(b"quorum none\n").unwrap();
        let clock = Arc::new(FixedClock(datetime!(2026-11-28 0:00 UTC)));
        assert!(Witness::open(policy, NAME.to_owned(), key(2), dir.path(), clock).is_err());
        drop(first);
        let again = witness(dir.path());
        assert_eq!(again.add_checkpoint(&request(0, &tree(100..106))).status, 409);
        assert_eq!(again.add_checkpoint(&request(5, &tree(0..6))).status, 200);
    }
}
