//! Eight elements of a prime field at a time, each in five limbs of 52 bits, in Montgomery form with R = 2^260.
//!
//! **Bounds are types.** An element stands for a number modulo p and is kept as any number of its class; how large that
//! number may be is the parameter `B`, in units of p/32. Every operation asserts when it is compiled that its operands
//! fit and that its result is announced large enough, so a formula whose bounds do not hold does not compile. The
//! announced bound may be larger than the true one; that is how loops find a bound that holds in every round.

use core::{arch::x86_64::*, marker::PhantomData};

use crate::curve::{self, Curve, doubled};

/// Eight words of 64 bits.
pub(crate) type V = __m512i;

pub(crate) const MASK: u64 = (1 << 52) - 1;
/// The unit of bounds is p/UNIT.
const UNIT: u32 = 32;
/// 2^260 is more than this many times p, for both curves.
const CAPACITY: u32 = 84;
/// What [`Loose::reduce`] leaves: below 1.0625·p.
pub(crate) const REDUCED: u32 = 34;

/// The bound of a product of numbers below `a` and `b`: a·b/R + 2p and a little.
pub(crate) const fn product(a: u32, b: u32) -> u32 {
    2 * UNIT + 1 + a * b / (UNIT * CAPACITY)
}

/// The least k such that k·p is more than any number below `b`, by p/32 at least.
const fn multiple(b: u32) -> usize {
    (b / UNIT) as usize + 1
}

/// The bound of a − b.
pub(crate) const fn difference(a: u32, b: u32) -> u32 {
    a + multiple(b) as u32 * UNIT
}

/// What arithmetic needs of a curve's field of coordinates, worked out by the compiler.
pub(crate) struct Modulus<C>(PhantomData<C>);

impl<C: Curve> Modulus<C> {
    /// p.
    pub(crate) const P: [u64; 5] = to_52(&C::MODULUS);
    /// −1/p modulo 2^52.
    pub(crate) const INVERSE: u64 = {
        // each round doubles the bits of 1/p that are right
        let (p, mut x, mut round) = (Self::P[0], 1u64, 0);
        while round < 6 {
            x = x.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(x)));
            round += 1;
        }
        x.wrapping_neg() & MASK
    };
    /// (p·INVERSE + 1) / 2^52: to add q·INVERSE·p to a number whose lowest limb is q and to shift it by a limb is to shift
    /// it and to add q·NEXT.
    pub(crate) const NEXT: [u64; 5] = {
        let (p, mut out, mut carry, mut i) = (Self::P, [0; 5], 1u128, 0);
        while i < 5 {
            carry += p[i] as u128 * Self::INVERSE as u128;
            if i > 0 {
                out[i - 1] = carry as u64 & MASK;
            }
            carry >>= 52;
            i += 1;
        }
        out[4] = carry as u64;
        out
    };
    /// 1.
    pub(crate) const ONE: [u64; 5] = Self::power_of_two(260);
    /// A product with it turns the form of R = 2^256 into that of R = 2^260.
    pub(crate) const FROM_256: [u64; 5] = Self::power_of_two(264);
    /// And back.
    pub(crate) const TO_256: [u64; 5] = Self::power_of_two(256);
    /// β.
    pub(crate) const BETA: [u64; 5] = {
        let (mut x, mut i) = (C::BETA, 0);
        while i < 260 {
            x = twice(&x, &C::MODULUS);
            i += 1;
        }
        to_52(&x)
    };
    /// 0, p, 2p and so on.
    pub(crate) const MULTIPLES: [[u64; 5]; 16] = {
        let mut out = [[0; 5]; 16];
        let mut k = 1;
        while k < 16 {
            let (mut carry, mut i) = (0, 0);
            while i < 5 {
                let sum = out[k - 1][i] + Self::P[i] + carry;
                (out[k][i], carry) = if i < 4 { (sum & MASK, sum >> 52) } else { (sum, 0) };
                i += 1;
            }
            k += 1;
        }
        out
    };
    /// What the bounds rest on: CAPACITY·p < 2^260, and so is all that the operations allow; p > 2^253, of which the lower
    /// four limbs are little; and INVERSE is right.
    const SOUND: bool = (Self::P[4] + 1) * CAPACITY as u64 <= 1 << 52
        && Self::P[4] > 1 << 45
        && Self::P[0].wrapping_mul(Self::INVERSE).wrapping_add(1) & MASK == 0;

    /// 2^n modulo p.
    const fn power_of_two(n: u32) -> [u64; 5] {
        let (mut x, mut i) = ([1, 0, 0, 0], 0);
        while i < n {
            x = twice(&x, &C::MODULUS);
            i += 1;
        }
        to_52(&x)
    }
}

