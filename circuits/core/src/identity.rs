//! Who a page belongs to, without saying so: salts and identities.

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::field::{F, from_31_bytes, from_wide};

/// Bytes of a salt and of a master secret.
pub const SECRET_BYTES: usize = 32;

/// The exchange's master secret. Whoever knows it can find every customer in every attestation made with it.
pub struct MasterSecret([u8; SECRET_BYTES]);

impl MasterSecret {
    /// Wraps 32 bytes from a cryptographic random source.
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    fn expand<const N: usize>(&self, purpose: &str, parts: &[&[u8]]) -> [u8; N] {
        let mut out = [0u8; N];
        let hkdf = Hkdf::<Sha256>::new(None, &self.0);
        hkdf.expand(&framed(purpose, parts), &mut out).expect("HKDF-SHA-256 gives up to 8,160 bytes");
        out
    }

    /// The salt of `account` in snapshot `snapshot_id`: HKDF-SHA-256, fresh for every snapshot, never stored.
    pub fn salt(&self, snapshot_id: &str, account: &str) -> [u8; SECRET_BYTES] {
        self.expand("assay/salt/v1", &[snapshot_id.as_bytes(), account.as_bytes()])
    }

    /// The blind of line `line` (from 0) of the reserves of snapshot `snapshot_id`.
    pub fn reserve_blind(&self, snapshot_id: &str, line: u64) -> [u8; SECRET_BYTES] {
        self.expand("assay/reserve-blind/v1", &[snapshot_id.as_bytes(), &line.to_le_bytes()])
    }

    /// The blind of the private sums of column `index` in the statement whose draft (the statement before the sums are
    /// committed to) has SHA-256 `digest`: another one whenever anything public changes.
    pub fn column_blind(&self, digest: &[u8; 32], index: u16) -> F {
        from_wide(&self.expand("assay/column-blind/v1", &[digest, &index.to_le_bytes()]))
    }

    /// What may be written down to recognise the secret again without knowing it.
    pub fn fingerprint(&self) -> String {
        hex::encode(&self.expand::<SECRET_BYTES>("assay/master-fingerprint/v1", &[])[..8])
    }
}

impl std::fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterSecret(…)")
    }
}

/// The identity of `account` in snapshot `snapshot_id`: the first 31 bytes of HMAC-SHA-256, keyed by the salt, over the
/// length-framed parts, read big-endian as a field element.
///
/// Zero, which marks padding, would need 31 zero bytes: the planner refuses it, and so does whoever checks an inclusion.
pub fn identity(salt: &[u8; SECRET_BYTES], snapshot_id: &str, account: &str) -> F {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes keys of any length");
    mac.update(&framed("assay/identity/v1", &[snapshot_id.as_bytes(), account.as_bytes()]));
    let digest = mac.finalize().into_bytes();
    let mut bytes = [0u8; 31];
    bytes.copy_from_slice(&digest[..31]);
    from_31_bytes(&bytes)
}

/// Each part after its length (u32, little-endian), so that no two lists of parts give the same bytes.
fn framed(purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
        bytes.extend((part.len() as u32).to_le_bytes());
        bytes.extend(*part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_the_same_account_has_another_identity_in_every_snapshot() {
        let master = MasterSecret::new([7; 32]);
        let id = |snapshot: &str, account: &str| identity(&master.salt(snapshot, account), snapshot, account);
        assert_eq!(id("2026-01", "alice"), id("2026-01", "alice"));
        assert_ne!(id("2026-01", "alice"), id("2026-02", "alice"));
        assert_ne!(id("2026-01", "alice"), id("2026-01", "bob"));
        // framing: moving a character between the parts changes the identity
        assert_ne!(id("2026-0", "1alice"), id("2026-01", "alice"));
    }

    #[test]
    fn s2_a_secret_does_not_print() {
        assert_eq!(format!("{:?}", MasterSecret::new([7; 32])), "MasterSecret(…)");
    }
}
