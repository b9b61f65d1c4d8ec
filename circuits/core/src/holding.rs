//! What a custodian or bank says that it holds for an exchange: a compact JSON Web Signature (RFC 7515) over one small document, and
//! the keys of third parties that its reader accepts. What each byte means stands in `api-spec/jws.md`.
//!
//! Ed25519 and ES256 are accepted, a protected header of exactly `alg`, `kid` and `typ`, and a payload in canonical JSON. `typ` keeps a
//! holding from being offered as any other kind of token. A key is listed for this purpose by name: whoever lists an exchange's
//! statement keys by mistake accepts nothing.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use p256::ecdsa::{self, signature::Verifier};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    canonical,
    signature::{ALGORITHM, KeyEntry, Protected, SignatureError, coordinate, is_kid, named_keys, refuse, thumbprint},
    text::lower_hex,
};

/// Name and version of the document.
pub const HOLDING_PROTOCOL: &str = "assay/holding/1";
/// What a signature over a holding says it is.
pub const HOLDING_TYPE: &str = "assay-holding+jws";
/// The purpose of keys that sign holdings.
pub const HOLDING_PURPOSE: &str = "holding";
/// ECDSA on P-256 with SHA-256.
const ES256: &str = "ES256";

/// What a third party holds for an exchange at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// The account, as the third party names it.
    pub account: String,
    /// Whole assets, as a decimal.
    pub amount: String,
    /// The instant, RFC 3339 in UTC.
    pub as_of: String,
    /// Symbol of the asset.
    pub asset: String,
    /// The third party.
    pub custodian: String,
    /// SHA-256 of a document that says more, 64 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_sha256: Option<String>,
    /// Whether somebody else has a claim on it: a pledge, a lien, a loan.
    pub encumbered: bool,
    /// The exchange's domain.
    #[serde(rename = "for")]
    pub exchange: String,
    /// [`HOLDING_PROTOCOL`].
    pub protocol: String,
    /// The exchange's snapshot.
    pub snapshot: String,
}

/// Why a signed holding is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldingError {
    /// It is no JWS of the accepted form.
    #[error("it is not three parts in base64url with dots between them, the last of 64 bytes")]
    Form,
    /// The header asks for more or less than it may.
    #[error(
        "its header does not have exactly the members alg, kid and typ, or a kid that is not 1 to 128 visible ASCII characters"
    )]
    Header,
    /// The header has another algorithm or type.
    #[error("its {member} is {found:?}; it must be {expected}")]
    Kind {
        /// `alg` or `typ`.
        member: &'static str,
        /// What stands there.
        found: String,
        /// What can stand there.
        expected: &'static str,
    },
    /// The payload is no holding, or not in the one spelling.
    #[error("its payload is not a holding in canonical JSON: {0}")]
    Payload(String),
    /// The list has the key, and for something else.
    #[error("the listed key {0} is not a key for holdings by this algorithm")]
    Purpose(String),
    /// The list has the key for another third party.
    #[error("the key {kid} is listed for {listed:?}, and the statement is in the name of {custodian:?}")]
    Custodian {
        /// The key.
        kid: String,
        /// Whose key it is by the list.
        listed: String,
        /// Whose statement it is.
        custodian: String,
    },
    /// The signature is not by the listed key, or not over this.
    #[error("the signature by the listed key {0} does not verify")]
    False(String),
}

impl Holding {
    /// The holding signed with an Ed25519 `key`, in compact form.
    pub fn sign(&self, key: &SigningKey) -> String {
        let header = Protected {
            alg: ALGORITHM.to_owned(),
            kid: thumbprint(&key.verifying_key()),
            typ: HOLDING_TYPE.to_owned(),
        };
        let header = serde_json::to_vec(&header).expect("three texts");
        let payload = canonical::to_bytes(self).expect("texts and a boolean");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

/// A signed holding that was read. Nothing in it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHolding<'a> {
    signed: &'a str,
    signature: [u8; 64],
    algorithm: String,
    kid: String,
    holding: Holding,
}

impl<'a> SignedHolding<'a> {
    /// Reads the compact form.
    ///
    /// # Errors
    /// [`HoldingError`] for anything but the accepted form.
    pub fn parse(text: &'a str) -> Result<Self, HoldingError> {
        let (signed, signature) = text.rsplit_once('.').ok_or(HoldingError::Form)?;
        let (header, payload) = signed.split_once('.').ok_or(HoldingError::Form)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| HoldingError::Form);
        let (header, payload) = (decoded(header)?, decoded(payload)?);
        let signature: [u8; 64] = decoded(signature)?.try_into().map_err(|_| HoldingError::Form)?;
        let Protected { alg, kid, typ } = serde_json::from_slice(&header).map_err(|_| HoldingError::Header)?;
        if !is_kid(&kid) {
            return Err(HoldingError::Header);
        }
        if typ != HOLDING_TYPE {
            return Err(HoldingError::Kind { member: "typ", found: typ, expected: HOLDING_TYPE });
        }
        if ![ALGORITHM, ES256].contains(&alg.as_str()) {
            return Err(HoldingError::Kind { member: "alg", found: alg, expected: "EdDSA or ES256" });
        }
        let holding: Holding =
            serde_json::from_slice(&payload).map_err(|error| HoldingError::Payload(error.to_string()))?;
        let refused = |reason: &str| Err(HoldingError::Payload(reason.to_owned()));
        if canonical::to_bytes(&holding).ok() != Some(payload) {
            return refused("it is not in the one spelling of RFC 8785");
        }
        if holding.protocol != HOLDING_PROTOCOL {
            return refused("its protocol is another one");
        }
        let is_digest = |text: &String| lower_hex(text).is_some_and(|bytes| bytes.len() == 32);
        if !holding.document_sha256.as_ref().is_none_or(is_digest) {
            return refused("its document_sha256 is not 64 lower-case hexadecimal digits");
        }
        Ok(Self { signed, signature, algorithm: alg, kid, holding })
    }

