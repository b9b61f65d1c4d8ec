//! The two curves of the cycle, and what the kernels must know of them.

use std::fmt::Debug;

use ff::{FromUniformBytes, PrimeField};
use halo2curves::{CurveAffine, CurveExt, serde::SerdeObject};
use nova_snark::provider::{
    bn256_grumpkin::{bn256, grumpkin},
    traits::DlogGroupExt,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::glv::Lattice;

/// A curve y² = x³ + b of prime order over a 254-bit field, with the endomorphism (x, y) ↦ (β·x, y) = λ·(x, y).
pub trait Curve: Copy + Debug + Send + Sync + 'static {
    /// The field of coordinates.
    type Base: PrimeField + FromUniformBytes<48> + SerdeObject;
    /// The field of scalars.
    type Scalar: PrimeField;
    /// Points as pairs of coordinates.
    type Affine: CurveAffine<Base = Self::Base, ScalarExt = Self::Scalar, CurveExt = Self::Point>
        + SerdeObject
        + Serialize
        + DeserializeOwned;
    /// Points in projective coordinates.
    type Point: CurveExt<Base = Self::Base, ScalarExt = Self::Scalar, AffineExt = Self::Affine>
        + DlogGroupExt<Base = Self::Base, Scalar = Self::Scalar, AffineGroupElement = Self::Affine>;
    /// The modulus of the field of coordinates, least significant limb first.
    const MODULUS: [u64; 4];
    /// β, least significant limb first.
    const BETA: [u64; 4];
    /// The domain of hashing to the curve, as halo2curves names it.
    const DOMAIN: &'static [u8];
    /// Short vectors by which scalars are split.
    const LATTICE: Lattice;
}

const BN254_BASE: [u64; 4] =
    [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
const BN254_SCALAR: [u64; 4] =
    [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
/// A cube root of 1 in BN254's base field, which is also Grumpkin's λ.
const ROOT_IN_BASE: [u64; 4] = [0x5763_4731_77ff_fffe, 0xd4f2_63f1_acdb_5c4f, 0x59e2_6bce_a0d4_8bac, 0];
/// A cube root of 1 in BN254's scalar field, which is also BN254's λ.
const ROOT_IN_SCALAR: [u64; 4] = [0x8b17_ea66_b99c_90dd, 0x5bfc_4108_8d8d_aaa7, 0xb3c4_d79d_41a9_1758, 0];

/// BN254's first group.
#[derive(Clone, Copy, Debug)]
pub struct Bn254;

impl Curve for Bn254 {
    type Base = bn256::Base;
    type Scalar = bn256::Scalar;
    type Affine = bn256::Affine;
    type Point = bn256::Point;
    const MODULUS: [u64; 4] = BN254_BASE;
    const BETA: [u64; 4] = ROOT_IN_BASE;
    const DOMAIN: &'static [u8] = b"BN254G1_XMD:SHA-256_SVDW_RO_";
    const LATTICE: Lattice = Lattice {
        short: 0x89d3_2568_94d2_13e3,
        long_first: 0x6f4d_8248_eeb8_59fc_8211_bbeb_7d4f_1128,
        long_second: 0x6f4d_8248_eeb8_59fd_0be4_e154_1221_250b,
        first: [0xd91d_232e_c7e0_b3d7, 0x2],
        second: [0x7a7b_d9d4_391e_b18e, 0x4cce_f014_a773_d2cf, 0x2],
    };
}

/// Grumpkin, whose fields are BN254's exchanged.
#[derive(Clone, Copy, Debug)]
pub struct Grumpkin;

impl Curve for Grumpkin {
    type Base = grumpkin::Base;
    type Scalar = grumpkin::Scalar;
    type Affine = grumpkin::Affine;
    type Point = grumpkin::Point;
    const MODULUS: [u64; 4] = BN254_SCALAR;
    const BETA: [u64; 4] = ROOT_IN_SCALAR;
    const DOMAIN: &'static [u8] = b"GRUMPKIN_XMD:SHA-256_SVDW_RO_";
    const LATTICE: Lattice = Lattice {
        short: 0x89d3_2568_94d2_13e2,
        long_first: 0x6f4d_8248_eeb8_59fc_8211_bbeb_7d4f_1129,
        long_second: 0x6f4d_8248_eeb8_59fd_0be4_e154_1221_250b,
        first: [0xd91d_232e_c7e0_b3d2, 0x2],
        second: [0x7a7b_d9d4_391e_b18e, 0x4cce_f014_a773_d2cf, 0x2],
    };
}

/// 2x, for x below 2^255.
pub(crate) const fn doubled(x: &[u64; 4]) -> [u64; 4] {
    [x[0] << 1, x[1] << 1 | x[0] >> 63, x[2] << 1 | x[1] >> 63, x[3] << 1 | x[2] >> 63]
}

/// a − b modulo 2^256, and whether b is more than a.
pub(crate) const fn difference(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let (mut less, mut borrow, mut i) = ([0; 4], false, 0);
    while i < 4 {
        let (d, first) = a[i].overflowing_sub(b[i]);
        let (d, second) = d.overflowing_sub(borrow as u64);
        (less[i], borrow) = (d, first | second);
        i += 1;
    }
    (less, borrow)
}

/// The four limbs of a field element, least significant first.
pub(crate) fn limbs<F: PrimeField>(element: &F) -> [u64; 4] {
    let bytes = element.to_repr();
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().zip(bytes.as_ref().chunks_exact(8)) {
        *limb = bytes.iter().rev().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    limbs
}

/// The field element of four limbs, which may be any number below 2^256.
pub(crate) fn element<F: PrimeField>(limbs: &[u64; 4]) -> F {
    let two_64 = F::from(u64::MAX) + F::ONE;
    limbs.iter().rev().fold(F::ZERO, |high, limb| high * two_64 + F::from(*limb))
}

#[cfg(test)]
mod tests {
    use ff::Field;
    use halo2curves::group::Group;

    use super::*;

    fn constants<C: Curve>(lambda: [u64; 4]) {
        let modulus: C::Base = element(&C::MODULUS);
        assert_eq!(modulus, C::Base::ZERO);
        let (beta, lambda): (C::Base, C::Scalar) = (element(&C::BETA), element(&lambda));
        assert!(beta != C::Base::ONE && beta * beta * beta == C::Base::ONE);
        let point = C::Affine::from(C::Point::generator() * C::Scalar::from(1234));
        let at = point.coordinates().unwrap();
        let image = C::Affine::from_xy(*at.x() * beta, *at.y()).unwrap();
        assert_eq!(C::Point::from(image), C::Point::from(point) * lambda);
    }

    #[test]
    fn the_endomorphisms_are_multiplications() {
        constants::<Bn254>(ROOT_IN_SCALAR);
        constants::<Grumpkin>(ROOT_IN_BASE);
    }

    #[test]
    fn limbs_and_elements_are_inverses() {
        for value in [[0; 4], [1, 0, 0, 0], [7, 1 << 63, 5, 9]] {
            assert_eq!(limbs(&element::<bn256::Base>(&value)), value);
        }
        let above = element::<bn256::Base>(&[u64::MAX; 4]);
        assert_eq!(above, bn256::Base::from(2).pow_vartime([256]) - bn256::Base::ONE);
    }
}
