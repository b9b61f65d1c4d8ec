//! Who stands behind a statement: `attestation.jws`, a JSON Web Signature (RFC 7515, general JSON serialisation) over the
//! statement's canonical bytes, and the list of public keys (JWKS, RFC 7517) that its reader trusts.
//!
//! The proof shows that a statement is true of some ledger; only a signature shows whose statement it is. The keys come
//! from the reader and never from the attestation. What each byte means stands in `api-spec/jws.md`.
//!
//! Of JOSE only one form is accepted: Ed25519, a protected header of exactly `alg`, `kid` and `typ`, nothing unprotected.
//! `typ` keeps a signature over a statement from being offered as any other kind of token, and the other way round.
//! [`holding`](crate::holding) has the statements of custodians and banks, [`signed`](crate::signed) the documents that are signed about
//! an attestation later.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::sealed::MAX_STATEMENT_BYTES;

/// The signatures in an attestation's directory.
pub const SIGNATURE_FILE: &str = "attestation.jws";
/// Largest file of signatures that is read, in bytes: a statement in base64url, and a few signatures.
pub const MAX_JWS_BYTES: usize = MAX_STATEMENT_BYTES / 3 * 4 + (64 << 10);
/// Largest list of keys that is read, in bytes.
pub const MAX_JWKS_BYTES: usize = 256 << 10;
/// The only algorithm.
pub const ALGORITHM: &str = "EdDSA";
/// What a signature over a statement says it is.
pub const TYPE: &str = "assay-attestation+jws";
/// The member of a public key that says what it signs; a key without it signs whatever its owner likes.
pub const PURPOSE: &str = "assay_purpose";
/// The purpose of keys that sign statements.
pub const STATEMENT_PURPOSE: &str = "attestation";
/// Most signatures of one file, and most keys of one list.
pub const MAX_ENTRIES: usize = 64;
const MAX_KID_BYTES: usize = 128;
/// Largest protected header in base64url, in bytes: three short members. White space would make a document of it that is too long to be read
/// again.
const MAX_PROTECTED_BYTES: usize = 512;

/// Why signatures or a list of keys are refused; a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignatureError(String);

pub(crate) fn refuse<T>(reason: impl Into<String>) -> Result<T, SignatureError> {
    Err(SignatureError(reason.into()))
}

/// The file of signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jws {
    payload: String,
    signatures: Vec<Signed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    protected: String,
    signature: String,
}

/// What a protected header says, all of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Protected {
    pub(crate) alg: String,
    pub(crate) kid: String,
    pub(crate) typ: String,
}

impl Jws {
    /// `statement` signed with `key`, which verifiers will look for under its [`thumbprint`].
    pub fn sign(statement: &[u8], key: &SigningKey) -> Self {
        Self::sign_as(TYPE, statement, key)
    }

    /// Bytes signed with `key` as a document of the type `typ`.
    pub(crate) fn sign_as(typ: &str, bytes: &[u8], key: &SigningKey) -> Self {
        let payload = URL_SAFE_NO_PAD.encode(bytes);
        let signatures = vec![Signed::new(typ, &payload, key)];
        Self { payload, signatures }
    }

    /// Adds the signature of one more `key` to those that are there.
    ///
    /// # Errors
    /// If this key has signed already, or there are too many signatures.
    pub fn countersign(&mut self, key: &SigningKey) -> Result<(), SignatureError> {
        let added = Signed::new(TYPE, &self.payload, key);
        self.merge(Self { payload: self.payload.clone(), signatures: vec![added] })
    }

    /// Takes the signatures of `other`, which must be over the same statement.
    ///
    /// # Errors
    /// If it is over another one, a key would sign twice, or there are too many signatures.
    pub fn merge(&mut self, other: Self) -> Result<(), SignatureError> {
        *self = self.clone().with_all(vec![other])?;
        Ok(())
    }

    /// These signatures, and those of `other` that are not among them; of others over something else nothing is taken.
    #[must_use]
    pub(crate) fn joined(mut self, other: Self) -> Self {
        if other.payload == self.payload {
            let missing: Vec<_> =
                other.signatures.into_iter().filter(|signed| !self.signatures.contains(signed)).collect();
            self.signatures.extend(missing);
        }
        self
    }

    /// These signatures and those of `others`, which must be over the same statement.
    ///
    /// # Errors
    /// As [`Jws::merge`].
    pub fn with_all(mut self, others: Vec<Self>) -> Result<Self, SignatureError> {
        if others.iter().any(|other| other.payload != self.payload) {
            return refuse("the signatures are for another statement");
        }
        self.signatures.extend(others.into_iter().flat_map(|other| other.signatures));
        self.kids()?;
        Ok(self)
    }