    /// What it says.
    pub fn holding(&self) -> &Holding {
        &self.holding
    }

    /// The name of the key that is said to have signed.
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

/// The keys of custodians and banks that a reader accepts, by their names.
#[derive(Debug, Clone)]
pub struct HoldingKeys {
    keys: BTreeMap<String, Option<HolderKey>>,
}

#[derive(Debug, Clone)]
struct HolderKey {
    key: PublicKey,
    /// The one third party in whose name it may sign; nothing for any.
    custodian: Option<String>,
}

#[derive(Debug, Clone)]
enum PublicKey {
    Ed25519(VerifyingKey),
    Es256(Box<ecdsa::VerifyingKey>),
}

impl HoldingKeys {
    /// Reads a list of keys (JWKS). Those without the purpose [`HOLDING_PURPOSE`] stay listed as keys for other things.
    ///
    /// # Errors
    /// If it is no JWKS, holds a private key, a malformed one, two keys of one name or one key twice, or nothing in it can sign holdings.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let keys = named_keys(bytes, KeyEntry::holding_key)?;
        if !keys.values().any(Option::is_some) {
            return refuse(format!("the list contains no key with the assay_purpose {HOLDING_PURPOSE:?}"));
        }
        Ok(Self { keys })
    }

    /// The name of the key that signed, or nothing if it is not on the list.
    ///
    /// # Errors
    /// [`HoldingError`] if the listed key is for something or somebody else, or the signature does not verify.
    pub fn signer<'s>(&self, signed: &'s SignedHolding<'_>) -> Result<Option<&'s str>, HoldingError> {
        let kid = &signed.kid;
        let HolderKey { key, custodian } = match self.keys.get(kid) {
            None => return Ok(None),
            Some(None) => return Err(HoldingError::Purpose(kid.clone())),
            Some(Some(key)) => key,
        };
        if let Some(listed) = custodian.as_ref().filter(|name| **name != signed.holding.custodian) {
            let (listed, custodian) = (listed.clone(), signed.holding.custodian.clone());
            return Err(HoldingError::Custodian { kid: kid.clone(), listed, custodian });
        }
        let message = signed.signed.as_bytes();
        let holds = match (key, signed.algorithm.as_str()) {
            (PublicKey::Ed25519(key), ALGORITHM) => {
                key.verify_strict(message, &Signature::from_bytes(&signed.signature)).is_ok()
            }
            (PublicKey::Es256(key), ES256) => ecdsa::Signature::from_slice(&signed.signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            _ => return Err(HoldingError::Purpose(kid.clone())),
        };
        if holds { Ok(Some(kid)) } else { Err(HoldingError::False(kid.clone())) }
    }
}

impl KeyEntry {
    /// The key, if it is listed for holdings.
    fn holding_key(&self) -> Result<Option<(String, HolderKey)>, SignatureError> {
        if self.assay_purpose.as_deref() != Some(HOLDING_PURPOSE) {
            return Ok(None);
        }
        let (thumbprint, key) = if self.verifies("OKP", "Ed25519", ALGORITHM) {
            let key = self.ed25519()?;
            (thumbprint(&key), PublicKey::Ed25519(key))
        } else if self.verifies("EC", "P-256", ES256) {
            let (name, key) = self.p256()?;
            (name, PublicKey::Es256(Box::new(key)))
        } else {
            return Ok(None);
        };
        Ok(Some((thumbprint, HolderKey { key, custodian: self.assay_custodian.clone() })))
    }

