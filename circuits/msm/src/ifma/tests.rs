//! The field's routines against whole numbers, at the ends of every bound, and the vector code against its twin.

use core::arch::x86_64::*;

use num_bigint::BigUint;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

use super::{
    lanes::{self, Lanes, Loose, MASK, Modulus, REDUCED},
    twin::{self, Limbs},
};
use crate::curve::{Bn254, Curve, Grumpkin};

fn number(limbs: Limbs) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |high, limb| (high << 52) + *limb)
}

/// The number of limbs that are not carried.
fn loose_number(limbs: Limbs) -> BigUint {
    let carried = twin::carried(limbs);
    assert!(carried[4] <= MASK, "a number that is negative or does not fit: {limbs:x?}");
    number(carried)
}

fn limbs(number: &BigUint) -> Limbs {
    std::array::from_fn(|i| (number >> (52 * i)).iter_u64_digits().next().unwrap_or(0) & MASK)
}

fn modulus<C: Curve>() -> BigUint {
    number(Modulus::<C>::P)
}

/// Numbers below bound·p/32: the ends, multiples of p and their neighbours, limbs of ones, and random ones.
fn below<C: Curve>(bound: u32, rng: &mut ChaCha20Rng) -> Vec<Limbs> {
    let p = modulus::<C>();
    let end = &p * bound / 32u32;
    let mut numbers = vec![BigUint::ZERO, BigUint::from(1u32), &end - 1u32];
    for k in 1..=bound / 32 {
        let multiple = &p * k;
        numbers.extend([&multiple - 1u32, multiple.clone(), multiple + 1u32]);
    }
    for ones in 1..32u32 {
        // the highest limb as large as it can be, some of the others all ones
        let pattern: Limbs = std::array::from_fn(|i| if ones >> i & 1 == 1 { MASK } else { 0 });
        let mut number = number(pattern);
        while number >= end {
            number -= &end;
        }
        numbers.push(number);
    }
    for _ in 0..200 {
        let random: Limbs = std::array::from_fn(|_| rng.next_u64() & MASK);
        numbers.push(number(random) % &end);
    }
    numbers.retain(|number| *number < end);
    numbers.iter().map(limbs).collect()
}

/// Runs all pairs of numbers of two bounds.
fn pairs<C: Curve>(a: u32, b: u32, mut with: impl FnMut(Limbs, Limbs)) {
    let mut rng = ChaCha20Rng::seed_from_u64(u64::from(a) << 32 | u64::from(b));
    let (a, b) = (below::<C>(a, &mut rng), below::<C>(b, &mut rng));
    for (i, x) in a.iter().enumerate() {
        // all ends with each other; random ones with some
        for y in b.iter().skip(if i < 60 { 0 } else { i % 7 }).step_by(if i < 60 { 1 } else { 7 }) {
            with(*x, *y);
        }
    }
}

/// The bounds that products are taken of.
const PRODUCTS: [(u32, u32); 14] = [
    (32, 32),
    (34, 32),
    (78, 32),
    (78, 78),
    (98, 78),
    (161, 78),
    (84, 400),
    (493, 202),
    (67, 78),
    (78, 482),
    (151, 482),
    (503, 353),
    (92, 227),
    (2688, 1),
];

fn bounds_hold<C: Curve>() {
    let p = modulus::<C>();
    let r = BigUint::from(1u32) << 260;
    let within = |number: &BigUint, bound: u32| number * 32u32 < &p * bound;
    for (a, b) in PRODUCTS {
        pairs::<C>(a, b, |x, y| {
            let found = twin::product::<C>(x, y);
            let value = loose_number(found);
            assert_eq!(&value * &r % &p, number(x) * number(y) % &p);
            assert!(within(&value, lanes::product(a, b)), "{a} · {b}: {x:x?} {y:x?}");
            assert!(found.iter().all(|limb| *limb < 1 << 57) && found[4] <= MASK);
        });
        pairs::<C>(b, 1, |x, _| {
            let found = twin::square::<C>(x);
            let value = loose_number(found);
            assert_eq!(&value * &r % &p, number(x) * number(x) % &p);
            assert!(within(&value, lanes::product(b, b)), "{b}²: {x:x?}");
            assert!(found.iter().all(|limb| *limb < 1 << 57) && found[4] <= MASK);
        });
    }
    for (a, b) in
        [(34, 34), (65, 65), (78, 132), (78, 65), (80, 154), (77, 400), (102, 67), (66, 400), (1, 65), (97, 227)]
    {
        pairs::<C>(a, b, |x, y| {
            let multiple = b as usize / 32 + 1;
            let found = twin::difference::<C>(x, y, multiple);
            let value = loose_number(found);
            assert_eq!(value, number(x) + &p * multiple - number(y));
            assert!(within(&value, lanes::difference(a, b)));
            assert!(found[4] <= MASK, "the highest limb is negative: {x:x?} {y:x?}");
        });
    }
    // products are subtracted before they are carried
    for (a, b) in [(78, 78), (226, 92), (84, 84), (482, 151)] {
        pairs::<C>(a, b, |x, y| {
            let (product, square) = (twin::product::<C>(x, y), twin::square::<C>(x));
            let (small, large) = (lanes::product(a, b), lanes::product(a, a));
            let multiple = small as usize / 32 + 1;
            let found = twin::difference::<C>(square, product, multiple);
            let value = loose_number(found);
            assert_eq!(value, loose_number(square) + &p * multiple - loose_number(product));
            assert!(within(&value, lanes::difference(large, small)));
            assert!(found[4] <= MASK, "the highest limb is negative: {x:x?} {y:x?}");
        });
    }
    // products are reduced before they are carried, differences and sums too
    let reduces = |found: Limbs, bound: u32| {
        let value = loose_number(found);
        assert!(within(&value, bound));
        let reduced = number(twin::reduced::<C>(found));
        assert_eq!(&reduced % &p, value % &p);
        assert!(within(&reduced, REDUCED), "{found:x?}");
    };
    pairs::<C>(256, 1, |x, _| reduces(x, 256));
    pairs::<C>(78, 78, |x, y| reduces(twin::product::<C>(x, y), 78));
    pairs::<C>(78, 132, |x, y| reduces(twin::difference::<C>(x, y, 5), 238));
    pairs::<C>(78, 65, |x, y| reduces(twin::difference::<C>(x, y, 3), 174));
    for bound in [34, 124, 372] {
        pairs::<C>(bound, 1, |x, _| {
            let half = number(twin::halved::<C>(x));
            assert_eq!((&half * 2u32) % &p, number(x) % &p);
            assert!(within(&half, bound.div_ceil(2) + 16));
        });
    }
}

