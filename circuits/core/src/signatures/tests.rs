#![allow(clippy::unwrap_used)]
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::*;
use crate::{
    later::{DocumentState, Later},
    notice::{NOTICE_PROTOCOL, NOTICE_TYPE, NoticeKind},
    opinion::{Auditor, AuditorKeys, OPINION_PROTOCOL, OPINION_TYPE, OpinionResult},
    sealed::Sealed,
    signature::{Jwks, thumbprint},
};

const STATEMENT: &[u8] = br#"{"what":"is claimed"}"#;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn about() -> String {
    StatementDigest::of(STATEMENT).to_string()
}

fn notice() -> Notice {
    Notice {
        by: None,
        exchange: "exchange.example".to_owned(),
        issued_at: "2026-12-01T12:00:00Z".to_owned(),
        kind: NoticeKind::Withdrawn,
        protocol: NOTICE_PROTOCOL.to_owned(),
        reason: "A file of balances was left out.".to_owned(),
        statement: about(),
    }
}

fn opinion() -> Opinion {
    Opinion {
        auditor: Auditor { lei: None, name: "Example Audit LLP".to_owned() },
        criteria: "ISAE 3000 (Revised)".to_owned(),
        findings: Vec::new(),
        procedures: vec!["proof".to_owned(), "sampling:60".to_owned()],
        protocol: OPINION_PROTOCOL.to_owned(),
        report_sha256: None,
        result: OpinionResult::Unmodified,
        signed_at: "2026-12-02T09:00:00Z".to_owned(),
        statement: about(),
    }
}

fn list(key: &SigningKey, purpose: &str) -> Value {
    let x = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, key.verifying_key().as_bytes());
    let kid = thumbprint(&key.verifying_key());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "assay_purpose": purpose }] })
}

fn auditors(list: &Value) -> AuditorKeys {
    AuditorKeys::parse(list.to_string().as_bytes()).unwrap()
}

fn statement_keys(list: &Value) -> Jwks {
    Jwks::parse(list.to_string().as_bytes()).unwrap()
}

fn whole() -> Signatures {
    Signatures {
        statement: Jws::sign(STATEMENT, &key(1)),
        opinions: vec![SignedDocument::sign(opinion(), &key(2)).unwrap()],
        notices: vec![SignedDocument::sign(notice(), &key(1)).unwrap()],
    }
}

fn read(bytes: &[u8]) -> Result<Signatures, SignatureError> {
    Signatures::parse(bytes, StatementDigest::of(STATEMENT))
}

#[test]
fn the_file_reads_back() {
    let file = whole();
    assert_eq!(read(&file.to_bytes()).unwrap(), file);
    let names: Vec<String> =
        serde_json::from_slice::<Value>(&file.to_bytes()).unwrap().as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["notices", "opinions", "statement"]);
}

#[test]
fn not_one_bit_of_a_signed_document_can_be_turned() {
    let signed = SignedDocument::sign(notice(), &key(1)).unwrap();
    let (bytes, keys) = (signed.jws().to_bytes(), statement_keys(&list(&key(1), "attestation")));
    assert_eq!(signed.statement_signer(&keys).unwrap(), Some(thumbprint(&key(1).verifying_key()).as_str()));
    for at in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[at / 8] ^= 1 << (at % 8);
        let Ok(found) = SignedDocument::<Notice>::parse(&changed) else { continue };
        // another name of a key is one that nobody listed
        match found.statement_signer(&keys) {
            Ok(None) => assert_ne!(found.kid(), signed.kid(), "bit {at}"),
            Ok(Some(_)) => panic!("bit {at} counts for nothing"),
            Err(_) => {}
        }
    }
}

#[test]
fn no_kind_of_document_passes_for_another() {
    let as_notice = SignedDocument::sign(notice(), &key(1)).unwrap().jws().to_bytes();
    let as_opinion = SignedDocument::sign(opinion(), &key(1)).unwrap().jws().to_bytes();
    let as_statement = Jws::sign(STATEMENT, &key(1)).to_bytes();
    let type_is = |error: String, typ: &str| assert!(error.contains(&format!("another type than {typ}")), "{error}");
    for other in [&as_opinion, &as_statement] {
        type_is(SignedDocument::<Notice>::parse(other).unwrap_err().to_string(), NOTICE_TYPE);
    }
    for other in [&as_notice, &as_statement] {
        type_is(SignedDocument::<Opinion>::parse(other).unwrap_err().to_string(), OPINION_TYPE);
    }
    for other in [&as_notice, &as_opinion] {
        type_is(Jws::parse(other).unwrap_err().to_string(), crate::signature::TYPE);
    }
}