    /// Reads a file of signatures. Nothing in it is verified yet.
    ///
    /// # Errors
    /// For anything but 1 to 64 signatures by different keys in the one accepted form.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let jws = Self::read(bytes, MAX_JWS_BYTES)?;
        jws.kids()?;
        Ok(jws)
    }

    /// Reads a JWS of any type.
    pub(crate) fn read(bytes: &[u8], limit: usize) -> Result<Self, SignatureError> {
        if bytes.len() > limit {
            return refuse(format!("the signature file is longer than {limit} bytes"));
        }
        serde_json::from_slice(bytes)
            .map_err(|e| SignatureError(format!("the signature file is not a JWS in general JSON form: {e}")))
    }

    /// The same signatures without the bytes that they are over, which its reader has (RFC 7515, appendix F).
    #[must_use]
    pub fn detached(self) -> Self {
        Self { payload: String::new(), ..self }
    }

    /// Each signature by itself, without the bytes that it is over.
    pub fn each(&self) -> impl Iterator<Item = Self> {
        self.signatures.iter().map(|signed| Self { payload: String::new(), signatures: vec![signed.clone()] })
    }

    /// The same signatures, over `statement` where they came without it.
    #[must_use]
    pub fn attached(self, statement: &[u8]) -> Self {
        if self.payload.is_empty() { Self { payload: URL_SAFE_NO_PAD.encode(statement), ..self } } else { self }
    }

    /// What the only signature says that it is a signature of: `typ` of its protected header, as it stands there.
    ///
    /// # Errors
    /// If there is more than one signature, or a protected header does not have exactly the members `alg`, `kid` and `typ`.
    pub fn only_type(&self) -> Result<String, SignatureError> {
        match self.signatures.as_slice() {
            [signed] => Ok(signed.header()?.typ),
            several => refuse(format!("{} signatures; there must be one", several.len())),
        }
    }

    /// The one key that is said to have signed, as a document of the type `typ`, and the bytes that it is said to have signed.
    pub(crate) fn only(&self, typ: &str) -> Result<(String, Vec<u8>), SignatureError> {
        let [signed] = self.signatures.as_slice() else {
            return refuse(format!("{} signatures; there must be one", self.signatures.len()));
        };
        let kid = signed.kid(typ)?;
        if signed.signature.len() > MAX_PROTECTED_BYTES {
            return refuse("a signature is not 64 bytes in base64url");
        }
        match URL_SAFE_NO_PAD.decode(&self.payload) {
            Ok(bytes) => Ok((kid, bytes)),
            Err(_) => refuse("the payload is not in base64url"),
        }
    }

    /// Whether every signature is by `key`.
    pub(crate) fn is_by(&self, key: &VerifyingKey) -> bool {
        self.signatures.iter().all(|signed| signed.holds(&self.payload, key))
    }

    /// The file: JSON without spaces.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and lists of texts")
    }

    /// The names of the keys that are said to have signed, in the order of the signatures.
    ///
    /// # Errors
    /// As [`Jws::parse`].
    pub fn kids(&self) -> Result<Vec<String>, SignatureError> {
        if self.signatures.is_empty() || self.signatures.len() > MAX_ENTRIES {
            return refuse(format!("{} signatures; there must be 1 to {MAX_ENTRIES}", self.signatures.len()));
        }
        let kids: Vec<String> = self.signatures.iter().map(|signed| signed.kid(TYPE)).collect::<Result<_, _>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = kids.iter().find(|kid| !seen.insert(kid.as_str())) {
            return refuse(format!("key {twice} signed twice"));
        }
        Ok(kids)
    }

    /// Who of `jwks` signed `statement`.
    ///
    /// # Errors
    /// If the signatures are over anything else, one by a listed key does not verify, or no listed key signed at all.
    pub fn verify(&self, statement: &[u8], jwks: &Jwks) -> Result<Signers, SignatureError> {
        if self.payload != URL_SAFE_NO_PAD.encode(statement) {
            return refuse("the signatures are for another statement");
        }
        let mut signers = Signers { known: Vec::new(), unknown: Vec::new() };
        for (kid, signed) in self.kids()?.into_iter().zip(&self.signatures) {
            match jwks.keys.get(&kid) {
                None => signers.unknown.push(kid),
                Some(None) => return refuse(format!("the listed key {kid} is not a statement key")),
                Some(Some(key)) if signed.holds(&self.payload, key) => signers.known.push(kid),
                Some(Some(_)) => return refuse(format!("the signature by {kid} does not verify")),
            }
        }
        if signers.known.is_empty() {
            return refuse(format!(
                "no listed key signed the statement; it is signed by {}",
                signers.unknown.join(", ")
            ));
        }
        Ok(signers)
    }
}

