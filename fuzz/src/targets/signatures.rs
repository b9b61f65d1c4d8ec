//! Signatures over statements, and lists of keys.

use std::{collections::BTreeSet, sync::OnceLock};

use assay_core::signature::{Jwks, Jws, thumbprint};
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
