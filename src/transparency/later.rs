//! What a log says was signed about attestations later, compared with what the service gives out.

use std::collections::{BTreeMap, BTreeSet};

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

/// The entries of what was signed later, each with its position.
pub type LaterEntries = Vec<(usize, Sealed<LaterEntry>)>;

/// Whether the service gives out every document that is logged and no other, and which attestations are withdrawn.
pub fn compare(reader: &Reader, entries: &LaterEntries) -> Vec<MonitorFinding> {
    let mut of_statements: BTreeMap<&str, Vec<&(usize, Sealed<LaterEntry>)>> = BTreeMap::new();
    for entry in entries {
        of_statements.entry(&entry.1.statement).or_default().push(entry);
    }
    of_statements.into_iter().flat_map(|(statement, entries)| about(reader, statement, &entries)).collect()
}

/// What is found about one statement.
fn about(reader: &Reader, statement: &str, entries: &[&(usize, Sealed<LaterEntry>)]) -> Vec<MonitorFinding> {
    let read = || -> Result<Signatures, String> {
        let digest = StatementDigest::parse(statement).map_err(|e| e.to_string())?;
        let bytes = reader.signatures(statement).map_err(|e| e.to_string())?;
        Signatures::parse(&bytes, digest).map_err(|e| e.to_string())
    };
    let signatures = match read() {
        Ok(signatures) => signatures,
        Err(reason) => {
            return vec![
                finding("later", format!("what was signed about {statement} later: {reason}")).about(statement),
            ];
        }
    };
    let given: BTreeSet<String> = signatures.digests().iter().map(hex::encode).collect();
    let missing = entries.iter().filter(|(_, entry)| !given.contains(&entry.document)).map(|(position, entry)| {
        let kind = &entry.kind;
        finding("later", format!("entry {position}, a {kind} about {statement}: the service does not give it out"))
    });
    let logged: BTreeSet<&str> = entries.iter().map(|(_, entry)| entry.document.as_str()).collect();
    let documents = signatures.opinions.iter().map(|signed| ("an opinion", hex::encode(signed.digest())));
    let documents = documents.chain(signatures.notices.iter().map(|signed| ("a notice", hex::encode(signed.digest()))));
    let unlogged = documents.filter(|(_, digest)| !logged.contains(digest.as_str()));
    let unlogged =
        unlogged.map(|(what, _)| finding("later", format!("{what} about {statement} is given out and not logged")));
    let withdrawn =
        signatures.notices.iter().map(|signed| signed.document()).filter(|notice| notice.kind == NoticeKind::Withdrawn);
    let withdrawn = withdrawn.map(|notice| {
        let (exchange, reason) = (&notice.exchange, visible(&notice.reason));
        finding("withdrawn", format!("{exchange} withdrew {statement} at {}: \"{reason}\"", notice.issued_at))
    });
    missing.chain(unlogged).chain(withdrawn).collect()
}