/// 2x modulo p, for x below p and p below 2^255.
const fn twice(x: &[u64; 4], p: &[u64; 4]) -> [u64; 4] {
    let double = doubled(x);
    let (less, below) = curve::difference(&double, p);
    if below { double } else { less }
}

/// Limbs of 64 bits as limbs of 52.
pub(crate) const fn to_52(x: &[u64; 4]) -> [u64; 5] {
    [
        x[0] & MASK,
        (x[0] >> 52 | x[1] << 12) & MASK,
        (x[1] >> 40 | x[2] << 24) & MASK,
        (x[2] >> 28 | x[3] << 36) & MASK,
        x[3] >> 16,
    ]
}

/// Eight numbers below B·p/32, limbs below 2^52.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Lanes<C, const B: u32>(pub(crate) [V; 5], PhantomData<C>);

/// Eight numbers from 0 to below B·p/32, limbs not carried: signed words of less than 2^60, the highest of them from 0 to
/// below 2^52.
#[derive(Clone, Copy)]
pub(crate) struct Loose<C, const B: u32>(pub(crate) [V; 5], PhantomData<C>);

impl<C: Curve, const B: u32> Lanes<C, B> {
    /// Whether the numbers fit five limbs.
    const FITS: bool = Modulus::<C>::SOUND && B <= UNIT * CAPACITY;