    /// The key and its thumbprint (RFC 7638).
    fn p256(&self) -> Result<(String, ecdsa::VerifyingKey), SignatureError> {
        let point = coordinate(&self.x).zip(coordinate(&self.y)).and_then(|(x, y)| {
            let bytes = [&[4][..], &x, &y].concat();
            let key = ecdsa::VerifyingKey::from_sec1_bytes(&bytes).ok()?;
            let [x, y] = [x, y].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
            let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
            Some((URL_SAFE_NO_PAD.encode(Sha256::digest(members)), key))
        });
        point.map_or_else(|| refuse("a P-256 key in the list is malformed"), Ok)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn holding() -> Holding {
        Holding {
            account: "…7731".to_owned(),
            amount: "12000000.00".to_owned(),
            as_of: "2026-11-30T00:00:00Z".to_owned(),
            asset: "USD".to_owned(),
            custodian: "Example Bank AG".to_owned(),
            document_sha256: None,
            encumbered: false,
            exchange: "exchange.example".to_owned(),
            protocol: HOLDING_PROTOCOL.to_owned(),
            snapshot: "2026-11-30".to_owned(),
        }
    }

    fn edwards() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn es256() -> ecdsa::SigningKey {
        ecdsa::SigningKey::from_slice(&[9; 32]).unwrap()
    }

    fn edwards_jwk() -> Value {
        let x = URL_SAFE_NO_PAD.encode(edwards().verifying_key().as_bytes());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "assay_purpose": "holding" })
    }

