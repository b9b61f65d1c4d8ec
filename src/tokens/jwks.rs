//! The published keys of another issuer (JWKS), by key id.

use std::collections::BTreeMap;

use assay_core::signature::PURPOSE;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
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
    /// An Ed25519 key from its 32 bytes.
    pub(super) fn ed25519(bytes: &[u8; COORDINATE_BYTES]) -> Self {
        Self { algorithm: TokenAlgorithm::EdDsa, key: DecodingKey::from_ed_der(bytes) }
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

/// Parses a JWKS. Ignores keys of other kinds and uses, and keys without an id, which no token could select.
///
/// # Errors
/// A sentence, if this is not a JWKS, contains a private key or two keys with one id, or if a key is malformed.
pub(super) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, PublicKey>, String> {
    let document: Value = serde_json::from_slice(bytes).map_err(|_| "the list of keys is not JSON".to_owned())?;
    let list = document.get("keys").and_then(Value::as_array).ok_or("the document is not a list of keys (JWKS)")?;
    if list.len() > MAX_KEYS {
        return Err(format!("the list has {} keys; the maximum is {MAX_KEYS}", list.len()));
    }
    let mut keys = BTreeMap::new();
    for entry in list {
        let entry = entry.as_object().ok_or("an entry of the list is not an object")?;
        if entry.contains_key("d") {
            return Err("the list contains a private key: anyone who reads it can sign".to_owned());
        }
        let (Some(kid), Some(key)) = (entry.get("kid").and_then(Value::as_str), key(entry)?) else {
            continue;
        };
        if kid.is_empty() || kid.len() > MAX_KID_BYTES {
            return Err(format!("a key id (kid) is not 1 to {MAX_KID_BYTES} bytes"));
        }
        if keys.insert(kid.to_owned(), key).is_some() {
            return Err("two keys have the same key id (kid)".to_owned());
        }
    }
    Ok(keys)
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
        bytes.and_then(|b| b.try_into().ok()).ok_or_else(|| format!("a key's {name} is not 32 bytes in base64url"))
    };
    let x = coordinate("x")?;
    if algorithm == TokenAlgorithm::EdDsa {
        return Ok(Some(PublicKey::ed25519(&x)));
    }
    let y = coordinate("y")?;
    let encoded = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    let key = DecodingKey::from_ec_components(&encoded(x), &encoded(y)).map_err(|_| "a key is malformed".to_owned())?;
    Ok(Some(PublicKey { algorithm, key }))
}