impl Signed {
    fn new(typ: &str, payload: &str, key: &SigningKey) -> Self {
        let header =
            Protected { alg: ALGORITHM.to_owned(), kid: thumbprint(&key.verifying_key()), typ: typ.to_owned() };
        let protected = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).expect("three texts"));
        let signature = key.sign(format!("{protected}.{payload}").as_bytes());
        Self { protected, signature: URL_SAFE_NO_PAD.encode(signature.to_bytes()) }
    }

    /// The key it names, if the header asks for nothing but what we do.
    fn kid(&self, typ: &str) -> Result<String, SignatureError> {
        let header = self.header()?;
        if header.alg != ALGORITHM {
            return refuse(format!("a signature uses another algorithm than {ALGORITHM}"));
        }
        if header.typ != typ {
            return refuse(format!("a signature has another type than {typ}"));
        }
        if !is_kid(&header.kid) {
            return refuse("a key id (kid) is not 1 to 128 visible ASCII characters");
        }
        Ok(header.kid)
    }

    fn header(&self) -> Result<Protected, SignatureError> {
        if self.protected.len() > MAX_PROTECTED_BYTES {
            return refuse(format!("a protected header has more than {MAX_PROTECTED_BYTES} bytes"));
        }
        let header = URL_SAFE_NO_PAD.decode(&self.protected).ok().and_then(|json| serde_json::from_slice(&json).ok());
        header.map_or_else(|| refuse("a protected header does not have exactly the members alg, kid and typ"), Ok)
    }

    fn holds(&self, payload: &str, key: &VerifyingKey) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(&self.signature).ok().and_then(|b| Signature::from_slice(&b).ok());
        let signed = format!("{}.{payload}", self.protected);
        signature.is_some_and(|signature| key.verify_strict(signed.as_bytes(), &signature).is_ok())
    }
}

/// Whose signatures were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signers {
    /// Keys of the reader's list whose signatures hold; at least one.
    pub known: Vec<String>,
    /// Keys that are not on the list: nothing is known about their signatures.
    pub unknown: Vec<String>,
}

impl std::fmt::Display for Signers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "by {}", self.known.join(", "))?;
        if self.unknown.is_empty() { Ok(()) } else { write!(f, "; not on the list: {}", self.unknown.join(", ")) }
    }
}

/// What a reader knows of the signatures of a statement. Its text is a sentence for the end of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SignatureState {
    /// The attestation has no file of signatures.
    #[default]
    Missing,
    /// There are signatures, and the reader gave no keys.
    Unchecked,
    /// A key of the reader's list signed.
    Signed(Signers),
    /// The signatures do not stand up to the reader's keys.
    Refused,
}

impl SignatureState {
    /// One word for programs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unchecked => "unchecked",
            Self::Signed(_) => "signed",
            Self::Refused => "refused",
        }
    }

    /// The keys of the reader's list that signed.
    pub fn keys(&self) -> &[String] {
        match self {
            Self::Signed(signers) => &signers.known,
            _ => &[],
        }
    }
}

impl std::fmt::Display for SignatureState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => {
                write!(f, "NOT SIGNED: there is no {SIGNATURE_FILE}, so nothing shows whose statement it is.")
            }
            Self::Unchecked => write!(
                f,
                "SIGNATURE NOT CHECKED: to learn whose statement it is, give the public keys that you trust with --jwks FILE."
            ),
            Self::Signed(signers) => write!(f, "Signed {signers}."),
            Self::Refused => f.write_str("SIGNATURE REFUSED: no key in your list stands behind the statement."),
        }
    }
}

/// The keys that a reader trusts, by their names.
#[derive(Debug, Clone)]
pub struct Jwks {
    /// `None` for what signs other things: a token key, an encryption key, another algorithm.
    keys: BTreeMap<String, Option<VerifyingKey>>,
}

#[derive(Deserialize)]
struct KeyList {
    keys: Vec<KeyEntry>,
}