    fn es256_jwk() -> Value {
        let point = es256().verifying_key().to_encoded_point(false);
        let [x, y] = [point.x(), point.y()].map(|bytes| URL_SAFE_NO_PAD.encode(bytes.unwrap()));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "bank-2", "alg": "ES256", "assay_purpose": "holding" })
    }

    fn list(keys: &[Value]) -> Result<HoldingKeys, SignatureError> {
        HoldingKeys::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn with(base: &Value, name: &str, value: Value) -> Value {
        let mut changed = base.clone();
        changed[name] = value;
        changed
    }

    /// Signed by the ES256 key under any header and payload.
    fn signed_as(header: &str, payload: &[u8]) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature: ecdsa::Signature = es256().sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn es256_signed() -> String {
        let header = r#"{"alg":"ES256","kid":"bank-2","typ":"assay-holding+jws"}"#;
        signed_as(header, &canonical::to_bytes(&holding()).unwrap())
    }

    #[test]
    fn both_algorithms_sign_and_a_key_that_is_not_listed_shows_nothing() {
        let keys = list(&[edwards_jwk(), es256_jwk()]).unwrap();
        for (text, kid) in [
            (holding().sign(&edwards()), thumbprint(&edwards().verifying_key())),
            (es256_signed(), "bank-2".to_owned()),
        ] {
            let signed = SignedHolding::parse(&text).unwrap();
            assert_eq!(signed.holding(), &holding());
            assert_eq!(signed.kid(), kid);
            assert_eq!(keys.signer(&signed), Ok(Some(kid.as_str())));
        }
        let text = holding().sign(&SigningKey::from_bytes(&[8; 32]));
        assert_eq!(keys.signer(&SignedHolding::parse(&text).unwrap()), Ok(None));
    }

    #[test]
    fn not_one_bit_of_a_signed_holding_can_be_turned() {
        let keys = list(&[edwards_jwk(), es256_jwk()]).unwrap();
        for text in [holding().sign(&edwards()), es256_signed()] {
            let kid = SignedHolding::parse(&text).unwrap().kid().to_owned();
            for at in 0..8 * text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[at / 8] ^= 1 << (at % 8);
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                let found =
                    SignedHolding::parse(&changed).and_then(|signed| Ok((keys.signer(&signed)?.is_some(), signed)));
                // another name of a key is one that nobody listed
                let is_unlisted = found.as_ref().is_ok_and(|(is_listed, signed)| !is_listed && signed.kid() != kid);
                assert!(found.is_err() || is_unlisted, "bit {at}: {found:?}");
            }
        }
    }

    #[test]
    fn only_the_one_form_is_read() {
        let payload = canonical::to_bytes(&holding()).unwrap();
        let header = |alg: &str, typ: &str| format!(r#"{{"alg":"{alg}","kid":"bank-2","typ":"{typ}"}}"#);
        let usual = header("ES256", HOLDING_TYPE);
        let refused = |text: &str| SignedHolding::parse(text).unwrap_err();
        for text in ["", "a.b", "a.b.c.d", "..", &format!("{}=", es256_signed()), &format!(" {}", es256_signed())] {
            assert_eq!(refused(text), HoldingError::Form, "{text}");
        }
        for (alg, typ) in
            [("none", HOLDING_TYPE), ("HS256", HOLDING_TYPE), ("ES256", "JWT"), ("ES256", crate::signature::TYPE)]
        {
            assert!(matches!(refused(&signed_as(&header(alg, typ), &payload)), HoldingError::Kind { .. }));
        }
        for wrong in [
            r#"{"alg":"ES256","kid":"bank-2","typ":"assay-holding+jws","crit":[]}"#,
            r#"{"alg":"ES256","typ":"assay-holding+jws"}"#,
            r#"{"alg":"ES256","kid":"","typ":"assay-holding+jws"}"#,
            r#"{"alg":"ES256","kid":"a","kid":"bank-2","typ":"assay-holding+jws"}"#,
        ] {
            assert_eq!(refused(&signed_as(wrong, &payload)), HoldingError::Header, "{wrong}");
        }
        let text = String::from_utf8(payload.clone()).unwrap();
        for (from, to) in [
            ("{", "{ "),
            (r#""encumbered":false,"#, ""),
            (r#""encumbered":false"#, r#""encumbered":"false""#),
            (r#""encumbered":false"#, r#""encumbered":true,"encumbered":false"#),
            ("assay/holding/1", "assay/holding/2"),
            (r#""encumbered""#, r#""document_sha256":"00","encumbered""#),
            (r#""account""#, r#""about":"","account""#),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            let found = refused(&signed_as(&usual, changed.as_bytes()));
            assert!(matches!(found, HoldingError::Payload(_)), "{changed}: {found}");
        }
        let digest = Holding { document_sha256: Some("0a".repeat(32)), ..holding() };
        let text = signed_as(&usual, &canonical::to_bytes(&digest).unwrap());
        assert_eq!(list(&[es256_jwk()]).unwrap().signer(&SignedHolding::parse(&text).unwrap()), Ok(Some("bank-2")));
    }

    #[test]
    fn the_example_of_the_specification_is_a_holding() {
        let spec = include_str!("../../../api-spec/jws.md");
        let blocks = spec.split("```text\n").skip(1).map(|block| block.split("\n```").next().unwrap());
        let example = blocks.into_iter().find(|block| block.contains(HOLDING_PROTOCOL)).unwrap();
        let read: Holding = serde_json::from_str(example).unwrap();
        assert_eq!(canonical::to_bytes(&read).unwrap(), example.as_bytes());
    }

    #[test]
    fn a_key_signs_holdings_only_where_the_list_says_so_and_in_its_own_name() {
        let text = es256_signed();
        let signed = SignedHolding::parse(&text).unwrap();
        let other = with(&edwards_jwk(), "kid", json!("other"));
        for purpose in [json!("attestation"), json!("token"), Value::Null] {
            let keys = list(&[with(&es256_jwk(), "assay_purpose", purpose), other.clone()]).unwrap();
            assert_eq!(keys.signer(&signed), Err(HoldingError::Purpose("bank-2".to_owned())));
        }
        // the name of another algorithm's key
        let keys = list(&[with(&edwards_jwk(), "kid", json!("bank-2"))]).unwrap();
        assert_eq!(keys.signer(&signed), Err(HoldingError::Purpose("bank-2".to_owned())));
        let named = |name: &str| list(&[with(&es256_jwk(), "assay_custodian", json!(name))]).unwrap();
        assert_eq!(named("Example Bank AG").signer(&signed), Ok(Some("bank-2")));
        assert!(matches!(named("Other Bank").signer(&signed), Err(HoldingError::Custodian { .. })));
    }

    #[test]
    fn a_list_that_can_sign_nothing_or_is_not_public_is_refused() {
        let refused = |keys: &[Value]| list(keys).unwrap_err().to_string();
        assert!(refused(&[]).contains("no key with the assay_purpose"));
        assert!(refused(&[with(&edwards_jwk(), "assay_purpose", json!("attestation"))]).contains("no key with"));
        assert!(refused(&[with(&es256_jwk(), "d", json!("AA"))]).contains("private key"));
        assert!(refused(&[es256_jwk(), es256_jwk()]).contains("bank-2"));
        assert!(refused(&[with(&es256_jwk(), "y", json!("AAAA"))]).contains("malformed"));
        let off_curve = URL_SAFE_NO_PAD.encode([1; 32]);
        assert!(refused(&[with(&es256_jwk(), "y", json!(off_curve))]).contains("malformed"));
        // a key for holdings signs no statement
        assert!(crate::signature::Jwks::parse(json!({ "keys": [edwards_jwk()] }).to_string().as_bytes()).is_err());
    }
}