#[test]
fn a_key_signs_what_its_purpose_says() {
    let (notice, opinion) =
        (SignedDocument::sign(notice(), &key(1)).unwrap(), SignedDocument::sign(opinion(), &key(2)).unwrap());
    // a key of another purpose, beside one with the right purpose
    let beside = |entry: &Value, purpose: &str| {
        let mut both = list(&key(9), purpose);
        both["keys"].as_array_mut().unwrap().push(entry["keys"][0].clone());
        both
    };
    for purpose in ["opinion", "token", "holding"] {
        let keys = statement_keys(&beside(&list(&key(1), purpose), "attestation"));
        assert!(notice.statement_signer(&keys).unwrap_err().to_string().contains("not a statement key"), "{purpose}");
    }
    for purpose in ["attestation", "token", "holding"] {
        let keys = auditors(&beside(&list(&key(2), purpose), "opinion"));
        assert!(keys.signer(&opinion).unwrap_err().to_string().contains("not a key for opinions"), "{purpose}");
    }
    let mut without = list(&key(2), "opinion");
    without["keys"][0].as_object_mut().unwrap().remove("assay_purpose");
    assert!(AuditorKeys::parse(without.to_string().as_bytes()).unwrap_err().to_string().contains("no key with"));
    assert_eq!(auditors(&list(&key(3), "opinion")).signer(&opinion).unwrap(), None);
    assert_eq!(auditors(&list(&key(2), "opinion")).signer(&opinion).unwrap(), Some(opinion.kid()));
    let mut named = list(&key(2), "opinion");
    named["keys"][0]["assay_auditor"] = json!("Example Audit LLP");
    assert!(auditors(&named).signer(&opinion).unwrap().is_some());
    named["keys"][0]["assay_auditor"] = json!("Another Audit LLP");
    assert!(auditors(&named).signer(&opinion).unwrap_err().to_string().contains("in the name of"));
}

