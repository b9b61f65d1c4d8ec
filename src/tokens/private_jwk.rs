//! What all private keys on disk have in common: a file that only its owner can read, and an Ed25519 key in it as a JWK (RFC 8037).

use std::{os::unix::fs::PermissionsExt, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::error::KeyRingError;
use crate::files;

/// The key type and the curve of a JWK with an Ed25519 key.
pub(super) const ED25519: (&str, &str) = ("OKP", "Ed25519");
/// A key file is a few hundred bytes.
const MAX_KEY_BYTES: u64 = 4096;

/// A new key from the system's random source.
///
/// # Errors
/// [`KeyRingError::Environment`].
pub(super) fn generate() -> Result<SigningKey, KeyRingError> {
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *seed)
        .map_err(|e| KeyRingError::Environment(format!("the system's random source failed: {e}")))?;
    Ok(SigningKey::from_bytes(&seed))
}

/// The bytes of a private key's file. `remedy` is what to do about a key that others could read.
///
/// # Errors
/// [`KeyRingError::File`]; [`KeyRingError::Environment`] if other users can read it, or it is longer than [`MAX_KEY_BYTES`].
pub(super) fn read(path: &Path, remedy: &str) -> Result<Zeroizing<Vec<u8>>, KeyRingError> {
    let refuse = |reason: &str| KeyRingError::Environment(format!("{}: {reason}", path.display()));
    let file = files::open_file(path).map_err(KeyRingError::file(path))?;
    // permissions of the open file, so that they belong to the bytes that are read
    let mode = file.metadata().map_err(KeyRingError::file(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(refuse(&format!("other users can read this key; run chmod 600 and consider {remedy}")));
    }
    let read = files::read_at_most(file, MAX_KEY_BYTES).map_err(KeyRingError::file(path))?;
    read.map(Zeroizing::new).ok_or_else(|| refuse("is too long for a key file"))
}

/// The member `d`.
pub(super) fn encode(key: &SigningKey) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(Zeroizing::new(key.to_bytes())))
}

/// The key in the member `x`, unless it is malformed or of small order.
pub(super) fn public(x: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&*decode(x)?).ok().filter(|key| !key.is_weak())
}

/// The key in the members `x` and `d`, if they belong together.
pub(super) fn private(x: &str, d: &str) -> Option<SigningKey> {
    let key = SigningKey::from_bytes(&*decode(d)?);
    (public(x)? == key.verifying_key()).then_some(key)
}

fn decode(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}
