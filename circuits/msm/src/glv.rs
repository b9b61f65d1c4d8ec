//! A scalar split in two of half its length: k = k1 + k2·λ, by the lattice of pairs (a, b) with a + b·λ = 0
//! (Gallant, Lambert, Vanstone 2001). Half as many windows and twice as many points: the doublings are half, and so are
//! the buckets.

/// Both halves of a scalar are smaller: 5·2^124.
#[cfg(test)]
pub(crate) const MOST: u128 = 5 << 124;

/// The short vectors (short, −long_first) and (long_second, short) of a curve's lattice.
#[derive(Clone, Copy, Debug)]
pub struct Lattice {
    /// The short coordinate of both vectors.
    pub short: u64,
    /// The other coordinate of the first vector, negated.
    pub long_first: u128,
    /// The other coordinate of the second vector.
    pub long_second: u128,
    /// 2^256 · short / n rounded, n the group's order: how often the first vector is taken off, for each unit of k.
    pub first: [u64; 2],
    /// 2^256 · long_first / n rounded: the same for the second vector.
    pub second: [u64; 3],
}

impl Lattice {
    /// k1 and k2 of k = k1 + k2·λ, both below [`MOST`] in size: half a vector, and a fifth for what `first` and `second` are
    /// rounded. `k` is below the group's order.
    pub(crate) fn split(&self, k: &[u64; 4]) -> (i128, i128) {
        let (first, second) = (high(k, &self.first), high(k, &self.second));
        let low = u128::from(k[0]) | u128::from(k[1]) << 64;
        let short = u128::from(self.short);
        // modulo 2^128, which holds the results
        let k1 = low.wrapping_sub(first.wrapping_mul(short)).wrapping_sub(second.wrapping_mul(self.long_second));
        let k2 = first.wrapping_mul(self.long_first).wrapping_sub(second.wrapping_mul(short));
        (k1 as i128, k2 as i128)
    }
}

/// k·g / 2^256, rounded to the nearest, below 2^128.
fn high<const N: usize>(k: &[u64; 4], g: &[u64; N]) -> u128 {
    let mut product = [0u64; 8];
    product[3] = 1 << 63;
    for (j, g) in g.iter().enumerate() {
        let mut carry = 0;
        for (i, k) in k.iter().enumerate() {
            let sum = u128::from(*k) * u128::from(*g) + u128::from(product[i + j]) + u128::from(carry);
            (product[i + j], carry) = (sum as u64, (sum >> 64) as u64);
        }
        for limb in &mut product[4 + j..] {
            let (sum, over) = limb.overflowing_add(carry);
            (*limb, carry) = (sum, u64::from(over));
        }
    }
    u128::from(product[4]) | u128::from(product[5]) << 64
}

#[cfg(test)]
mod tests {
    use ff::{Field, PrimeField};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use crate::curve::{Bn254, Curve, Grumpkin, element, limbs};

    fn signed<F: PrimeField>(k: i128) -> F {
        let k_abs = k.unsigned_abs();
        let value: F = element(&[k_abs as u64, (k_abs >> 64) as u64, 0, 0]);
        if k < 0 { -value } else { value }
    }

    fn holds<C: Curve>(lambda: C::Scalar) {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let two = |n: u64| C::Scalar::from(2).pow_vartime([n]);
        let ends = [0, 1, 63, 64, 127, 128, 252, 253].map(two);
        let mut scalars: Vec<C::Scalar> = ends.iter().flat_map(|x| [*x, -*x, *x - C::Scalar::ONE]).collect();
        scalars.extend([C::Scalar::ZERO, lambda, -lambda]);
        // where the rounding turns: k·g / 2^256 near a half
        for multiple in 1..200u64 {
            let half = two(127) * C::Scalar::from(multiple);
            scalars.extend([half, half + lambda, half * lambda]);
        }
        scalars.extend((0..20_000).map(|_| C::Scalar::random(&mut rng)));
        for k in scalars {
            let (k1, k2) = C::LATTICE.split(&limbs(&k));
            assert_eq!(signed::<C::Scalar>(k1) + signed::<C::Scalar>(k2) * lambda, k);
            assert!(k1.unsigned_abs() < super::MOST && k2.unsigned_abs() < super::MOST);
        }
    }

    #[test]
    fn both_halves_are_short_and_give_the_scalar() {
        // each curve's λ is the other's β
        holds::<Bn254>(element(&Grumpkin::BETA));
        holds::<Grumpkin>(element(&Bn254::BETA));
    }
}
