//! The service's own keys: a private directory of Ed25519 keys, shared by all processes of one installation.
//!
//! Each key has one [`Purpose`], and the newest key of a purpose signs. A replaced key loses its private half. A replaced token key
//! stays published until every token that it signed has expired. A replaced statement key stays published permanently, because
//! attestations do not expire. To revoke a key, delete its file; running processes notice within five seconds.
//!
//! A file that cannot be used (other users can read it, it is damaged, or its name is not that of its key) loses its own key and no
//! other; the log names it. If the system has no descriptors or no memory left to read the directory, the keys that were read last
//! stay in use, for two minutes. After that, and after any other error, there are none.
//!
//! Writers lock the directory. Readers need no lock, because files are written atomically. A process rereads the directory before
//! it signs.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use assay_core::{
    signature::{ALGORITHM, Jws, PURPOSE},
    signed::{Signable, SignedDocument},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, VerifyingKey, pkcs8::EncodePrivateKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    error::KeyRingError,
    jwt,
    keydir::{Keys, MAX_TTL, lock},
    keyfile::{Key, Purpose},
    scope::{self, Role},
};
use crate::durable;

/// Age at which the loaded keys are read again.
const FRESH_FOR: Duration = Duration::seconds(5);
/// How long the keys that were read last stay in use when the system has no means to read them again.
const KEPT_FOR: Duration = Duration::minutes(2);
/// Minimum time between two reads because of an unknown key id.
const LOOK_AGAIN_AFTER: Duration = Duration::seconds(1);

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
    /// When they were read.
    at: OffsetDateTime,
    /// When they were to be read last, with or without success.
    tried_at: OffsetDateTime,
    /// Counts how often the set of keys became another one.
    generation: u64,
    /// What the log was told last.
    told: Vec<String>,
}

impl KeyRing {
    /// Opens the keys in `dir`. Creates the directory and keys that are missing.
    ///
    /// # Errors
    /// [`KeyRingError::Environment`] if other users can enter the directory, or a key is missing while a file there cannot be used;
    /// [`KeyRingError::File`].
    pub fn open_or_create(dir: &Path, now: OffsetDateTime) -> Result<Self, KeyRingError> {
        let ring = Self::open(dir, now)?;
        ring.create_missing(&Purpose::MADE, now)?;
        Ok(ring)
    }

    /// Creates a key for each of these purposes that has none, and the directory if it is missing.
    ///
    /// # Errors
    /// As [`KeyRing::open_or_create`]. A file that cannot be used may be the missing key, so nothing is created beside it.
    pub fn create_missing(&self, purposes: &[Purpose], now: OffsetDateTime) -> Result<(), KeyRingError> {
        let lacks = |keys: &Keys| purposes.iter().any(|purpose| keys.newest(*purpose).is_none());
        if !lacks(&self.keys()) {
            return Ok(());
        }
        durable::create_private_directory(&self.dir).map_err(KeyRingError::file(&self.dir))?;
        let _lock = lock(&self.dir)?;
        // the previous holder of the lock may have created them
        let keys = Keys::read(&self.dir)?;
        if lacks(&keys)
            && let Some(defect) = keys.defects.first()
        {
            return Err(KeyRingError::Environment(defect.clone()));
        }
        for purpose in purposes {
            if keys.newest(*purpose).is_none() {
                Key::generate(*purpose, now)?.write(&self.dir)?;
            }
        }
        self.reload(now)
    }

    /// Opens the keys in `dir` without making any; an empty or missing directory is a ring without keys.
    ///
    /// # Errors
    /// As [`KeyRing::open_or_create`].
    pub fn open(dir: &Path, now: OffsetDateTime) -> Result<Self, KeyRingError> {
        Ok(Self::with(dir, Keys::read(dir)?, now))
    }

    fn with(dir: &Path, keys: Keys, now: OffsetDateTime) -> Self {
        let mut loaded = Loaded { keys: Arc::default(), at: now, tried_at: now, generation: 0, told: Vec::new() };
        loaded.set(keys, now);
        Self { dir: dir.to_owned(), loaded: RwLock::new(loaded) }
    }

    /// Reads the directory again.
    ///
    /// # Errors
    /// As [`KeyRing::open_or_create`]. Then there are no keys, unless the system only has no means to read them: then the keys that
    /// were read last stay in use for two minutes.
    pub fn reload(&self, now: OffsetDateTime) -> Result<(), KeyRingError> {
        let read = Keys::read(&self.dir);
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.tried_at = now;
        match read {
            Ok(keys) => loaded.set(keys, now),
            Err(error) => {
                loaded.fail(&error, now);
                return Err(error);
            }
        }
        Ok(())
    }

