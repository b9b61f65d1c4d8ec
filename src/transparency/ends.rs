//! The notes of a monitor's directory with which a followed log has ended, by its own word.
//!
//! Each is a file `retired-DIGEST.note`. It is compared with the log at each run, also if the service gives it out no more.

use std::{fs, io, path::Path};

use assay_core::text::visible;
use sha2::{Digest, Sha256};

use super::{
    evidence::{Known, root_of_first},
    finding::{MonitorFinding, finding},
    retirement::Retirement,
};
use crate::durable::{self, Access};

/// Beginning and end of a name.
const NAME: (&str, &str) = ("retired-", ".note");

/// Keeps a note, if the log signed it for itself.
///
/// # Errors
/// Those of the system.
pub(super) fn keep(known: &Known<'_>, note: &[u8]) -> io::Result<()> {
    let Some(ended) = own(known, note) else { return Ok(()) };
    let digest = hex::encode(&Sha256::digest(ended.to_string())[..4]);
    let path = known.dir.join(format!("{}{digest}{}", NAME.0, NAME.1));
    if path.exists() { Ok(()) } else { durable::replace(&path, Access::Private, note) }
}

/// What the kept notes say, and whether the log contradicts them.
///
/// # Errors
/// Those of the system.
pub(super) fn findings(known: &Known<'_>) -> io::Result<Vec<MonitorFinding>> {
    let mut found = Vec::new();
    for (file, note) in read(known.dir)? {
        let Some(Retirement { last, successor, reason }) = own(known, &note) else { continue };
        let (name, successor) = (visible(&last.origin), visible(&successor));
        let (size, path) = (last.size, known.dir.join(&file));
        let path = path.display();
        found.push(finding(
            "retired",
            format!(
                "the log {name} is retired, with {size} entries: {reason}. After it comes {successor}, which has another key"
            ),
        ));
        if root_of_first(known.entries, size).is_some_and(|root| root != last.root) {
            let detail = format!(
                "the log was forked: the note of its end has a root of {size} entries that is not that of the first {size} that it gave \
                 out. {path} and the entries show it"
            );
            found.push(finding("inconsistent", detail).about(file.as_str()));
        }
        let now = known.signed.max(known.entries.len() as u64);
        if now > size {
            let detail = format!(
                "the log ended with {size} entries, and a checkpoint of {now} is signed. {path} is the note of its end"
            );
            found.push(finding("continued", detail).about(file));
        }
    }
    Ok(found)
}

/// The note, if the log signed it for itself.
fn own(known: &Known<'_>, note: &[u8]) -> Option<Retirement> {
    Retirement::of_policy(known.policy, note).filter(|ended| ended.last.origin == known.origin)
}

/// The notes with the names of their files, in the order of the names.
fn read(dir: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for file in fs::read_dir(dir)? {
        let file = file?;
        let Ok(name) = file.file_name().into_string() else { continue };
        if name.starts_with(NAME.0) && name.ends_with(NAME.1) {
            found.push((name, fs::read(file.path())?));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_verifier::log::{
        checkpoint::Checkpoint,
        note::{KeyKind, Note, SignatureLine, VerifierKey},
        policy::Policy,
    };
    use ed25519_dalek::SigningKey;

    use super::*;

    const ORIGIN: &str = "assay.example/log";

    fn note(size: u64, root: [u8; 32]) -> Vec<u8> {
        let last = Checkpoint::new(ORIGIN, size, root);
        let ended = Retirement { last, successor: "assay.example/log2".to_owned(), reason: "x".to_owned() };
        let line = SignatureLine::sign(&ended.to_string(), ORIGIN, &SigningKey::from_bytes(&[1; 32])).unwrap();
        Note::new(ended.to_string(), vec![line]).to_string().into_bytes()
    }

    #[test]
    fn a_kept_end_stays_and_is_compared_with_the_entries() {
        let key = VerifierKey::new(ORIGIN, KeyKind::Log, SigningKey::from_bytes(&[1; 32]).verifying_key()).unwrap();
        let policy = Policy::parse(format!("log {key}\nquorum none\n").as_bytes()).unwrap();
        let entries = [b"a".to_vec(), b"b".to_vec()];
        let of = |size| root_of_first(&entries, size).unwrap();
        for (size, root, signed, kinds) in [
            (2, of(2), 2, &["retired"][..]),
            // the service gives out no checkpoint, or its entries are withheld
            (2, of(2), 0, &["retired"]),
            (2, of(2), 3, &["retired", "continued"]),
            (1, of(1), 0, &["retired", "continued"]),
            (2, [9; 32], 2, &["retired", "inconsistent"]),
            (1, [9; 32], 2, &["retired", "inconsistent", "continued"]),
            (3, [9; 32], 2, &["retired"]),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let known = Known { dir: dir.path(), policy: &policy, origin: ORIGIN, entries: &entries, signed };
            assert_eq!(findings(&known).unwrap(), []);
            let other = String::from_utf8(note(size, root)).unwrap().replace("reason x", "reason y");
            keep(&known, other.as_bytes()).unwrap();
            assert_eq!(findings(&known).unwrap(), [], "not signed");
            keep(&known, &note(size, root)).unwrap();
            let found = findings(&known).unwrap();
            assert_eq!(found.iter().map(|found| found.kind).collect::<Vec<_>>(), kinds, "{size} {signed}");
            let keys: std::collections::BTreeSet<String> = found.iter().map(|found| found.key(ORIGIN)).collect();
            assert_eq!(keys.len(), kinds.len());
            let other = Known { origin: "assay.example/other", ..known };
            assert_eq!(findings(&other).unwrap(), []);
        }
    }
}
