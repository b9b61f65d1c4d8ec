//! Challenges: field elements drawn from bytes that everybody can read (Fiat–Shamir).

use sha2::{Digest, Sha512};

use crate::field::{F, from_wide};

/// SHA-512 over a label, the length of the bytes (u64, little-endian) and the bytes, reduced modulo p. Every use has a
/// label of its own.
pub fn draw(label: &[u8], bytes: &[u8]) -> F {
    let mut hasher = Sha512::new();
    hasher.update(label);
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
    from_wide(&hasher.finalize().into())
}
