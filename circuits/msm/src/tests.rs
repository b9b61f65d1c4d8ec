//! Products and folds against nova's own, on each path and curve: random input, and input that seeks the exceptions.
#![allow(clippy::unwrap_used)]

use ff::Field;
use halo2curves::group::{Curve as _, Group, prime::PrimeCurveAffine};
use nova_snark::provider::traits::DlogGroupExt;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

#[cfg(target_arch = "x86_64")]
use crate::ifma::{self, Vector};
use crate::{
    bases::Bases,
    curve::{Bn254, Curve, Grumpkin},
    fold,
    kernel::Kernel,
    portable::Portable,
    product::Table,
};

fn check<K: Kernel>(
    kernel: K,
    what: &str,
    points: &[<K::Curve as Curve>::Affine],
    scalars: &[<K::Curve as Curve>::Scalar],
) {
    let expected = <K::Curve as Curve>::Point::vartime_multiscalar_mul(scalars, &points[..scalars.len()]);
    let found = Table::new(kernel, points).multiply(0, scalars);
    assert!(found == expected, "{what}, {} terms", scalars.len());
}

fn random_points<C: Curve>(rng: &mut ChaCha20Rng, count: usize) -> Vec<C::Affine> {
    let points: Vec<_> = (0..count).map(|_| <C::Point as Group>::random(&mut *rng)).collect();
    let mut affine = vec![C::Affine::default(); count];
    C::Point::batch_normalize(&points, &mut affine);
    affine
}

fn special<C: Curve>() -> Vec<C::Scalar> {
    let two = |n: u64| C::Scalar::from(2).pow_vartime([n]);
    let numbers = [0, 1, 2, 3, 5, 32_767, 32_768, 65_535, 65_536, u64::MAX].map(C::Scalar::from);
    let powers = [63, 64, 126, 127, 128, 252, 253].map(two);
    numbers.into_iter().chain(powers).flat_map(|x| [x, -x, x - C::Scalar::ONE]).collect()
}

fn products<K: Kernel>(kernel: K) {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let pool = random_points::<K::Curve>(&mut rng, 4096);
    let special = special::<K::Curve>();
    for scalar in &special {
        check(kernel, "one point", &pool[..1], &[*scalar]);
    }
    check(kernel, "special scalars", &pool, &special);
    let identity = <K::Curve as Curve>::Affine::identity();
    let one = <K::Curve as Curve>::Scalar::ONE;
    let sizes = (0..=40).chain([63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 4095, 4096]);
    for n in sizes {
        let random: Vec<_> = (0..n).map(|_| <K::Curve as Curve>::Scalar::random(&mut rng)).collect();
        check(kernel, "random scalars", &pool, &random);
        let bits: Vec<_> = (0..n).map(|_| u64::from(rng.next_u32() & 1).into()).collect();
        check(kernel, "bits", &pool, &bits);
        let mixed: Vec<_> = random
            .iter()
            .map(|random| match rng.next_u32() % 4 {
                0 => *random,
                1 => rng.next_u64().into(),
                _ => special[rng.next_u32() as usize % special.len()],
            })
            .collect();
        check(kernel, "mixed scalars", &pool, &mixed);
        // few different points, their negatives, and the identity
        let few: Vec<_> = (0..n)
            .map(|_| match rng.next_u32() % 4 {
                0 => pool[0],
                1 => -pool[0],
                2 => identity,
                _ => pool[rng.next_u32() as usize % 3],
            })
            .collect();
        check(kernel, "few points, random scalars", &few, &random);
        check(kernel, "few points, mixed scalars", &few, &mixed);
        check(kernel, "few points, bits", &few, &bits);
        let same = vec![pool[1]; n];
        let k = <K::Curve as Curve>::Scalar::random(&mut rng);
        check(kernel, "one point again and again", &same, &vec![k; n]);
        let turns: Vec<_> = (0..n).map(|i| if i % 2 == 0 { k } else { -k }).collect();
        check(kernel, "one point that cancels", &same, &turns);
        check(kernel, "minus one", &pool, &vec![-one; n]);
        check(kernel, "zero", &pool, &vec![<K::Curve as Curve>::Scalar::ZERO; n]);
        check(kernel, "identities", &vec![identity; n], &vec![k; n]);
    }
    // P, 2P, 3P, …: sums of neighbours meet other points of the row
    let step = <K::Curve as Curve>::Point::generator();
    let row: Vec<_> = (1..3001u64).map(|i| (step * <K::Curve as Curve>::Scalar::from(i)).to_affine()).collect();
    for n in [10, 100, 3000] {
        check(kernel, "a row of ones", &row, &vec![one; n]);
        let small: Vec<_> = (0..n).map(|_| <K::Curve as Curve>::Scalar::from(rng.next_u64() % 5) - one - one).collect();
        check(kernel, "a row of small scalars", &row, &small);
        let random: Vec<_> = (0..n).map(|_| <K::Curve as Curve>::Scalar::random(&mut rng)).collect();
        check(kernel, "a row of random scalars", &row, &random);
    }
}

