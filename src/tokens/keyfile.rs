//! One key on disk: a private JWK (RFC 8037), readable only by its owner and written atomically.

use std::{fs, io::ErrorKind, os::unix::fs::PermissionsExt, path::Path};

use assay_core::signature::{STATEMENT_PURPOSE, thumbprint};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use zeroize::Zeroizing;

use super::{
    error::KeyRingError,
    private_jwk::{self, ED25519},
};
use crate::durable::{self, Access};

/// The kind of document that a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Access tokens of this service.
    Token,
    /// Statements that this service publishes.
    Attestation,
    /// Checkpoints of the transparency log. There is one key for a log, and it is never replaced.
    Log,
}

impl Purpose {
    /// Those of keys that can be replaced, and that the published list contains.
    pub const ALL: [Self; 2] = [Self::Token, Self::Attestation];
    /// Those of keys that a new directory gets.
    pub const MADE: [Self; 3] = [Self::Token, Self::Attestation, Self::Log];

    /// The name in key files and in the published list.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Attestation => STATEMENT_PURPOSE,
            Self::Log => "log",
        }
    }
}

/// A key. A replaced key has no private half.
pub(super) struct Key {
    pub(super) purpose: Purpose,
    pub(super) kid: String,
    pub(super) created_at: OffsetDateTime,
    pub(super) public: VerifyingKey,
    pub(super) private: Option<SigningKey>,
    /// Ids of the keys that it and its predecessors replaced, for statement keys. Their files may be deleted, and this key still
    /// shows that it is their successor.
    pub(super) replaces: Vec<String>,
}

impl Key {
    /// A new key from the system's random source.
    pub(super) fn generate(purpose: Purpose, created_at: OffsetDateTime) -> Result<Self, KeyRingError> {
        let private = private_jwk::generate()?;
        let public = private.verifying_key();
        Ok(Self { purpose, kid: thumbprint(&public), created_at, public, private: Some(private), replaces: Vec::new() })
    }

    /// The name of the key's file.
    pub(super) fn file_name(&self) -> String {
        format!("{}-{}.json", self.purpose.as_str(), self.kid)
    }

    /// Reads a private key file.
    ///
    /// # Errors
    /// [`KeyRingError::File`]; [`KeyRingError::Environment`] if other users can read the file, or it is not a key file of Assay.
    pub(super) fn read(path: &Path) -> Result<Self, KeyRingError> {
        let refuse = |reason: &str| KeyRingError::Environment(format!("{}: {reason}", path.display()));
        let bytes = private_jwk::read(path, "rotating the key")?;
        // the error of serde would quote the key
        let key_file: KeyFile = serde_json::from_slice(&bytes).map_err(|_| refuse("not a key file of Assay"))?;
        let key = key_file.key().ok_or_else(|| refuse("not a key file of Assay, or the file is damaged"))?;
        if path.file_name().is_none_or(|name| name.to_string_lossy() != key.file_name()) {
            return Err(refuse(&format!("the file name must be {}", key.file_name())));
        }
        Ok(key)
    }

    /// Writes the key to `dir` and replaces an earlier file of the same key. The caller holds the directory's lock.
    ///
    /// # Errors
    /// [`KeyRingError::File`]; an existing file is unchanged.
    pub(super) fn write(&self, dir: &Path) -> Result<(), KeyRingError> {
        let path = dir.join(self.file_name());
        let json =
            Zeroizing::new(serde_json::to_vec_pretty(&KeyFile::of(self)).expect("a key file consists of strings"));
        durable::replace(&path, Access::Private, &json).map_err(KeyRingError::file(&path))
    }
}

/// Whether the directory is there. One that others may enter is refused.
///
/// # Errors
/// [`KeyRingError::File`], [`KeyRingError::Environment`].
pub(super) fn private_dir_exists(dir: &Path) -> Result<bool, KeyRingError> {
    let mode = match fs::metadata(dir) {
        Ok(found) => found.permissions().mode(),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(KeyRingError::file(dir)(e)),
    };
    if mode & 0o077 != 0 {
        let dir = dir.display();
        return Err(KeyRingError::Environment(format!(
            "{dir}: other users can enter this directory of keys; run chmod 700"
        )));
    }
    Ok(true)
}

/// The JSON of a key file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    kty: String,
    crv: String,
    x: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<Zeroizing<String>>,
    kid: String,
    purpose: Purpose,
    created_at: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaces: Vec<String>,
}

impl KeyFile {
    fn of(key: &Key) -> Self {
        Self {
            kty: ED25519.0.to_owned(),
            crv: ED25519.1.to_owned(),
            x: URL_SAFE_NO_PAD.encode(key.public.as_bytes()),
            d: key.private.as_ref().map(private_jwk::encode),
            kid: key.kid.clone(),
            purpose: key.purpose,
            created_at: key.created_at.format(&Rfc3339).expect("the time is in UTC and before the year 10000"),
            replaces: key.replaces.clone(),
        }
    }

    fn key(&self) -> Option<Key> {
        let public = private_jwk::public(&self.x)?;
        let private = match &self.d {
            Some(d) => Some(private_jwk::private(&self.x, d)?),
            None => None,
        };
        let whole = (self.kty.as_str(), self.crv.as_str()) == ED25519 && self.kid == thumbprint(&public);
        let created_at = OffsetDateTime::parse(&self.created_at, &Rfc3339).ok()?;
        let (purpose, kid, replaces) = (self.purpose, self.kid.clone(), self.replaces.clone());
        whole.then_some(Key { purpose, kid, created_at, public, private, replaces })
    }
}