    vector! {
        /// Eight times one number, given in limbs of 52 bits and below B·p/32.
        pub(crate) fn splat(limbs: &[u64; 5]) -> Self {
            const { assert!(Self::FITS) };
            Self(splat_limbs(limbs), PhantomData)
        }

        pub(crate) fn loose(&self) -> Loose<C, B> {
            Loose(self.0, PhantomData)
        }

        /// The product; `R` is its bound.
        pub(crate) fn times<const D: u32, const R: u32>(&self, other: &Lanes<C, D>) -> Loose<C, R> {
            const { assert!(Self::FITS && Lanes::<C, D>::FITS && R >= product(B, D)) };
            Loose(multiply::<C>(&self.0, &other.0), PhantomData)
        }

        /// The square.
        pub(crate) fn squared<const R: u32>(&self) -> Loose<C, R> {
            const { assert!(Self::FITS && R >= product(B, B)) };
            Loose(square::<C>(&self.0), PhantomData)
        }

        /// The sum.
        pub(crate) fn plus<const D: u32, const R: u32>(&self, other: &Lanes<C, D>) -> Loose<C, R> {
            self.loose().plus(&other.loose())
        }

        /// The difference; `R` is its bound.
        pub(crate) fn minus<const D: u32, const R: u32>(&self, other: &Lanes<C, D>) -> Loose<C, R> {
            self.loose().minus(&other.loose())
        }

        /// −1 times those that `mask` names.
        pub(crate) fn negated<const R: u32>(&self, mask: u8) -> Lanes<C, R> {
            const { assert!(R >= B && R > multiple(B) as u32 * UNIT) };
            let mut t = self.0;
            for i in 0..5 {
                t[i] = _mm512_mask_sub_epi64(t[i], mask, splat(Modulus::<C>::MULTIPLES[multiple(B)][i]), t[i]);
            }
            Loose::<C, R>(t, PhantomData).carried()
        }

        /// `other` where `mask` says so.
        pub(crate) fn or_where(&self, mask: u8, other: &Self) -> Self {
            let mut t = self.0;
            for i in 0..5 {
                t[i] = _mm512_mask_mov_epi64(t[i], mask, other.0[i]);
            }
            Self(t, PhantomData)
        }

        /// Those whose number is exactly `limbs`.
        pub(crate) fn equal(&self, limbs: &[u64; 5]) -> u8 {
            let mut mask = 0xff;
            for i in 0..5 {
                mask &= _mm512_cmpeq_epi64_mask(self.0[i], splat(limbs[i]));
            }
            mask
        }

        /// Those that stand for 0.
        pub(crate) fn zeros(&self) -> u8 {
            const { assert!(B < 2 * UNIT) };
            self.equal(&[0; 5]) | self.equal(&Modulus::<C>::P)
        }

        /// Numbers below B·p/32, given as four vectors of limbs of 64 bits.
        pub(crate) fn from_64(x: [V; 4]) -> Self {
            const { assert!(Self::FITS) };
            let mask = splat(MASK);
            Self(
                [
                    _mm512_and_si512(x[0], mask),
                    _mm512_and_si512(_mm512_shrdi_epi64::<52>(x[0], x[1]), mask),
                    _mm512_and_si512(_mm512_shrdi_epi64::<40>(x[1], x[2]), mask),
                    _mm512_and_si512(_mm512_shrdi_epi64::<28>(x[2], x[3]), mask),
                    _mm512_srli_epi64::<16>(x[3]),
                ],
                PhantomData,
            )
        }

        /// As four vectors of limbs of 64 bits.
        pub(crate) fn words(&self) -> [V; 4] {
            const { assert!(B <= 5 * UNIT, "the numbers do not fit four limbs") };
            let x = &self.0;
            [
                _mm512_or_si512(x[0], _mm512_slli_epi64::<52>(x[1])),
                _mm512_or_si512(_mm512_srli_epi64::<12>(x[1]), _mm512_slli_epi64::<40>(x[2])),
                _mm512_or_si512(_mm512_srli_epi64::<24>(x[2]), _mm512_slli_epi64::<28>(x[3])),
                _mm512_or_si512(_mm512_srli_epi64::<36>(x[3]), _mm512_slli_epi64::<16>(x[4])),
            ]
        }

        /// Each exchanged with its neighbour at distance 1, 2 or 4.
        pub(crate) fn exchanged<const DISTANCE: usize>(&self) -> Self {
            let mut t = self.0;
            for x in &mut t {
                *x = match DISTANCE {
                    1 => _mm512_permutex_epi64::<0b10_11_00_01>(*x),
                    2 => _mm512_permutex_epi64::<0b01_00_11_10>(*x),
                    _ => _mm512_shuffle_i64x2::<0b01_00_11_10>(*x, *x),
                };
            }
            Self(t, PhantomData)
        }

        /// The same numbers under a larger bound.
        pub(crate) fn widened<const R: u32>(&self) -> Lanes<C, R> {
            const { assert!(R >= B) };
            Lanes(self.0, PhantomData)
        }
    }
}