    /// What is wrong with files in the directory, a sentence for each; their keys are not used.
    pub fn defects(&self) -> Vec<String> {
        self.keys().defects.clone()
    }

    /// Whether there is a key that signs for each purpose.
    ///
    /// # Errors
    /// [`KeyRingError::Environment`] with the purpose that has none, and the remedy.
    pub fn check_signing(&self) -> Result<(), KeyRingError> {
        let keys = self.keys();
        Purpose::ALL.into_iter().try_for_each(|purpose| keys.signing(purpose).map(drop))
    }

    /// The id of the newest statement key.
    pub fn statement_kid(&self) -> Option<String> {
        self.keys().newest(Purpose::Attestation).map(|key| key.kid.clone())
    }

    /// Whether `kid` is the id of a statement key of this installation: one that is there, or one that a key there has replaced.
    pub fn had_statement_key(&self, kid: &str) -> bool {
        let keys = self.keys();
        let mut own = keys.list.iter().filter(|key| key.purpose == Purpose::Attestation);
        own.any(|key| key.kid == kid || key.replaces.iter().any(|replaced| replaced == kid))
    }

    /// A number that changes with the set of keys. Whoever caches what a key has verified must forget it then.
    pub fn generation(&self, now: OffsetDateTime) -> u64 {
        self.current(now, FRESH_FOR);
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).generation
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
        let mut key = Key::generate(purpose, after.map_or(now, |after| after.max(now)))?;
        let mut older: Vec<Key> = keys.list.into_iter().filter(|key| key.purpose == purpose).collect();
        if purpose == Purpose::Attestation {
            let replaced: BTreeSet<_> =
                older.iter().flat_map(|key| key.replaces.iter().chain([&key.kid])).cloned().collect();
            key.replaces = replaced.into_iter().collect();
        }
        key.write(&self.dir)?;
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
        // the key of the log is published with the log
        let listed = published.filter(|(key, _)| Purpose::ALL.contains(&key.purpose));
        let entries: Vec<Value> = listed.map(|(key, _)| entry(key)).collect();
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

    /// Signs a document about an attestation with the key that signs statements.
    ///
    /// # Errors
    /// As [`KeyRing::reload`]; [`KeyRingError::Environment`] if the document breaks a rule of its format.
    pub fn sign_document<D: Signable>(
        &self,
        document: D,
        now: OffsetDateTime,
    ) -> Result<SignedDocument<D>, KeyRingError> {
        self.reload(now)?;
        let keys = self.keys();
        let (_, key) = keys.signing(Purpose::Attestation)?;
        SignedDocument::sign(document, key).map_err(|e| KeyRingError::Environment(e.to_string()))
    }

    /// The key that signs checkpoints of the transparency log; `None` if there is none.
    ///
    /// # Errors
    /// As [`KeyRing::reload`].
    pub(crate) fn log_key(&self, now: OffsetDateTime) -> Result<Option<SigningKey>, KeyRingError> {
        self.reload(now)?;
        Ok(self.keys().newest(Purpose::Log).and_then(|key| key.private.clone()))
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

    /// The keys, read again if they are older than `age`. After a failure they are read again after a second at the earliest.
    fn current(&self, now: OffsetDateTime, age: Duration) -> Arc<Keys> {
        let (at, tried_at) = {
            let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
            (loaded.at, loaded.tried_at)
        };
        if (now - at).abs() >= age && (at == tried_at || (now - tried_at).abs() >= LOOK_AGAIN_AFTER) {
            // told to the log; what is left of the keys is what counts
            let _ = self.reload(now);
        }
        self.keys()
    }
}

impl Loaded {
    fn set(&mut self, keys: Keys, now: OffsetDateTime) {
        let names = |keys: &Keys| keys.list.iter().map(|key| key.file_name()).collect::<Vec<_>>();
        if names(&self.keys) != names(&keys) {
            self.generation += 1;
        }
        self.tell(keys.defects.clone());
        (self.keys, self.at, self.tried_at) = (Arc::new(keys), now, now);
    }

    fn fail(&mut self, error: &KeyRingError, now: OffsetDateTime) {
        if error.is_exhaustion() && (now - self.at).abs() < KEPT_FOR {
            self.tell(vec![format!("the keys cannot be read again, those that were read last stay in use: {error}")]);
        } else {
            let defects = vec![format!("there are no keys any more: {error}")];
            self.set(Keys { list: Vec::new(), defects }, now);
        }
    }

    /// Tells the log what it was not told the last time.
    fn tell(&mut self, defects: Vec<String>) {
        for defect in defects.iter().filter(|defect| !self.told.contains(defect)) {
            tracing::error!(defect, "a key cannot be used");
        }
        self.told = defects;
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