/// Enough terms for the widest digits, several blocks to a bucket, and parts of several blocks.
fn large_products<K: Kernel>(kernel: K) {
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    let pool = random_points::<K::Curve>(&mut rng, 1 << 10);
    let points: Vec<_> = (0..1 << 17).map(|i| pool[(i * 7 + i / 1024) % pool.len()]).collect();
    for n in [(1 << 17) - 1, 1 << 17] {
        let random: Vec<_> = (0..n).map(|_| <K::Curve as Curve>::Scalar::random(&mut rng)).collect();
        let bits: Vec<_> = random
            .iter()
            .map(|random| if rng.next_u32() % 100 < 57 { u64::from(rng.next_u32() & 1).into() } else { *random })
            .collect();
        check(kernel, "random scalars", &points, &random);
        check(kernel, "more than half bits", &points, &bits);
    }
    // blocks whose sums for one bucket are equal, and opposite
    let one = <K::Curve as Curve>::Scalar::ONE;
    let all = |scalar| std::iter::repeat_n(scalar, 1 << 16).collect::<Vec<_>>();
    for opposite in [false, true] {
        let same: Vec<_> = (0..1 << 16).map(|i| if opposite && i >= 1 << 15 { -pool[0] } else { pool[0] }).collect();
        check(kernel, "one point in many blocks", &same, &all(one));
        check(kernel, "one point in many blocks, small scalars", &same, &all(one.double()));
        let k = <K::Curve as Curve>::Scalar::random(&mut rng);
        check(kernel, "one point in many blocks, one scalar", &same, &all(k));
    }
    let table = Table::new(kernel, &points);
    let scalars: Vec<_> = (0..70_000).map(|_| <K::Curve as Curve>::Scalar::random(&mut rng)).collect();
    for from in [0, 1, 61_072] {
        let own = &points[from..from + scalars.len()];
        let expected = <K::Curve as Curve>::Point::vartime_multiscalar_mul(&scalars, own);
        assert!(table.multiply(from, &scalars) == expected, "from {from}");
    }
}

type Fold<C> = fn(
    &<C as Curve>::Scalar,
    &<C as Curve>::Scalar,
    &[<C as Curve>::Affine],
    &[<C as Curve>::Affine],
) -> Vec<<C as Curve>::Affine>;

fn folds<C: Curve>(fold: Fold<C>) {
    let mut rng = ChaCha20Rng::seed_from_u64(13);
    let pool = random_points::<C>(&mut rng, 2048);
    let special = special::<C>();
    for n in (0..40).chain([63, 64, 65, 255, 256, 257, 511, 512, 513, 1000]) {
        for round in 0..6 {
            let any = |rng: &mut ChaCha20Rng| special[rng.next_u32() as usize % special.len()];
            let a = if round < 3 { C::Scalar::random(&mut rng) } else { any(&mut rng) };
            let b = match round {
                0 => a.invert().unwrap(),
                1 | 4 => C::Scalar::random(&mut rng),
                _ => any(&mut rng),
            };
            let mut pick = || match if round == 0 { 9 } else { rng.next_u32() % 8 } {
                0 => C::Affine::identity(),
                1 => pool[0],
                2 => -pool[0],
                3 => (C::Point::from(pool[0]) * C::Scalar::from(rng.next_u64() % 5)).to_affine(),
                _ => pool[rng.next_u32() as usize % pool.len()],
            };
            let left: Vec<_> = (0..n).map(|_| pick()).collect();
            let right: Vec<_> = (0..n).map(|_| pick()).collect();
            let folded = fold(&a, &b, &left, &right);
            let pairs = left.iter().zip(&right);
            let expected: Vec<_> = pairs.map(|(l, r)| (*l * a + *r * b).to_affine()).collect();
            assert!(folded == expected, "{n} pairs, round {round}: {a:?} {b:?}");
        }
    }
}

#[test]
fn portable_products_are_novas() {
    products(Portable::<Bn254>::new());
    products(Portable::<Grumpkin>::new());
}

#[test]
fn large_portable_products_are_novas() {
    large_products(Portable::<Bn254>::new());
}

#[test]
fn portable_folds_are_right() {
    folds::<Bn254>(fold::portable::<Bn254>);
    folds::<Grumpkin>(fold::portable::<Grumpkin>);
}

#[cfg(target_arch = "x86_64")]
mod vector {
    use super::*;

    fn kernel<C: Curve>() -> Vector<C> {
        Vector::detect().expect("a processor with AVX-512 IFMA")
    }

    #[test]
    #[ignore = "needs a processor with AVX-512 IFMA: .ci/run vector"]
    fn products_are_novas() {
        products(kernel::<Bn254>());
        products(kernel::<Grumpkin>());
    }

    #[test]
    #[ignore = "needs a processor with AVX-512 IFMA: .ci/run vector"]
    fn large_products_are_novas() {
        large_products(kernel::<Bn254>());
        large_products(kernel::<Grumpkin>());
    }

    #[test]
    #[ignore = "needs a processor with AVX-512 IFMA: .ci/run vector"]
    fn folds_are_right() {
        folds::<Bn254>(|a, b, l, r| ifma::fold::fold(kernel::<Bn254>(), a, b, l, r));
        folds::<Grumpkin>(|a, b, l, r| ifma::fold::fold(kernel::<Grumpkin>(), a, b, l, r));
    }
}

#[test]
fn parts_of_bases_are_multiplied_alone() {
    let mut rng = ChaCha20Rng::seed_from_u64(14);
    let points = random_points::<Bn254>(&mut rng, 1000);
    let bases = Bases::<Bn254>::new(points.clone());
    for (from, to) in [(0, 1000), (0, 0), (1000, 1000), (1, 1000), (500, 1000), (990, 1000), (17, 400)] {
        let scalars: Vec<_> = (from..to).map(|_| <Bn254 as Curve>::Scalar::random(&mut rng)).collect();
        let expected = <Bn254 as Curve>::Point::vartime_multiscalar_mul(&scalars, &points[from..to]);
        assert_eq!(bases.msm(from, &scalars), expected, "{from} to {to}");
    }
}