impl<C: Curve, const B: u32> Loose<C, B> {
    vector! {
        pub(crate) fn zero() -> Self {
            Self([_mm512_setzero_si512(); 5], PhantomData)
        }

        pub(crate) fn plus<const D: u32, const R: u32>(&self, other: &Loose<C, D>) -> Loose<C, R> {
            const { assert!(R >= B + D && R <= UNIT * CAPACITY) };
            let mut t = self.0;
            for i in 0..5 {
                t[i] = _mm512_add_epi64(t[i], other.0[i]);
            }
            Loose(t, PhantomData)
        }

        /// The difference: a − b + k·p, with the k that follows from the bound of b. The result is p/32 at least, so
        /// that its highest limb is positive before it is carried.
        pub(crate) fn minus<const D: u32, const R: u32>(&self, other: &Loose<C, D>) -> Loose<C, R> {
            const { assert!(R >= difference(B, D) && R <= UNIT * CAPACITY && multiple(D) < 16) };
            let mut t = self.0;
            for i in 0..5 {
                let raised = _mm512_add_epi64(t[i], splat(Modulus::<C>::MULTIPLES[multiple(D)][i]));
                t[i] = _mm512_sub_epi64(raised, other.0[i]);
            }
            Loose(t, PhantomData)
        }

        /// The same numbers under a bound that their origin gives and that the types do not see.
        pub(crate) fn known_below<const R: u32>(&self) -> Loose<C, R> {
            const { assert!(R <= B) };
            Loose(self.0, PhantomData)
        }

        /// The same numbers under a larger bound.
        pub(crate) fn widened<const R: u32>(&self) -> Loose<C, R> {
            const { assert!(R >= B) };
            Loose(self.0, PhantomData)
        }

        pub(crate) fn carried(&self) -> Lanes<C, B> {
            const { assert!(Lanes::<C, B>::FITS) };
            let (mut t, mask) = (self.0, splat(MASK));
            for i in 0..4 {
                t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64::<52>(t[i]));
                t[i] = _mm512_and_si512(t[i], mask);
            }
            Lanes(t, PhantomData)
        }

        /// Less than 1.0625·p of the same class: q·p is taken off, where q is the quotient by p, estimated from the highest
        /// limb. The estimate is never too high, and too low by less than 1 + 0.0077·8.
        pub(crate) fn reduced(&self) -> Lanes<C, REDUCED> {
            const { assert!(B <= 8 * UNIT, "no more than seven times p can be taken off") };
            // t4 · 84 / 2^52, and 84 / 2^52 is below 1 / p4
            let q = _mm512_madd52hi_epu64(_mm512_setzero_si512(), self.0[4], splat(CAPACITY as u64));
            let mut t = self.0;
            for i in 0..5 {
                let m = &Modulus::<C>::MULTIPLES;
                let row = _mm512_set_epi64(
                    m[7][i] as i64, m[6][i] as i64, m[5][i] as i64, m[4][i] as i64,
                    m[3][i] as i64, m[2][i] as i64, m[1][i] as i64, 0,
                );
                t[i] = _mm512_sub_epi64(t[i], _mm512_permutexvar_epi64(q, row));
            }
            Loose::<C, REDUCED>(t, PhantomData).carried()
        }

        /// Half of each; limbs must not be negative, as those of sums and products of [`Lanes`] are.
        pub(crate) fn halved<const R: u32>(&self) -> Lanes<C, R> {
            const { assert!(R >= B.div_ceil(2) + UNIT / 2) };
            let one = splat(1);
            let odd = _mm512_test_epi64_mask(self.0[0], one);
            let mut even = self.0;
            for i in 0..5 {
                even[i] = _mm512_mask_add_epi64(even[i], odd, even[i], splat(Modulus::<C>::P[i]));
            }
            let mut t = even;
            for i in 0..5 {
                t[i] = _mm512_srli_epi64::<1>(even[i]);
                if i < 4 {
                    t[i] = _mm512_add_epi64(t[i], _mm512_slli_epi64::<51>(_mm512_and_si512(even[i + 1], one)));
                }
            }
            Loose::<C, R>(t, PhantomData).carried()
        }
    }
}