#[test]
fn a_document_keeps_the_rules_of_its_format() {
    type Change<D> = fn(&mut D);
    let wrong: [(Change<Notice>, &str); 9] = [
        (|n| n.protocol = "assay/notice/2".to_owned(), "protocol"),
        (|n| n.exchange = "Exchange.example".to_owned(), "exchange"),
        (|n| n.issued_at = "2026-12-01".to_owned(), "no time of day"),
        (|n| n.by = Some("00".repeat(32)), "must name another statement"),
        (|n| n.kind = NoticeKind::Superseded, "must name another statement"),
        (|n| (n.kind, n.by) = (NoticeKind::Superseded, Some(n.statement.clone())), "must name another statement"),
        (|n| n.reason.clear(), "is empty"),
        (|n| n.reason = "x".repeat(MAX + 1), "at most"),
        (|n| n.statement = n.statement.to_uppercase(), "digest"),
    ];
    const MAX: usize = crate::notice::MAX_REASON_BYTES;
    for (change, reason) in wrong {
        let mut changed = notice();
        change(&mut changed);
        let error = SignedDocument::sign(changed, &key(1)).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let wrong: [(Change<Opinion>, &str); 10] = [
        (|o| o.protocol = "assay/opinion/0".to_owned(), "protocol"),
        (|o| o.auditor.name = "a\u{202e}b".to_owned(), "invisible"),
        (|o| o.auditor.lei = Some("0".repeat(20)), "check digits"),
        (|o| o.criteria.clear(), "is empty"),
        (|o| o.procedures.clear(), "1 to 32 procedures"),
        (|o| o.findings = vec!["a".to_owned(); 33], "1 to 32 procedures"),
        (|o| o.findings = vec!["\n".to_owned()], "control"),
        (|o| o.result = OpinionResult::Adverse, "no finding that says why"),
        (|o| o.report_sha256 = Some("AB".repeat(32)), "report_sha256"),
        (|o| o.signed_at = "now".to_owned(), "RFC 3339"),
    ];
    for (change, reason) in wrong {
        let mut changed = opinion();
        change(&mut changed);
        let error = SignedDocument::sign(changed, &key(1)).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_file_about_another_statement_or_with_something_twice_is_refused() {
    let refused = |file: &Signatures| read(&file.to_bytes()).unwrap_err().to_string();
    let other = SignedDocument::sign(Notice { statement: "0a".repeat(32), ..notice() }, &key(1)).unwrap();
    assert!(refused(&Signatures { notices: vec![other], ..whole() }).contains("another statement"));
    let other = SignedDocument::sign(Opinion { statement: "0a".repeat(32), ..opinion() }, &key(1)).unwrap();
    assert!(refused(&Signatures { opinions: vec![other], ..whole() }).contains("another statement"));
    let twice = [whole().opinions, whole().opinions].concat();
    assert!(refused(&Signatures { opinions: twice, ..whole() }).contains("two opinions by the key"));
    let twice = [whole().notices, whole().notices].concat();
    assert!(refused(&Signatures { notices: twice, ..whole() }).contains("says twice"));
    for odd in ["{}", "[]", "", r#"{"notices":[],"opinions":[],"statement":{},"more":1}"#] {
        assert!(read(odd.as_bytes()).is_err(), "{odd}");
    }
}

#[test]
fn signatures_without_their_statement_are_over_the_statement_of_their_reader() {
    let sent = Jws::sign(STATEMENT, &key(2)).detached();
    assert!(!String::from_utf8(sent.to_bytes()).unwrap().contains("claimed"));
    let keys = statement_keys(&list(&key(2), "attestation"));
    assert!(sent.clone().attached(STATEMENT).verify(STATEMENT, &keys).is_ok());
    assert!(sent.attached(b"{}").verify(b"{}", &keys).unwrap_err().to_string().contains("does not verify"));
    // one that came with its statement keeps it
    assert!(Jws::sign(b"{}", &key(2)).attached(STATEMENT).verify(STATEMENT, &keys).is_err());
}

#[test]
fn a_header_that_is_longer_than_it_needs_to_be_is_refused_wherever_it_is_read() {
    let signed = SignedDocument::sign(opinion(), &key(2)).unwrap();
    let mut padded: Value = serde_json::from_slice(&signed.jws().to_bytes()).unwrap();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header =
        format!("{{\"alg\":\"EdDSA\",{}\"kid\":\"{}\",\"typ\":\"{OPINION_TYPE}\"}}", " ".repeat(100_000), signed.kid());
    let protected = base64::Engine::encode(&engine, header);
    let payload = padded["payload"].as_str().unwrap().to_owned();
    let signature = ed25519_dalek::Signer::sign(&key(2), format!("{protected}.{payload}").as_bytes());
    padded["signatures"][0] =
        json!({ "protected": protected, "signature": base64::Engine::encode(&engine, signature.to_bytes()) });
    let jws: Jws = serde_json::from_value(padded.clone()).unwrap();
    assert!(SignedDocument::<Opinion>::of(jws.clone()).unwrap_err().to_string().contains("more than 512 bytes"));
    assert!(jws.only_type().is_err() && jws.kids().is_err());
    assert!(SignedDocument::<Opinion>::parse(padded.to_string().as_bytes()).is_err());
}

#[test]
fn a_notice_of_another_exchange_is_false_here() {
    let file = whole();
    let keys = statement_keys(&list(&key(1), "attestation"));
    let judged = |exchange| Later::of(&file, exchange, Some(&keys), None).notices.remove(0).state;
    assert_eq!(judged(Some("exchange.example")), DocumentState::Signed);
    assert!(matches!(judged(Some("other.example")), DocumentState::Refused(_)));
}

#[test]
fn an_older_file_hides_nothing_of_a_newer_one() {
    let older = Signatures { notices: Vec::new(), ..whole() };
    let joined = older.clone().joined(whole());
    assert_eq!(joined, whole());
    assert_eq!(whole().joined(older), whole());
}

#[test]
fn the_examples_of_the_specification_are_a_notice_and_an_opinion() {
    let spec = include_str!("../../../../api-spec/jws.md");
    let blocks: Vec<&str> = spec.split("```text\n").skip(1).map(|block| block.split("\n```").next().unwrap()).collect();
    let example = |protocol: &str| blocks.iter().find(|block| block.contains(protocol)).unwrap().as_bytes();
    assert!(Sealed::<Notice>::parse(example(NOTICE_PROTOCOL)).is_ok());
    assert!(Sealed::<Opinion>::parse(example(OPINION_PROTOCOL)).is_ok());
}

#[test]
fn one_key_under_two_names_is_refused() {
    let mut twice = list(&key(2), "opinion");
    let mut again = twice["keys"][0].clone();
    again["kid"] = json!("another-name");
    twice["keys"].as_array_mut().unwrap().push(again);
    assert!(AuditorKeys::read(twice.to_string().as_bytes()).unwrap_err().to_string().contains("under two names"));
}
