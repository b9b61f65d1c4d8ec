//! The service's own keys: a private directory of Ed25519 keys, shared by all processes of one installation.
//!
//! Each key has one [`Purpose`], and the newest key of a purpose signs. A replaced key loses its private half. A replaced token key
//! stays published until every token that it signed has expired. A replaced statement key stays published permanently, because
//! attestations do not expire. To revoke a key, delete its file; running processes notice within seconds.
//!
//! Writers lock the directory. Readers need no lock, because files are written atomically. A process rereads the directory before
//! it signs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use assay_core::signature::{ALGORITHM, Jws, PURPOSE};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, VerifyingKey, pkcs8::EncodePrivateKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    error::KeyRingError,
    jwt::{self, LEEWAY},
    keyfile::{Key, Purpose, private_dir_exists},
    scope::{self, Role},
};
use crate::durable;

/// Longest lifetime of a token. A replaced key stays published for this time.
pub const MAX_TTL: Duration = Duration::days(31);
/// Age at which the loaded keys are read again.
const FRESH_FOR: Duration = Duration::seconds(5);
/// Minimum time between two reads because of an unknown key id.
const LOOK_AGAIN_AFTER: Duration = Duration::seconds(1);
/// Maximum number of keys in the directory.
const MAX_KEYS: usize = 1000;

/// Contents of a new token.
#[derive(Clone)]
pub struct Grant {
    /// `iss`: the public address of this service.
    pub issuer: String,
    /// `aud`: the public address of the service that the token is for.
    pub audience: String,
    /// `sub`: the caller; for a customer, the account reference.
    pub subject: String,
    /// Role, which determines the scopes.
    pub role: Role,
    /// Domain of the exchange that the token is for; required for customers, publishers and operators.
    pub exchange: Option<String>,
    /// Lifetime, from one second to [`MAX_TTL`].
    pub ttl: Duration,
}

/// The keys of this installation.
pub struct KeyRing {
    dir: PathBuf,
    loaded: RwLock<Loaded>,
}

struct Loaded {
    keys: Arc<Keys>,
    at: OffsetDateTime,
}

impl KeyRing {
    /// Opens the keys in `dir`. Creates the directory and keys that are missing.
    ///
    /// # Errors
    /// [`KeyRingError::Environment`] if other users can read a key or enter the directory, or a file is not a key;
    /// [`KeyRingError::File`].
    pub fn open_or_create(dir: &Path, now: OffsetDateTime) -> Result<Self, KeyRingError> {
        durable::create_private_directory(dir).map_err(KeyRingError::file(dir))?;
        let mut keys = Keys::read(dir)?;
        if Purpose::ALL.iter().any(|purpose| keys.newest(*purpose).is_none()) {
            let _lock = lock(dir)?;
            // the previous holder of the lock may have created them
            keys = Keys::read(dir)?;
            for purpose in Purpose::ALL {
                if keys.newest(purpose).is_none() {
                    Key::generate(purpose, now)?.write(dir)?;
                }
            }
            keys = Keys::read(dir)?;
        }
        Ok(Self::with(dir, keys, now))
    }

    /// Opens the keys in `dir` without making any; an empty or missing directory is a ring without keys.
    ///
    /// # Errors
    /// As [`KeyRing::open_or_create`].
    pub fn open(dir: &Path, now: OffsetDateTime) -> Result<Self, KeyRingError> {
        Ok(Self::with(dir, Keys::read(dir)?, now))
    }

    fn with(dir: &Path, keys: Keys, now: OffsetDateTime) -> Self {
        Self { dir: dir.to_owned(), loaded: RwLock::new(Loaded { keys: Arc::new(keys), at: now }) }
    }

    /// Reads the directory again.
    ///
    /// # Errors
    /// As [`KeyRing::open_or_create`]; the loaded keys stay in use.
    pub fn reload(&self, now: OffsetDateTime) -> Result<(), KeyRingError> {
        let keys = Arc::new(Keys::read(&self.dir)?);
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Loaded { keys, at: now };
        Ok(())
    }