vector! {
    pub(crate) fn splat(x: u64) -> V {
        _mm512_set1_epi64(x as i64)
    }

    fn splat_limbs(x: &[u64; 5]) -> [V; 5] {
        [splat(x[0]), splat(x[1]), splat(x[2]), splat(x[3]), splat(x[4])]
    }

    fn low(sum: V, a: V, b: V) -> V {
        _mm512_madd52lo_epu64(sum, a, b)
    }

    fn high(sum: V, a: V, b: V) -> V {
        _mm512_madd52hi_epu64(sum, a, b)
    }

    /// The Montgomery product, limbs below 2^57.
    fn multiply<C: Curve>(a: &[V; 5], b: &[V; 5]) -> [V; 5] {
        let zero = _mm512_setzero_si512();
        let next = splat_limbs(&Modulus::<C>::NEXT);
        let mut t = [zero; 6];
        for b in &b[..4] {
            let mut n = [zero; 6];
            let q = low(t[0], a[0], *b);
            n[0] = low(t[1], a[1], *b);
            n[1] = low(t[2], a[2], *b);
            n[2] = low(t[3], a[3], *b);
            n[3] = low(t[4], a[4], *b);
            n[0] = high(n[0], a[0], *b);
            n[1] = high(n[1], a[1], *b);
            n[2] = high(n[2], a[2], *b);
            n[3] = high(n[3], a[3], *b);
            n[4] = high(t[5], a[4], *b);
            n[0] = _mm512_add_epi64(n[0], _mm512_srli_epi64::<52>(q));
            n[0] = low(n[0], q, next[0]);
            n[1] = low(n[1], q, next[1]);
            n[2] = low(n[2], q, next[2]);
            n[3] = low(n[3], q, next[3]);
            n[4] = low(n[4], q, next[4]);
            n[1] = high(n[1], q, next[0]);
            n[2] = high(n[2], q, next[1]);
            n[3] = high(n[3], q, next[2]);
            n[4] = high(n[4], q, next[3]);
            n[5] = high(zero, q, next[4]);
            t = n;
        }
        let b = b[4];
        t[0] = low(t[0], a[0], b);
        for i in 1..5 {
            t[i] = low(t[i], a[i], b);
        }
        for i in 0..5 {
            t[i + 1] = high(t[i + 1], a[i], b);
        }
        last_limb::<C>(t)
    }

    /// The Montgomery square, limbs below 2^57.
    fn square<C: Curve>(a: &[V; 5]) -> [V; 5] {
        let zero = _mm512_setzero_si512();
        let next = splat_limbs(&Modulus::<C>::NEXT);
        let mut t = [zero; 10];
        for i in 0..5 {
            for j in i + 1..5 {
                t[i + j] = low(t[i + j], a[i], a[j]);
                t[i + j + 1] = high(t[i + j + 1], a[i], a[j]);
            }
        }
        for t in &mut t[1..9] {
            *t = _mm512_add_epi64(*t, *t);
        }
        for i in 0..5 {
            t[2 * i] = low(t[2 * i], a[i], a[i]);
            t[2 * i + 1] = high(t[2 * i + 1], a[i], a[i]);
        }
        for i in 0..4 {
            let q = t[i];
            t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<52>(q));
            for j in 0..5 {
                t[i + 1 + j] = low(t[i + 1 + j], q, next[j]);
            }
            for j in 0..5 {
                t[i + 2 + j] = high(t[i + 2 + j], q, next[j]);
            }
        }
        last_limb::<C>([t[4], t[5], t[6], t[7], t[8], t[9]])
    }

    /// (t + q·p) / 2^52 for the q below 2^52 that makes it whole. The four limbs before were removed with a larger q.
    fn last_limb<C: Curve>(mut t: [V; 6]) -> [V; 5] {
        let p = splat_limbs(&Modulus::<C>::P);
        let q = low(_mm512_setzero_si512(), t[0], splat(Modulus::<C>::INVERSE));
        // t0 and the lowest limb of q·p are together 0 modulo 2^52, so what they carry is t0 / 2^52 rounded up
        t[1] = _mm512_add_epi64(t[1], _mm512_srli_epi64::<52>(_mm512_add_epi64(t[0], splat(MASK))));
        for i in 0..5 {
            t[i + 1] = high(t[i + 1], q, p[i]);
        }
        for i in 1..5 {
            t[i] = low(t[i], q, p[i]);
        }
        [t[1], t[2], t[3], t[4], t[5]]
    }
}