#[test]
fn every_bound_holds_at_its_ends() {
    bounds_hold::<Bn254>();
    bounds_hold::<Grumpkin>();
}

fn constants_are_right<C: Curve>() {
    let (p, one) = (modulus::<C>(), BigUint::from(1u32));
    let power = |n: u32| (&one << n) % &p;
    let halo: Vec<u8> = C::MODULUS.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    assert_eq!(p, BigUint::from_bytes_le(&halo));
    assert_eq!(number(Modulus::<C>::ONE), power(260));
    assert_eq!(number(Modulus::<C>::FROM_256), power(264));
    assert_eq!(number(Modulus::<C>::TO_256), power(256));
    assert_eq!(number(Modulus::<C>::NEXT) << 52, &p * Modulus::<C>::INVERSE + 1u32);
    for (k, multiple) in Modulus::<C>::MULTIPLES.into_iter().enumerate() {
        assert_eq!(number(multiple), &p * k);
    }
}

#[test]
fn the_constants_are_right() {
    constants_are_right::<Bn254>();
    constants_are_right::<Grumpkin>();
}

vector! {
    fn read<C: Curve, const B: u32>(numbers: &[Limbs; 8]) -> Lanes<C, B> {
        let mut lanes = Lanes::<C, B>::splat(&[0; 5]);
        for i in 0..5 {
            let limb: [u64; 8] = std::array::from_fn(|lane| numbers[lane][i]);
            lanes.0[i] = bytemuck::cast(limb);
        }
        lanes
    }

    fn rows(vectors: &[__m512i; 5]) -> [Limbs; 8] {
        let limbs = vectors.map(bytemuck::cast::<_, [u64; 8]>);
        std::array::from_fn(|lane| std::array::from_fn(|i| limbs[i][lane]))
    }

    /// Eight pairs at a time through every routine, and through the twin.
    fn like_the_twin<C: Curve, const A: u32, const B: u32>(a: &[Limbs; 8], b: &[Limbs; 8]) {
        let (x, y) = (read::<C, A>(a), read::<C, B>(b));
        let product: Loose<C, 200> = x.times(&y);
        let square: Loose<C, 200> = y.squared();
        let sum: Loose<C, 1000> = x.plus(&y);
        let difference: Loose<C, 1000> = x.minus(&y);
        let found = [product.0, square.0, sum.0, difference.0].map(|v| rows(&v));
        let carried = rows(&difference.carried().0);
        let reduced = rows(&product.reduced().0);
        let half = rows(&x.loose().halved::<300>().0);
        let negative = rows(&y.negated::<1000>(0b1010_0101).0);
        let exchanged = [rows(&x.exchanged::<1>().0), rows(&x.exchanged::<2>().0), rows(&x.exchanged::<4>().0)];
        for lane in 0..8 {
            let (x, y, multiple) = (a[lane], b[lane], B as usize / 32 + 1);
            let difference = twin::difference::<C>(x, y, multiple);
            let expected =
                [twin::product::<C>(x, y), twin::square::<C>(y), twin::sum(x, y), difference];
            assert_eq!(found.map(|rows| rows[lane]), expected, "{x:x?} {y:x?}");
            assert_eq!(carried[lane], twin::carried(difference));
            assert_eq!(reduced[lane], twin::reduced::<C>(expected[0]));
            assert_eq!(half[lane], twin::halved::<C>(x));
            let negated = if 0b1010_0101 >> lane & 1 == 1 {
                twin::carried(twin::difference::<C>([0; 5], y, multiple))
            } else {
                y
            };
            assert_eq!(negative[lane], negated);
            for (exchanged, distance) in exchanged.iter().zip([1, 2, 4]) {
                assert_eq!(exchanged[lane], a[lane ^ distance]);
            }
        }
    }
}

fn compare<C: Curve, const A: u32, const B: u32>() {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    pairs::<C>(A, B, |x, y| {
        a.push(x);
        b.push(y);
    });
    for (a, b) in a.as_chunks().0.iter().zip(b.as_chunks().0) {
        // SAFETY: the caller has asked the processor
        #[allow(unsafe_code)]
        unsafe {
            like_the_twin::<C, A, B>(a, b);
        }
    }
}

#[test]
#[ignore = "needs a processor with AVX-512 IFMA: .ci/run vector"]
fn lanes_do_what_the_twin_does() {
    assert!(super::processor::available(), "a processor with AVX-512 IFMA");
    compare::<Bn254, 78, 78>();
    compare::<Bn254, 98, 160>();
    compare::<Bn254, 400, 227>();
    compare::<Grumpkin, 78, 78>();
    compare::<Grumpkin, 482, 151>();
}
