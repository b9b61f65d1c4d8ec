//! Who a page belongs to, without saying so: salts and identities.

use ff::{Field, PrimeField};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::field::{F, from_31_bytes, from_wide};

/// Bytes of a salt and of a master secret.
pub const SECRET_BYTES: usize = 32;

/// Under which names an account's salt and identity are made. Within one exchange and one series an account keeps both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The exchange's domain.
    pub domain: &'a str,
    /// The series of snapshots.
    pub series: &'a str,
}

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

    /// The salt of `account` in `scope`: HKDF-SHA-256, never stored.
    pub fn salt(&self, scope: Scope<'_>, account: &str) -> [u8; SECRET_BYTES] {
        self.expand("assay/salt/v1", &[scope.domain.as_bytes(), scope.series.as_bytes(), account.as_bytes()])
    }

    /// The blind of line `line` (from 0) of the reserves of snapshot `snapshot_id` of the exchange at `domain`.
    pub fn reserve_blind(&self, domain: &str, snapshot_id: &str, line: u64) -> [u8; SECRET_BYTES] {
        let parts = [domain.as_bytes(), snapshot_id.as_bytes(), &line.to_le_bytes()];
        self.expand("assay/reserve-blind/v1", &parts)
    }

    /// The blind of the private sums of column `index` in shard `shard` of the statement whose draft (the statement before
    /// the sums are committed to) has SHA-256 `digest`: another one whenever anything public changes.
    pub fn column_blind(&self, digest: &[u8; 32], shard: u32, index: u16) -> F {
        let parts: [&[u8]; 3] = [digest, &shard.to_le_bytes(), &index.to_le_bytes()];
        from_wide(&self.expand("assay/column-blind/v1", &parts))
    }

    /// What covers the totals of shard `shard`: an identity that lies in the shard, and a random quantity for each cover
    /// column. `seed` must differ whenever the statement does.
    pub fn cover<const N: usize>(&self, seed: &[u8; 32], shard: u32, shards: u32) -> (F, [u64; N]) {
        let parts: [&[u8]; 3] = [seed, &shard.to_le_bytes(), &shards.to_le_bytes()];
        let identity: [u8; 31] = self.expand("assay/cover-identity/v1", &parts);
        let quantity = |k: usize| {
            let place = (k as u64).to_le_bytes();
            u64::from_le_bytes(self.expand("assay/cover-quantity/v1", &[seed, parts[1], parts[2], &place]))
        };
        (identity_in_shard(&identity, shard, shards), std::array::from_fn(quantity))
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

/// The identity of `account` in `scope`: the first 31 bytes of HMAC-SHA-256, keyed by the salt, over the
/// length-framed parts, read big-endian as a field element.
///
/// Zero, which marks padding, would need 31 zero bytes: the planner refuses it, and so does whoever checks an inclusion.
pub fn identity(salt: &[u8; SECRET_BYTES], scope: Scope<'_>, account: &str) -> F {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes keys of any length");
    let parts = [scope.domain.as_bytes(), scope.series.as_bytes(), account.as_bytes()];
    mac.update(&framed("assay/identity/v1", &parts));
    let digest = mac.finalize().into_bytes();
    let mut bytes = [0u8; 31];
    bytes.copy_from_slice(&digest[..31]);
    from_31_bytes(&bytes)
}

/// The shard of `shards` in which the account with this identity lies: floor(identity · shards / 2^248). Ascending
/// identities lie in ascending shards. What is no identity, being 2^248 or more, gives a number that is no shard.
pub fn shard_of(identity: &F, shards: u32) -> u64 {
    let repr = identity.to_repr();
    let limb = |k: usize| u64::from_le_bytes(repr.as_ref()[8 * k..8 * k + 8].try_into().expect("eight bytes"));
    let mut carry = 0u128;
    let mut top = 0u64;
    for k in 0..4 {
        carry += u128::from(limb(k)) * u128::from(shards);
        (top, carry) = (carry as u64, carry >> 64);
    }
    // bits 248 and up of the product: the highest byte of its fourth limb, and the limb above
    ((carry as u64) << 8) | (top >> 56)
}

/// The identity at `fraction` (of 2^248, big-endian) of shard `shard`: ceil((shard · 2^248 + fraction) / shards), which
/// [`shard_of`] puts into that shard because the fraction's low 32 bits are not used.
fn identity_in_shard(fraction: &[u8; 31], shard: u32, shards: u32) -> F {
    let mut remainder = u64::from(shard);
    let mut quotient = [0u8; 31];
    for (k, byte) in quotient.iter_mut().enumerate() {
        let own = if k < 27 { fraction[k] } else { 0 };
        let value = (remainder << 8) | u64::from(own);
        *byte = (value / u64::from(shards)) as u8;
        remainder = value % u64::from(shards);
    }
    let identity = from_31_bytes(&quotient);
    if remainder == 0 { identity } else { identity + F::ONE }
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
    use crate::field::power_of_two;

    fn scope<'a>(domain: &'a str, series: &'a str) -> Scope<'a> {
        Scope { domain, series }
    }

    #[test]
    fn s1_the_same_account_has_another_identity_in_every_series_and_at_every_exchange() {
        let master = MasterSecret::new([7; 32]);
        let id = |domain: &str, series: &str, account: &str| {
            let scope = scope(domain, series);
            identity(&master.salt(scope, account), scope, account)
        };
        assert_eq!(id("a.example", "2026-01", "alice"), id("a.example", "2026-01", "alice"));
        assert_ne!(id("a.example", "2026-01", "alice"), id("a.example", "2026-02", "alice"));
        assert_ne!(id("a.example", "2026-01", "alice"), id("b.example", "2026-01", "alice"));
        assert_ne!(id("a.example", "2026-01", "alice"), id("a.example", "2026-01", "bob"));
        // framing: moving a character between the parts changes the identity
        assert_ne!(id("a.example", "2026-0", "1alice"), id("a.example", "2026-01", "alice"));
        assert_ne!(id("a.example2", "026-01", "alice"), id("a.example", "2026-01", "alice"));
    }

    #[test]
    fn s2_a_secret_does_not_print() {
        assert_eq!(format!("{:?}", MasterSecret::new([7; 32])), "MasterSecret(…)");
    }

    #[test]
    fn identities_are_cut_into_shards_at_even_places() {
        let last = power_of_two(248) - F::ONE;
        for shards in [1, 2, 3, 7, 8, 1000, 4096] {
            assert_eq!(shard_of(&F::ZERO, shards), 0);
            assert_eq!(shard_of(&last, shards), u64::from(shards) - 1);
            assert_eq!(shard_of(&(last + F::ONE), shards), u64::from(shards), "no identity, no shard");
        }
        // the first identity of the second half, and the one before it
        assert_eq!(shard_of(&power_of_two(247), 2), 1);
        assert_eq!(shard_of(&(power_of_two(247) - F::ONE), 2), 0);
        // 2^248 = 3 · k + 1, so the second third begins at k + 1
        let third = (power_of_two(248) - F::ONE) * Option::<F>::from(F::from(3).invert()).unwrap_or(F::ZERO);
        assert_eq!((shard_of(&third, 3), shard_of(&(third + F::ONE), 3)), (0, 1));
        assert_eq!(shard_of(&-F::ONE, 4096), 198_212, "p − 1 is 48.3918 · 2^248");
    }

    #[test]
    fn a_cover_lies_in_its_shard_and_differs_with_everything_it_is_made_from() {
        let master = MasterSecret::new([9; 32]);
        let mut seen = std::collections::BTreeSet::new();
        for shards in [2, 3, 7, 64, 4096] {
            for shard in [0, 1, shards / 2, shards - 1].into_iter().collect::<std::collections::BTreeSet<u32>>() {
                for seed in [[1; 32], [2; 32]] {
                    let (identity, quantities) = master.cover::<6>(&seed, shard, shards);
                    assert_eq!(shard_of(&identity, shards), u64::from(shard));
                    assert!(quantities.iter().all(|q| seen.insert(*q)), "a quantity twice");
                }
            }
        }
        // the ends of a shard are still inside it
        for (shard, shards) in [(0, 2), (1, 2), (2, 3), (4095, 4096), (4094, 4096)] {
            for fraction in [[0; 31], [0xff; 31]] {
                let identity = identity_in_shard(&fraction, shard, shards);
                assert_eq!(shard_of(&identity, shards), u64::from(shard), "{shard} of {shards}");
            }
        }
    }
}
