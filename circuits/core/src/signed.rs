//! A document about an attestation that one key signs after the attestation was published: a JSON Web Signature (RFC 7515, general JSON
//! serialisation) with one signature over the document's canonical bytes. What each byte means stands in `api-spec/jws.md`.
//!
//! There are two kinds: a [`Notice`](crate::notice::Notice) of the exchange, and an [`Opinion`](crate::opinion::Opinion) of an auditor.
//! `typ` keeps one kind from being offered as another.

use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::{
    error::Error,
    sealed::{Document, Sealed},
    signature::{Jwks, Jws, SignatureError, refuse},
};

/// A kind of document that one key signs.
pub trait Signable: Document {
    /// What the protected header says it is.
    const TYPE: &'static str;
}

/// A document with the signature of one key. It is well-formed; nothing of the signature is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedDocument<D> {
    jws: Jws,
    kid: String,
    document: Sealed<D>,
}

impl<D: Signable> SignedDocument<D> {
    /// The document signed with `key`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the document breaks a rule of its format.
    pub fn sign(document: D, key: &SigningKey) -> Result<Self, Error> {
        let document = Sealed::seal(document)?;
        let jws = Jws::sign_as(D::TYPE, document.bytes(), key);
        Self::of(jws).map_err(|e| Error::Malformed(e.to_string()))
    }

    /// Reads a file with a document of this kind.
    ///
    /// # Errors
    /// For anything but one signature in the one accepted form, over a document that keeps every rule of its format.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        Self::of(Jws::read(bytes, D::MAX_BYTES * 2)?)
    }

    /// The document of a JWS.
    ///
    /// # Errors
    /// As [`SignedDocument::parse`].
    pub fn of(jws: Jws) -> Result<Self, SignatureError> {
        let (kid, bytes) = jws.only(D::TYPE)?;
        match Sealed::parse(&bytes) {
            Ok(document) => Ok(Self { jws, kid, document }),
            Err(e) => refuse(e.to_string()),
        }
    }
}

impl<D> SignedDocument<D> {
    /// What is said.
    pub fn document(&self) -> &D {
        &self.document
    }

    /// The name of the key that is said to have signed.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The JWS.
    pub fn jws(&self) -> &Jws {
        &self.jws
    }

    /// SHA-256 of the JWS without spaces, which names it in the transparency log.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.jws.to_bytes()).into()
    }

    /// The name of the statement key that signed it, or nothing if it is not on the list.
    ///
    /// # Errors
    /// If the listed key is not a statement key, or the signature does not verify.
    pub fn statement_signer(&self, jwks: &Jwks) -> Result<Option<&str>, SignatureError> {
        let kid = &self.kid;
        match jwks.statement_key(kid) {
            None => Ok(None),
            Some(None) => refuse(format!("the listed key {kid} is not a statement key")),
            Some(Some(key)) if self.is_by(key) => Ok(Some(kid)),
            Some(Some(_)) => refuse(format!("the signature by {kid} does not verify")),
        }
    }

    /// Whether `key` signed it.
    pub fn is_by(&self, key: &VerifyingKey) -> bool {
        self.jws.is_by(key)
    }
}