    /// Creates a new signing key for `purpose` and returns its id. Older keys lose their private half; token keys whose tokens have
    /// all expired are deleted.
    ///
    /// # Errors
    /// As [`KeyRing::open_or_create`]. If interrupted at any point, the directory contains working keys.
    pub fn rotate(&self, purpose: Purpose, now: OffsetDateTime) -> Result<String, KeyRingError> {
        let lock = lock(&self.dir)?;
        let keys = Keys::read(&self.dir)?;
        // later than its predecessor, even if the clock was set back
        let after = keys.newest(purpose).map(|key| key.created_at + Duration::nanoseconds(1));
        let key = Key::generate(purpose, after.map_or(now, |after| after.max(now)))?;
        key.write(&self.dir)?;
        let mut older: Vec<Key> = keys.0.into_iter().filter(|key| key.purpose == purpose).collect();
        for key in older.iter_mut().filter(|key| key.private.is_some()) {
            key.private = None;
            key.write(&self.dir)?;
        }
        drop(lock);
        self.reload(now)?;
        self.sweep(now)?;
        Ok(key.kid)
    }

    /// Deletes token keys whose tokens have all expired.
    fn sweep(&self, now: OffsetDateTime) -> Result<(), KeyRingError> {
        let keys = self.keys();
        for (key, until) in keys.with_ends() {
            if until.is_some_and(|until| until < now) {
                let path = self.dir.join(key.file_name());
                fs::remove_file(&path).map_err(KeyRingError::file(&path))?;
            }
        }
        self.reload(now)
    }

    /// The published list of public keys (JWKS, RFC 7517): current keys, and replaced keys whose signatures are still in use.
    pub fn jwks(&self, now: OffsetDateTime) -> Value {
        let keys = self.current(now, FRESH_FOR);
        let published = keys.with_ends().filter(|(_, until)| until.is_none_or(|until| until >= now));
        let entries: Vec<Value> = published.map(|(key, _)| entry(key)).collect();
        json!({ "keys": entries })
    }

    /// A signed access token (RFC 9068).
    ///
    /// # Errors
    /// [`KeyRingError::Grant`] for a lifetime outside one second to [`MAX_TTL`], an empty or overlong text, or a missing exchange;
    /// otherwise as [`KeyRing::reload`].
    pub fn mint(&self, grant: &Grant, now: OffsetDateTime) -> Result<String, KeyRingError> {
        grant.check()?;
        self.reload(now)?;
        let keys = self.keys();
        let (kid, key) = keys.signing(Purpose::Token)?;
        let der = key.to_pkcs8_der().map_err(|_| KeyRingError::Environment(unusable(kid)))?;
        let header =
            Header { typ: Some(jwt::TYPE.to_owned()), kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let claims = NewClaims {
            iss: &grant.issuer,
            sub: &grant.subject,
            aud: &grant.audience,
            iat: now.unix_timestamp(),
            exp: (now + grant.ttl).unix_timestamp(),
            jti: Uuid::new_v4().to_string(),
            client_id: CLIENT,
            scope: scope::join(grant.role.scopes()),
            exchange: grant.exchange.as_deref(),
        };
        encode(&header, &claims, &EncodingKey::from_ed_der(der.as_bytes()))
            .map_err(|_| KeyRingError::Environment(unusable(kid)))
    }

    /// Signs the canonical bytes of a statement. Returns the content of `attestation.jws`.
    ///
    /// # Errors
    /// As [`KeyRing::reload`].
    pub fn sign_statement(&self, statement: &[u8], now: OffsetDateTime) -> Result<String, KeyRingError> {
        self.reload(now)?;
        let keys = self.keys();
        let (_, key) = keys.signing(Purpose::Attestation)?;
        Ok(String::from_utf8(Jws::sign(statement, key).to_bytes()).expect("JSON is text"))
    }

    /// The public key with the id `kid`, if its tokens may still be valid.
    pub(super) fn token_key(&self, kid: &str, now: OffsetDateTime) -> Option<VerifyingKey> {
        let find = |keys: &Keys| {
            let mut usable = keys.with_ends().filter(|(_, until)| until.is_none_or(|until| until >= now));
            usable.find(|(key, _)| key.purpose == Purpose::Token && key.kid == kid).map(|(key, _)| key.public)
        };
        find(&self.current(now, FRESH_FOR)).or_else(|| find(&self.current(now, LOOK_AGAIN_AFTER)))
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner).keys)
    }

    /// The keys, read again if they are older than `age`. If they cannot be read, the loaded keys stay in use, so that a lack of
    /// file descriptors does not lock out all callers.
    fn current(&self, now: OffsetDateTime, age: Duration) -> Arc<Keys> {
        let at = self.loaded.read().unwrap_or_else(PoisonError::into_inner).at;
        if (now - at).abs() >= age
            && let Err(error) = self.reload(now)
        {
            tracing::warn!(%error, "the keys cannot be read again; the loaded keys stay in use");
        }
        self.keys()
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// `client_id` of minted tokens.
const CLIENT: &str = "assay";

/// The claims of a new token.
#[derive(Serialize)]
struct NewClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    client_id: &'a str,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<&'a str>,
}

