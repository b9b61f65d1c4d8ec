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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
    };

    use assay_core::{
        notice::{NOTICE_PROTOCOL, Notice},
        opinion::{Auditor, OPINION_PROTOCOL, Opinion, OpinionResult},
        signature::Jws,
        signed::SignedDocument,
    };
    use assay_verifier::log::entry::ENTRY_PROTOCOL;
    use ed25519_dalek::SigningKey;

    use super::*;

    const STATEMENT: &[u8] = br#"{"what":"is claimed"}"#;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn about() -> String {
        StatementDigest::of(STATEMENT).to_string()
    }

    /// What the service can give out: its own signature, an adverse opinion and a withdrawal.
    fn everything() -> Signatures {
        let opinion = Opinion {
            auditor: Auditor { lei: None, name: "Example Audit LLP".to_owned() },
            criteria: "ISAE 3000 (Revised)".to_owned(),
            findings: vec!["Two addresses are lent.".to_owned()],
            procedures: vec!["ownership".to_owned()],
            protocol: OPINION_PROTOCOL.to_owned(),
            report_sha256: None,
            result: OpinionResult::Adverse,
            signed_at: "2026-12-02T09:00:00Z".to_owned(),
            statement: about(),
        };
        let notice = Notice {
            by: None,
            exchange: "exchange.example".to_owned(),
            issued_at: "2026-12-01T12:00:00Z".to_owned(),
            kind: NoticeKind::Withdrawn,
            protocol: NOTICE_PROTOCOL.to_owned(),
            reason: "A file was left out.".to_owned(),
            statement: about(),
        };
        Signatures {
            statement: Jws::sign(STATEMENT, &key(1)),
            opinions: vec![SignedDocument::sign(opinion, &key(2)).unwrap()],
            notices: vec![SignedDocument::sign(notice, &key(1)).unwrap()],
        }
    }

    /// The log with these documents, in this order.
    fn log(documents: &[(&str, [u8; 32])]) -> LaterEntries {
        let entry = |(position, (kind, digest)): (usize, &(&str, [u8; 32]))| {
            let (document, exchange) = (hex::encode(digest), "exchange.example".to_owned());
            let (kind, protocol) = ((*kind).to_owned(), ENTRY_PROTOCOL.to_owned());
            let entry = LaterEntry { document, exchange, kind, protocol, statement: about() };
            (position + 1, Sealed::seal(entry).unwrap())
        };
        let entries = documents.iter().enumerate().map(entry).collect();
        LaterEntries { statements: BTreeSet::from([about()]), entries, size: 1 + documents.len() as u64 }
    }

    /// What is found of a service that gives this out, and has no log to be asked for more. Kinds and sentences.
    fn found(log: &LaterEntries, given_out: Option<Vec<u8>>) -> Vec<(&'static str, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reader = Reader::new(&format!("http://{}/log", listener.local_addr().unwrap()));
        let asked_for = format!("GET /v1/attestations/{}/signatures ", about());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let head = BufReader::new(connection.try_clone().unwrap()).lines();
                let head: Vec<_> = head.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let body = given_out.as_deref().filter(|_| head[0].starts_with(&asked_for));
                let (status, body) = body.map_or(("404 Not Found", &b""[..]), |body| ("200 OK", body));
                let length = body.len();
                write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
                    .unwrap();
                connection.write_all(body).unwrap();
            }
        });
        log.compare(&reader).into_iter().map(|finding| (finding.kind, finding.detail)).collect()
    }

    #[test]
    fn what_is_logged_and_not_given_out_is_found() {
        let all = everything();
        let (opinion, notice) = (all.opinions[0].digest(), all.notices[0].digest());
        let logged = log(&[("opinion", opinion), ("notice", notice)]);
        let withdrawn = (
            "withdrawn",
            format!("exchange.example withdrew {} at 2026-12-01T12:00:00Z: \"A file was left out.\"", about()),
        );
        assert_eq!(found(&logged, Some(all.to_bytes())), std::slice::from_ref(&withdrawn));
        let hidden = |position: usize, kind: &str| {
            ("later", format!("entry {position}, a {kind} about {}: the service does not give it out", about()))
        };
        let without_opinion = Signatures { opinions: Vec::new(), ..all.clone() };
        assert_eq!(found(&logged, Some(without_opinion.to_bytes())), [hidden(1, "opinion"), withdrawn]);
        let without_notice = Signatures { notices: Vec::new(), ..all.clone() };
        assert_eq!(found(&logged, Some(without_notice.to_bytes())), [hidden(2, "notice")]);
        // another opinion by the same auditor in place of the adverse one, in its one place
        let mut kinder = all.opinions[0].document().clone();
        kinder.result = OpinionResult::Unmodified;
        let swapped = Signatures { opinions: vec![SignedDocument::sign(kinder, &key(2)).unwrap()], ..without_notice };
        let said = found(&log(&[("opinion", opinion)]), Some(swapped.to_bytes()));
        assert_eq!(
            said,
            [hidden(1, "opinion"), ("later", format!("an opinion about {} is given out and not logged", about()))]
        );
    }

    #[test]
    fn a_service_that_gives_out_nothing_or_nonsense_hides_what_is_logged() {
        let all = everything();
        let logged = log(&[("opinion", all.opinions[0].digest())]);
        let elsewhere = Signatures { opinions: Vec::new(), notices: Vec::new(), ..all }.to_bytes();
        let mut cut = elsewhere.clone();
        cut.pop();
        for nonsense in [None, Some(Vec::new()), Some(cut)] {
            let said = found(&logged, nonsense.clone());
            assert!(matches!(&said[..], [("later", text)] if text.contains("what was signed about")), "{said:?}");
            // of a statement about which nothing is logged, the statement itself is asked for elsewhere
            assert_eq!(found(&log(&[]), nonsense), []);
        }
    }
}
