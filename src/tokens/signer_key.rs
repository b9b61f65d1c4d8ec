//! The key of a person who signs about attestations of others: one private JWK (RFC 8037) in a file that only its owner can read. Auditors
//! and countersigners keep it; the service's own keys are in its home directory.

use std::path::Path;

use assay_core::{
    opinion::OPINION_PURPOSE,
    signature::{ALGORITHM, PURPOSE, STATEMENT_PURPOSE, thumbprint},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    error::KeyRingError,
    private_jwk::{self, ED25519},
};
use crate::durable::{self, Access};

/// The member that says in whose name a key gives opinions.
const AUDITOR: &str = "assay_auditor";

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerPurpose {
    /// Statements: countersignatures.
    Countersignature,
    /// Opinions.
    Opinion,
}

impl SignerPurpose {
    /// All values.
    pub const ALL: [Self; 2] = [Self::Countersignature, Self::Opinion];

    /// The purpose in a list of keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Countersignature => STATEMENT_PURPOSE,
            Self::Opinion => OPINION_PURPOSE,
        }
    }
}

/// A key with its private half.
pub struct SignerKey {
    private: SigningKey,
    purpose: SignerPurpose,
    auditor: Option<String>,
}

/// What is read of the file; other members are somebody else's business.
#[derive(Deserialize)]
struct File {
    kty: String,
    crv: String,
    x: String,
    d: Zeroizing<String>,
    assay_purpose: String,
    #[serde(default)]
    assay_auditor: Option<String>,
}

impl SignerKey {
    /// Makes a key and writes it to a new file. `auditor` is the one name in which it may give opinions.
    ///
    /// # Errors
    /// [`KeyRingError::File`] if the file is there already or cannot be written; [`KeyRingError::Environment`] without randomness.
    pub fn create(path: &Path, purpose: SignerPurpose, auditor: Option<&str>) -> Result<Self, KeyRingError> {
        let key = Self { private: private_jwk::generate()?, purpose, auditor: auditor.map(str::to_owned) };
        let mut jwk = key.public();
        jwk["d"] = json!(*private_jwk::encode(&key.private));
        let text = Zeroizing::new(serde_json::to_vec_pretty(&jwk).expect("a key file consists of strings"));
        durable::create_new(path, Access::Private, &text).map_err(KeyRingError::file(path))?;
        Ok(key)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`KeyRingError::File`]; [`KeyRingError::Environment`] if other users can read it, or it is not such a key.
    pub fn read(path: &Path) -> Result<Self, KeyRingError> {
        let refuse = |reason: &str| KeyRingError::Environment(format!("{}: {reason}", path.display()));
        let bytes = private_jwk::read(path, "another key")?;
        // the error of serde would quote the key
        let read: File = serde_json::from_slice(&bytes)
            .map_err(|_| refuse("not the private key (JWK) of a countersigner or an auditor"))?;
        let purpose = SignerPurpose::ALL.into_iter().find(|purpose| purpose.as_str() == read.assay_purpose);
        let purpose = purpose
            .ok_or_else(|| refuse(&format!("its {PURPOSE} must be {STATEMENT_PURPOSE} or {OPINION_PURPOSE}")))?;
        let private = private_jwk::private(&read.x, &read.d)
            .filter(|_| (read.kty.as_str(), read.crv.as_str()) == ED25519)
            .ok_or_else(|| refuse("not an Ed25519 key, or damaged"))?;
        Ok(Self { private, purpose, auditor: read.assay_auditor })
    }

    /// What it signs.
    pub fn purpose(&self) -> SignerPurpose {
        self.purpose
    }

    /// The one name in which it may give opinions; nothing for any.
    pub fn auditor(&self) -> Option<&str> {
        self.auditor.as_deref()
    }

    /// The key.
    pub fn private(&self) -> &SigningKey {
        &self.private
    }

    /// The public half, as an entry of a list of keys.
    pub fn public(&self) -> Value {
        let public = self.private.verifying_key();
        let mut jwk = json!({
            "kty": ED25519.0,
            "crv": ED25519.1,
            "x": URL_SAFE_NO_PAD.encode(public.as_bytes()),
            "kid": thumbprint(&public),
            "use": "sig",
            "alg": ALGORITHM,
            PURPOSE: self.purpose.as_str(),
        });
        if let Some(auditor) = &self.auditor {
            jwk[AUDITOR] = json!(auditor);
        }
        jwk
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_key_is_read_back_and_overwrites_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auditor.json");
        let made = SignerKey::create(&path, SignerPurpose::Opinion, Some("Example Audit LLP")).unwrap();
        let read = SignerKey::read(&path).unwrap();
        assert_eq!(
            (read.public(), read.purpose(), read.auditor()),
            (made.public(), SignerPurpose::Opinion, made.auditor())
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read.public().get("d").is_none());
        let before = fs::read(&path).unwrap();
        assert!(SignerKey::create(&path, SignerPurpose::Opinion, None).is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_file_that_is_no_such_key_is_refused_without_being_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json");
        SignerKey::create(&path, SignerPurpose::Countersignature, None).unwrap();
        let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let secret = whole["d"].as_str().unwrap().to_owned();
        let with = |name: &str, value: Value| {
            let mut changed = whole.clone();
            changed[name] = value;
            changed.to_string()
        };
        for text in [
            with("assay_purpose", json!("token")),
            with("x", json!("A".repeat(43))),
            with("d", json!("short")),
            with("crv", json!("X25519")),
            with("d", Value::Null),
            format!("[{secret}"),
        ] {
            fs::write(&path, text).unwrap();
            let error = SignerKey::read(&path).err().unwrap().to_string();
            assert!(error.contains("key.json") && !error.contains(&secret), "{error}");
        }
        fs::write(&path, format!("{whole}{}", " ".repeat(4096))).unwrap();
        assert!(SignerKey::read(&path).err().unwrap().to_string().contains("too long"));
        fs::write(&path, whole.to_string()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(SignerKey::read(&path).err().unwrap().to_string().contains("chmod 600"));
    }
}
