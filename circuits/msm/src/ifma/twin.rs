//! What one lane does, in ordinary integers: every routine of [`super::lanes`] again, limb for limb, so that the vector code can
//! be compared with it and its bounds be tried without a vector processor. For tests.

use super::lanes::{MASK, Modulus};
use crate::curve::Curve;

pub(crate) type Limbs = [u64; 5];

fn low(sum: u64, a: u64, b: u64) -> u64 {
    sum.wrapping_add((u128::from(a & MASK) * u128::from(b & MASK)) as u64 & MASK)
}

fn high(sum: u64, a: u64, b: u64) -> u64 {
    sum.wrapping_add(((u128::from(a & MASK) * u128::from(b & MASK)) >> 52) as u64)
}

pub(crate) fn carried(mut t: Limbs) -> Limbs {
    for i in 0..4 {
        t[i + 1] = t[i + 1].wrapping_add((t[i] as i64 >> 52) as u64);
        t[i] &= MASK;
    }
    t
}

pub(crate) fn sum(a: Limbs, b: Limbs) -> Limbs {
    std::array::from_fn(|i| a[i].wrapping_add(b[i]))
}

/// a − b + multiple·p.
pub(crate) fn difference<C: Curve>(a: Limbs, b: Limbs, multiple: usize) -> Limbs {
    std::array::from_fn(|i| a[i].wrapping_add(Modulus::<C>::MULTIPLES[multiple][i]).wrapping_sub(b[i]))
}

pub(crate) fn product<C: Curve>(a: Limbs, b: Limbs) -> Limbs {
    let mut t = [0; 6];
    for b in &b[..4] {
        let q = low(t[0], a[0], *b);
        let mut n = [0; 6];
        for i in 0..4 {
            n[i] = high(low(t[i + 1], a[i + 1], *b), a[i], *b);
        }
        n[4] = high(t[5], a[4], *b);
        t = without_limb::<C>(n, q);
    }
    for i in 0..5 {
        t[i] = low(t[i], a[i], b[4]);
    }
    for i in 0..5 {
        t[i + 1] = high(t[i + 1], a[i], b[4]);
    }
    last_limb::<C>(t)
}

pub(crate) fn square<C: Curve>(a: Limbs) -> Limbs {
    let mut t = [0u64; 10];
    for i in 0..5 {
        for j in i + 1..5 {
            t[i + j] = low(t[i + j], a[i], a[j]);
            t[i + j + 1] = high(t[i + j + 1], a[i], a[j]);
        }
    }
    for t in &mut t {
        *t *= 2;
    }
    for i in 0..5 {
        t[2 * i] = low(t[2 * i], a[i], a[i]);
        t[2 * i + 1] = high(t[2 * i + 1], a[i], a[i]);
    }
    for i in 0..4 {
        let rest: [u64; 6] = std::array::from_fn(|j| t[i + 1 + j]);
        let rest = without_limb::<C>(rest, t[i]);
        t[i + 1..i + 7].copy_from_slice(&rest);
    }
    last_limb::<C>(std::array::from_fn(|i| t[i + 4]))
}

/// The limbs above one limb q, and q·NEXT for it.
fn without_limb<C: Curve>(mut t: [u64; 6], q: u64) -> [u64; 6] {
    t[0] = t[0].wrapping_add(q >> 52);
    for (i, next) in Modulus::<C>::NEXT.into_iter().enumerate() {
        t[i] = low(t[i], q, next);
        t[i + 1] = high(t[i + 1], q, next);
    }
    t
}

fn last_limb<C: Curve>(mut t: [u64; 6]) -> Limbs {
    let q = low(0, t[0], Modulus::<C>::INVERSE);
    t[1] = t[1].wrapping_add(t[0].wrapping_add(MASK) >> 52);
    for (i, p) in Modulus::<C>::P.into_iter().enumerate() {
        t[i + 1] = high(t[i + 1], q, p);
        if i > 0 {
            t[i] = low(t[i], q, p);
        }
    }
    [t[1], t[2], t[3], t[4], t[5]]
}

pub(crate) fn reduced<C: Curve>(t: Limbs) -> Limbs {
    let q = high(0, t[4], 84) as usize;
    carried(std::array::from_fn(|i| t[i].wrapping_sub(Modulus::<C>::MULTIPLES[q][i])))
}

pub(crate) fn halved<C: Curve>(t: Limbs) -> Limbs {
    let odd = t[0] & 1;
    let even: Limbs = std::array::from_fn(|i| t[i] + odd * Modulus::<C>::P[i]);
    carried(std::array::from_fn(|i| (even[i] >> 1) + (even.get(i + 1).map_or(0, |next| next & 1) << 51)))
}