impl Grant {
    fn check(&self) -> Result<(), KeyRingError> {
        let refuse = |reason: String| Err(KeyRingError::Grant(reason));
        if self.ttl < Duration::SECOND || self.ttl > MAX_TTL {
            return refuse(format!("the lifetime of a token must be from 1 second to {} days", MAX_TTL.whole_days()));
        }
        if self.exchange.is_none() && self.role.needs_exchange() {
            return refuse(format!("a token for a {} needs an exchange", self.role));
        }
        let exchange = self.exchange.as_deref().unwrap_or("none");
        for (what, text) in [
            ("subject", self.subject.as_str()),
            ("issuer", &self.issuer),
            ("audience", &self.audience),
            ("exchange", exchange),
        ] {
            if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
                return refuse(format!("the {what} must be 1 to 256 bytes without control characters"));
            }
        }
        Ok(())
    }
}

/// All keys of a directory, oldest first.
struct Keys(Vec<Key>);

impl Keys {
    /// None where there is no directory: whoever deletes it takes all keys back.
    fn read(dir: &Path) -> Result<Self, KeyRingError> {
        let mut keys = Vec::new();
        if !private_dir_exists(dir)? {
            return Ok(Self(keys));
        }
        for entry in fs::read_dir(dir).map_err(KeyRingError::file(dir))? {
            let path = entry.map_err(KeyRingError::file(dir))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match Key::read(&path) {
                Ok(key) => keys.push(key),
                // deleted between listing and reading
                Err(KeyRingError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            if keys.len() > MAX_KEYS {
                return Err(KeyRingError::Environment(format!(
                    "{}: the directory contains more than {MAX_KEYS} keys",
                    dir.display()
                )));
            }
        }
        keys.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
        Ok(Self(keys))
    }

    fn newest(&self, purpose: Purpose) -> Option<&Key> {
        self.0.iter().rev().find(|key| key.purpose == purpose)
    }

    fn signing(&self, purpose: Purpose) -> Result<(&str, &SigningKey), KeyRingError> {
        let missing = || {
            let purpose = purpose.as_str();
            KeyRingError::Environment(format!(
                "there is no signing key for the purpose {purpose}; create one with: assay keys rotate --purpose {purpose}"
            ))
        };
        let newest = self.newest(purpose).ok_or_else(missing)?;
        Ok((&newest.kid, newest.private.as_ref().ok_or_else(missing)?))
    }

    /// Each key with the time after which nothing that it signed is valid; `None` for current keys and for statement keys.
    fn with_ends(&self) -> impl Iterator<Item = (&Key, Option<OffsetDateTime>)> {
        self.0.iter().enumerate().map(|(i, key)| {
            let next = self.0[i + 1..].iter().find(|later| later.purpose == key.purpose);
            let end = next.filter(|_| key.purpose == Purpose::Token);
            (key, end.map(|next| next.created_at + MAX_TTL + LEEWAY))
        })
    }
}

fn entry(key: &Key) -> Value {
    json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": URL_SAFE_NO_PAD.encode(key.public.as_bytes()),
        "kid": key.kid,
        "use": "sig",
        "alg": ALGORITHM,
        PURPOSE: key.purpose.as_str(),
    })
}

fn unusable(kid: &str) -> String {
    format!("key {kid} cannot sign")
}

/// Locks the directory until dropped: one writer at a time, over all processes.
fn lock(dir: &Path) -> Result<File, KeyRingError> {
    let file = File::open(dir).map_err(KeyRingError::file(dir))?;
    file.lock().map_err(KeyRingError::file(dir))?;
    // of a writer that died: there is no other one now
    durable::remove_partial_files(dir).map_err(KeyRingError::file(dir))?;
    Ok(file)
}
