//! Signatures over statements, and lists of keys.

use std::{collections::BTreeSet, sync::OnceLock};

use assay_core::{
    later::{DocumentState, Later},
    notice::{NOTICE_PROTOCOL, Notice, NoticeKind},
    opinion::{Auditor, AuditorKeys, OPINION_PROTOCOL, Opinion, OpinionResult},
    sealed::StatementDigest,
    signature::{Jwks, Jws, thumbprint},
    signatures::Signatures,
    signed::SignedDocument,
};
use assay_verifier::report::later_lines;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::verdict::Verdict;

/// What the corpus' signatures are over.
pub const SIGNED: &[u8] = br#"{"protocol":"a statement"}"#;

/// One of the corpus' keys.
pub fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// The list of keys 1 and 2.
pub fn trusted_keys() -> &'static Jwks {
    static JWKS: OnceLock<Jwks> = OnceLock::new();
    JWKS.get_or_init(|| {
        let keys = [1, 2].map(|n| json!({"kty": "OKP", "crv": "Ed25519", "x": public_part(&key(n))}));
        Jwks::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("a list of two keys")
    })
}

fn public_part(key: &SigningKey) -> String {
    URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes())
}

/// Files of signatures: what is read names 1 to 64 different keys and is written back as what it was; nothing that was not signed
/// verifies.
pub fn jws(data: &[u8]) -> Verdict {
    let Ok(jws) = Jws::parse(data) else { return Verdict::Refused };
    let kids = jws.kids().expect("signatures that were read");
    assert!((1..=64).contains(&kids.len()) && kids.iter().collect::<BTreeSet<_>>().len() == kids.len(), "{kids:?}");
    assert_eq!(Jws::parse(&jws.to_bytes()).as_ref(), Ok(&jws));
    assert!(jws.verify(b"what nobody signed", trusted_keys()).is_err(), "a signature over two statements");
    let Ok(signers) = jws.verify(SIGNED, trusted_keys()) else { return Verdict::Refused };
    assert_eq!(signers.known.len() + signers.unknown.len(), kids.len());
    let trusted = [1, 2].map(|n| thumbprint(&key(n).verifying_key()));
    assert!(!signers.known.is_empty() && signers.known.iter().all(|kid| trusted.contains(kid)), "{signers}");
    let _ = signers.to_string();
    Verdict::Accepted
}

/// Lists of keys: a signature by key 1 verifies under no list that lacks this key.
pub fn jwks(data: &[u8]) -> Verdict {
    static BY_KEY_1: OnceLock<Jws> = OnceLock::new();
    let Ok(jwks) = Jwks::parse(data) else { return Verdict::Refused };
    let jws = BY_KEY_1.get_or_init(|| Jws::sign(SIGNED, &key(1)));
    if let Ok(signers) = jws.verify(SIGNED, &jwks) {
        assert_eq!(signers.known, [thumbprint(&key(1).verifying_key())]);
        let is_listed = |entry: &Value| entry["x"].as_str() == Some(&public_part(&key(1))) && entry["d"].is_null();
        // what a list holds beside its keys is passed over, and may be no text that a `Value` can hold
        if let Ok(list) = serde_json::from_slice::<Value>(data) {
            assert!(
                list["keys"].as_array().is_some_and(|keys| keys.iter().any(is_listed)),
                "trusted without being listed"
            );
        }
    }
    Verdict::Accepted
}

/// The notice that key 1 signed, and the opinion that key 2 signed.
pub fn honest_documents() -> (SignedDocument<Notice>, SignedDocument<Opinion>) {
    let statement = StatementDigest::of(SIGNED).to_string();
    let notice = Notice {
        by: None,
        exchange: "exchange.example".to_owned(),
        issued_at: "2026-12-01T12:00:00Z".to_owned(),
        kind: NoticeKind::Withdrawn,
        protocol: NOTICE_PROTOCOL.to_owned(),
        reason: "A file was left out.".to_owned(),
        statement: statement.clone(),
    };
    let opinion = Opinion {
        auditor: Auditor { lei: None, name: "Example Audit LLP".to_owned() },
        criteria: "ISAE 3000 (Revised)".to_owned(),
        findings: vec!["One file was late.".to_owned()],
        procedures: vec!["proof".to_owned()],
        protocol: OPINION_PROTOCOL.to_owned(),
        report_sha256: Some("0c".repeat(32)),
        result: OpinionResult::Modified,
        signed_at: "2026-12-02T09:00:00Z".to_owned(),
        statement,
    };
    let sealed = "a document that keeps the rules";
    (SignedDocument::sign(notice, &key(1)).expect(sealed), SignedDocument::sign(opinion, &key(2)).expect(sealed))
}

/// All signatures of an attestation: what is read is written back as what it was, what is printed is printable, and only what was signed
/// counts.
pub fn signatures(data: &[u8]) -> Verdict {
    static AUDITORS: OnceLock<AuditorKeys> = OnceLock::new();
    let auditors = AUDITORS.get_or_init(|| {
        let entry = json!({"kty": "OKP", "crv": "Ed25519", "x": public_part(&key(2)), "assay_purpose": "opinion"});
        AuditorKeys::parse(json!({ "keys": [entry] }).to_string().as_bytes()).expect("a list of one key")
    });
    let digest = StatementDigest::of(SIGNED);
    let Ok(all) = Signatures::parse(data, digest) else { return Verdict::Refused };
    assert_eq!(Signatures::parse(&all.to_bytes(), digest).as_ref(), Ok(&all));
    assert!(
        Signatures::parse(data, StatementDigest::of(b"another")).is_err()
            || all.opinions.len() + all.notices.len() == 0
    );
    let later = Later::of(&all, None, Some(trusted_keys()), Some(auditors));
    let (notice, opinion) = honest_documents();
    for signed in later.notices.iter().filter(|later| later.state == DocumentState::Signed) {
        assert_eq!(&signed.document, notice.document(), "a notice that nobody signed");
    }
    for signed in later.opinions.iter().filter(|later| later.state == DocumentState::Signed) {
        assert_eq!(&signed.document, opinion.document(), "an opinion that nobody signed");
    }
    let lines = later_lines(&later);
    assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "control characters are printed: {lines:?}");
    let _ = later.checks(Some(auditors));
    let is_false = |state: &DocumentState| matches!(state, DocumentState::Refused(_));
    let has_false = later.notices.iter().any(|later| is_false(&later.state))
        || later.opinions.iter().any(|later| is_false(&later.state));
    Verdict::when(!has_false && all.statement.verify(SIGNED, trusted_keys()).is_ok())
}
