//! The published keys of another issuer (JWKS), by key id.

use std::collections::{BTreeMap, BTreeSet};

use assay_core::signature::PURPOSE;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

/// Maximum size of a list of keys in bytes.
pub(super) const MAX_JWKS_BYTES: usize = 256 << 10;
const MAX_KEYS: usize = 64;
const MAX_KID_BYTES: usize = 256;
const COORDINATE_BYTES: usize = 32;

/// The algorithms of token signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TokenAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl TokenAlgorithm {
    pub(super) const ALL: [Self; 2] = [Self::EdDsa, Self::Es256];

    /// The name in a token's header.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

/// A public key and its algorithm. A token's header cannot change the algorithm.
#[derive(Clone)]
pub(super) struct PublicKey {
    algorithm: TokenAlgorithm,
    key: DecodingKey,
}

impl PublicKey {
    /// An Ed25519 key of our own.
    pub(super) fn ed25519(key: &VerifyingKey) -> Self {
        Self { algorithm: TokenAlgorithm::EdDsa, key: DecodingKey::from_ed_der(key.as_bytes()) }
    }

    /// An Ed25519 key of others, from its 32 bytes.
    fn foreign_ed25519(bytes: &[u8; COORDINATE_BYTES]) -> Result<Self, String> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| "its x is not a point of the curve".to_owned())?;
        if key.is_weak() {
            return Err("its x is a weak key, for which anybody can sign".to_owned());
        }
        // a second spelling of a point would be a second key id
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err("its x is not the canonical spelling of its point".to_owned());
        }
        Ok(Self::ed25519(&key))
    }

    pub(super) fn algorithm(&self) -> TokenAlgorithm {
        self.algorithm
    }

    /// Whether `signature` (base64url) is a valid signature of `signed`.
    pub(super) fn holds(&self, signed: &str, signature: &str) -> bool {
        let algorithm = match self.algorithm {
            TokenAlgorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            TokenAlgorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        };
        jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.key, algorithm).is_ok_and(|holds| holds)
    }
}

/// A published list of keys.
#[derive(Default)]
pub(super) struct KeyList {
    /// The keys that can be used, by id.
    pub(super) keys: BTreeMap<String, PublicKey>,
    /// Why others cannot, a sentence for each.
    pub(super) defects: Vec<String>,
}

/// Parses a JWKS. Ignores keys of other kinds and uses, and keys without an id, which no token could select. A key that cannot be
/// used disables itself and no other.
///
/// # Errors
/// A sentence, if this is not a JWKS or has too many keys.
pub(super) fn parse(bytes: &[u8]) -> Result<KeyList, String> {
    let document: Value = serde_json::from_slice(bytes).map_err(|_| "the list of keys is not JSON".to_owned())?;
    let list = document.get("keys").and_then(Value::as_array).ok_or("the document is not a list of keys (JWKS)")?;
    if list.len() > MAX_KEYS {
        return Err(format!("the list has {} keys; the maximum is {MAX_KEYS}", list.len()));
    }
    let (mut read, mut twice) = (KeyList::default(), BTreeSet::new());
    for (number, entry) in (1..).zip(list) {
        match named_key(entry) {
            Ok(None) => {}
            Ok(Some((kid, key))) => {
                if read.keys.insert(kid.clone(), key).is_some() {
                    read.defects.push(format!("key {number}: another key has the same id (kid), so neither is used"));
                    twice.insert(kid);
                }
            }
            Err(reason) => read.defects.push(format!("key {number}: {reason}")),
        }
    }
    read.keys.retain(|kid, _| !twice.contains(kid));
    Ok(read)
}

/// An entry's key and its id; `None` if no token could be signed with it.
fn named_key(entry: &Value) -> Result<Option<(String, PublicKey)>, String> {
    let entry = entry.as_object().ok_or("it is not an object")?;
    if entry.contains_key("d") {
        return Err("it is a private key: anyone who reads the list can sign".to_owned());
    }
    let (Some(kid), Some(key)) = (entry.get("kid").and_then(Value::as_str), key(entry)?) else {
        return Ok(None);
    };
    if kid.is_empty() || kid.len() > MAX_KID_BYTES {
        return Err(format!("its id (kid) is not 1 to {MAX_KID_BYTES} bytes"));
    }
    Ok(Some((kid.to_owned(), key)))
}

/// The key, if it is a token key with a supported algorithm.
fn key(entry: &Map<String, Value>) -> Result<Option<PublicKey>, String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let algorithm = match (text("kty"), text("crv")) {
        (Some("OKP"), Some("Ed25519")) => TokenAlgorithm::EdDsa,
        (Some("EC"), Some("P-256")) => TokenAlgorithm::Es256,
        _ => return Ok(None),
    };
    let is = |name: &str, expected: &str| entry.get(name).is_none_or(|value| value.as_str() == Some(expected));
    let operations = entry.get("key_ops").and_then(Value::as_array);
    let verifies = operations.is_none_or(|list| list.iter().any(|operation| operation == "verify"));
    if !is("use", "sig") || !is("alg", algorithm.as_str()) || !is(PURPOSE, "token") || !verifies {
        return Ok(None);
    }
    let coordinate = |name: &str| -> Result<[u8; COORDINATE_BYTES], String> {
        let bytes = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.and_then(|b| b.try_into().ok()).ok_or_else(|| format!("its {name} is not 32 bytes in base64url"))
    };
    let x = coordinate("x")?;
    if algorithm == TokenAlgorithm::EdDsa {
        return PublicKey::foreign_ed25519(&x).map(Some);
    }
    let y = coordinate("y")?;
    let encoded = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    let key = DecodingKey::from_ec_components(&encoded(x), &encoded(y)).map_err(|_| "it is malformed".to_owned())?;
    Ok(Some(PublicKey { algorithm, key }))
}
