//! What a log says was signed about attestations later, compared with what the service gives out.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use assay_core::{
    notice::NoticeKind,
    sealed::{Sealed, StatementDigest},
    signatures::Signatures,
    text::visible,
};
use assay_verifier::log::entry::LaterEntry;

use super::{
    finding::{MonitorFinding, finding},
    reader::Reader,
};

/// How often, and after which pauses, the log is asked for entries of documents that it did not have yet: the service gives a document out
/// at once, and the checkpoint with its entry a little later.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(5)];

/// What the entries of a log say about its attestations.
#[derive(Default)]
pub struct LaterEntries {
    /// The statements that are entries.
    pub statements: BTreeSet<String>,
    /// What was signed about them later, each with its position.
    pub entries: Vec<(usize, Sealed<LaterEntry>)>,
    /// Number of all entries that were read.
    pub size: u64,
}

impl LaterEntries {
    /// Whether the service gives out every opinion, notice and countersignature that is logged, and no opinion and no notice that is not; and
    /// which attestations are withdrawn.
    pub fn compare(&self, reader: &Reader) -> Vec<MonitorFinding> {
        let mut of_statements: BTreeMap<&str, Vec<&(usize, Sealed<LaterEntry>)>> =
            self.statements.iter().map(|statement| (statement.as_str(), Vec::new())).collect();
        for entry in &self.entries {
            of_statements.entry(&entry.1.statement).or_default().push(entry);
        }
        let (mut found, mut unlogged) = (Vec::new(), BTreeMap::new());
        for (statement, entries) in of_statements {
            match given(reader, statement) {
                Ok(signatures) => {
                    found.extend(missing(statement, &signatures, &entries));
                    found.extend(withdrawn(statement, &signatures));
                    unlogged.extend(not_among(statement, &signatures, &entries));
                }
                // whether the statement itself is there is asked elsewhere
                Err(reason) if !entries.is_empty() => {
                    let reason = format!("what was signed about {statement} later: {reason}");
                    found.push(finding("later", reason).about(format!("unreadable {statement}")));
                }
                Err(_) => {}
            }
        }
        for pause in PAUSES {
            if unlogged.is_empty() {
                break;
            }
            thread::sleep(pause);
            for document in logged_since(reader, self.size) {
                unlogged.remove(&document);
            }
        }
        found.extend(unlogged.into_iter().map(|(document, what)| {
            finding("later", format!("{what} is given out and not logged")).about(format!("unlogged {document}"))
        }));
        found
    }
}

/// What the service gives out about a statement.
fn given(reader: &Reader, statement: &str) -> Result<Signatures, String> {
    let digest = StatementDigest::parse(statement).map_err(|e| e.to_string())?;
    let bytes = reader.signatures(statement).map_err(|e| e.to_string())?;
    Signatures::parse(&bytes, digest).map_err(|e| e.to_string())
}

/// What is logged and not given out.
fn missing(statement: &str, signatures: &Signatures, entries: &[&(usize, Sealed<LaterEntry>)]) -> Vec<MonitorFinding> {
    let given: BTreeSet<String> = signatures.digests().iter().map(hex::encode).collect();
    let missing = entries.iter().filter(|(_, entry)| !given.contains(&entry.document));
    missing
        .map(|(position, entry)| {
            let kind = &entry.kind;
            finding("later", format!("entry {position}, a {kind} about {statement}: the service does not give it out"))
        })
        .collect()
}

/// The digest of each opinion and notice that is given out and not among these entries, with what it is.
fn not_among(
    statement: &str,
    signatures: &Signatures,
    entries: &[&(usize, Sealed<LaterEntry>)],
) -> Vec<(String, String)> {
    let logged: BTreeSet<&str> = entries.iter().map(|(_, entry)| entry.document.as_str()).collect();
    let opinions = signatures.opinions.iter().map(|signed| ("an opinion", hex::encode(signed.digest())));
    let notices = signatures.notices.iter().map(|signed| ("a notice", hex::encode(signed.digest())));
    let unlogged = opinions.chain(notices).filter(|(_, digest)| !logged.contains(digest.as_str()));
    unlogged.map(|(what, digest)| (digest, format!("{what} about {statement}"))).collect()
}

/// The documents of entries that are in the log by now, after the first `size` entries. They are verified in the next run.
fn logged_since(reader: &Reader, size: u64) -> Vec<String> {
    let read = || {
        let now = reader.checkpoint().ok()?.checkpoint().size;
        if now > size { reader.entries(size, now).ok() } else { None }
    };
    let entries = read().unwrap_or_default();
    let later = entries.iter().filter_map(|entry| Sealed::<LaterEntry>::parse(entry).ok());
    later.map(|entry| entry.document.clone()).collect()
}

/// That the exchange withdrew the attestation.
fn withdrawn(statement: &str, signatures: &Signatures) -> Vec<MonitorFinding> {
    let notices = signatures.notices.iter().map(|signed| signed.document());
    let withdrawn = notices.filter(|notice| notice.kind == NoticeKind::Withdrawn);
    withdrawn
        .map(|notice| {
            let (exchange, reason) = (&notice.exchange, visible(&notice.reason));
            let said = format!("{exchange} withdrew {statement} at {}: \"{reason}\"", notice.issued_at);
            finding("withdrawn", said).about(statement)
        })
        .collect()
}