/// What is read of a JWK; everything else in it is somebody else's business (RFC 7517, 4).
#[derive(Deserialize)]
pub(crate) struct KeyEntry {
    kty: String,
    crv: Option<String>,
    pub(crate) x: Option<String>,
    pub(crate) y: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    pub(crate) assay_purpose: Option<String>,
    pub(crate) assay_custodian: Option<String>,
    pub(crate) assay_auditor: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

impl Jwks {
    /// Reads a list of keys. Those that cannot sign statements stay listed as such.
    ///
    /// # Errors
    /// If it is no JWKS, holds a private key, two keys of one name or one key twice, or nothing in it can sign statements.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let list = Self::read(bytes)?;
        if !list.keys.values().any(Option::is_some) {
            return refuse("the list contains no Ed25519 statement key");
        }
        Ok(list)
    }

    /// Reads a list of keys, perhaps one in which nothing can sign statements.
    ///
    /// # Errors
    /// If it is no JWKS, or holds a private key, two keys of one name or one key twice.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureError> {
        Ok(Self { keys: named_keys(bytes, KeyEntry::statement_key)? })
    }

    /// The statement key of this name: nothing if the list has no such key, and nothing within if that is for something else.
    pub(crate) fn statement_key(&self, kid: &str) -> Option<Option<&VerifyingKey>> {
        self.keys.get(kid).map(Option::as_ref)
    }

    /// Whether the list has a key of this name, for statements or for something else.
    pub fn has(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }
}

/// The keys of a list by their names. `read` gives the thumbprint and the key of an entry, or nothing for one that signs other things.
pub(crate) fn named_keys<K>(
    bytes: &[u8],
    read: impl Fn(&KeyEntry) -> Result<Option<(String, K)>, SignatureError>,
) -> Result<BTreeMap<String, Option<K>>, SignatureError> {
    if bytes.len() > MAX_JWKS_BYTES {
        return refuse(format!("the list of keys is longer than {MAX_JWKS_BYTES} bytes"));
    }
    let list: KeyList =
        serde_json::from_slice(bytes).map_err(|e| SignatureError(format!("not a list of keys (JWKS): {e}")))?;
    if list.keys.len() > MAX_ENTRIES {
        return refuse(format!("{} keys, at most {MAX_ENTRIES} are read", list.keys.len()));
    }
    let (mut keys, mut points) = (BTreeMap::new(), BTreeSet::new());
    for entry in &list.keys {
        if entry.d.is_some() {
            return refuse("the list contains a private key: anyone who has the list can sign with it");
        }
        let (thumbprint, key) = read(entry)?.unzip();
        let Some(kid) = entry.kid.clone().or(thumbprint) else { continue };
        if !is_kid(&kid) {
            return refuse("a key id (kid) is not 1 to 128 visible ASCII characters");
        }
        if keys.insert(kid.clone(), key).is_some() {
            return refuse(format!("two keys in the list have the key id {kid}"));
        }
        if let Some(twice) = entry.x.as_ref().filter(|x| !points.insert((&entry.kty, x.as_str(), &entry.y))) {
            return refuse(format!("a key is twice in the list, under two names; its x is {twice}"));
        }
    }
    Ok(keys)
}

impl KeyEntry {
    /// Whether it is a key of this kind that may verify signatures of this algorithm.
    pub(crate) fn verifies(&self, kty: &str, crv: &str, alg: &str) -> bool {
        let is = |field: &Option<String>, expected: &str| field.as_deref().is_none_or(|value| value == expected);
        self.kty == kty
            && self.crv.as_deref() == Some(crv)
            && is(&self.alg, alg)
            && is(&self.usage, "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"))
    }

    /// The key, if it is one that may sign statements.
    fn statement_key(&self) -> Result<Option<(String, VerifyingKey)>, SignatureError> {
        let is_ours = self.assay_purpose.as_deref().is_none_or(|purpose| purpose == STATEMENT_PURPOSE);
        if !is_ours || !self.verifies("OKP", "Ed25519", ALGORITHM) {
            return Ok(None);
        }
        let key = self.ed25519()?;
        Ok(Some((thumbprint(&key), key)))
    }

    /// The Ed25519 key.
    pub(crate) fn ed25519(&self) -> Result<VerifyingKey, SignatureError> {
        let key = coordinate(&self.x).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        match key.filter(|key| !key.is_weak()) {
            Some(key) => Ok(key),
            None => refuse("an Ed25519 key in the list is malformed"),
        }
    }
}

/// 32 bytes in base64url.
pub(crate) fn coordinate(text: &Option<String>) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text.as_ref()?).ok()?.try_into().ok()
}

/// The name of a key: its thumbprint (RFC 7638), SHA-256 in base64url.
pub fn thumbprint(key: &VerifyingKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

pub(crate) fn is_kid(text: &str) -> bool {
    (1..=MAX_KID_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
