//! Scalars as signed digits: k = Σ d·2^(w·width) for both halves of each scalar.

use ff::PrimeField;
use rayon::prelude::*;

use crate::curve::{Curve, limbs};

/// Bits of the halves of a scalar, with their sign and one to spare.
const HALF_BITS: usize = 128;
/// Scalars that are split at a time. Their digits lie together: by windows, in a window the first halves, then the second.
const CHUNK: usize = 4096;

/// The digits of many scalars.
pub(crate) struct Digits {
    /// Bits of a digit.
    pub width: usize,
    /// Digits of half a scalar.
    pub windows: usize,
    scalars: usize,
    digits: Vec<i16>,
}

/// How many bits of a scalar's halves need digits: its own for a number below 2^64, else those of both halves.
fn bits<F: PrimeField>(scalar: &F) -> usize {
    let [low, rest @ ..] = limbs(scalar);
    if rest == [0; 3] { 64 - low.leading_zeros() as usize } else { 2 * HALF_BITS }
}

/// The width for which there is least to add, judged by some of the scalars.
fn best_width<F: PrimeField>(scalars: &[F]) -> usize {
    /// The number of scalars that are examined.
    const SAMPLE: usize = 512;
    // at places that no period of a witness meets: multiples of the golden ratio
    let place = |i: u64| ((u128::from(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)) * scalars.len() as u128) >> 64) as usize;
    let sample: Vec<_> = (0..SAMPLE.min(scalars.len())).map(|i| bits(&scalars[place(i as u64)])).collect();
    let cost = |width: &usize| {
        let digits =
            sample.iter().map(|bits| bits.div_ceil(*width)).sum::<usize>() * scalars.len() / sample.len().max(1);
        // a bucket costs about 2.5 additions when the buckets are summed
        2 * digits + 5 * (HALF_BITS.div_ceil(*width) << (width - 1))
    };
    [16, 13, 11, 10, 8, 6, 4].into_iter().min_by_key(cost).unwrap_or(16)
}

impl Digits {
    /// The digits of `scalars`, all 0 for those that `skipped` names.
    pub(crate) fn new<C: Curve>(scalars: &[C::Scalar], skipped: impl Fn(usize) -> bool + Sync) -> Self {
        let width = best_width(scalars);
        let windows = HALF_BITS.div_ceil(width);
        let mut digits = vec![0; scalars.len().div_ceil(CHUNK) * windows * 2 * CHUNK];
        let places = digits.par_chunks_mut(windows * 2 * CHUNK);
        places.zip(scalars.par_chunks(CHUNK)).enumerate().for_each(|(chunk, (place, scalars))| {
            for (i, scalar) in scalars.iter().enumerate() {
                if skipped(chunk * CHUNK + i) {
                    continue;
                }
                let k = limbs(scalar);
                let small = k[1] | k[2] | k[3] == 0;
                let (first, second) = if small { (i128::from(k[0]), 0) } else { C::LATTICE.split(&k) };
                for (half, k) in [first, second].into_iter().enumerate() {
                    write(k, width, windows, |window, digit| place[(2 * window + half) * CHUNK + i] = digit);
                }
            }
        });
        Self { width, windows, scalars: scalars.len(), digits }
    }

    /// Runs of digits of one window, each with the half that it belongs to and the number of its first scalar.
    pub(crate) fn window(&self, window: usize) -> impl Iterator<Item = (usize, usize, &[i16])> {
        let chunks = self.digits.chunks(self.windows * 2 * CHUNK).enumerate();
        chunks.flat_map(move |(chunk, digits)| {
            let first = chunk * CHUNK;
            let length = CHUNK.min(self.scalars - first);
            (0..2).map(move |half| (half, first, &digits[(2 * window + half) * CHUNK..][..length]))
        })
    }
}

/// The digits of k, each at least −2^(width − 1) and below 2^(width − 1), but for the last, which holds what is left.
#[inline(always)]
fn write(mut k: i128, width: usize, windows: usize, mut digit: impl FnMut(usize, i16)) {
    for window in 0..windows {
        if k == 0 {
            break;
        }
        let bits = 64 - width as u32;
        // the lowest bits with their sign
        let low = if window + 1 == windows { k as i64 } else { (k as i64) << bits >> bits };
        digit(window, low as i16);
        k = (k - i128::from(low)) >> width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_give_the_number_back_and_fit_their_buckets() {
        let largest = crate::glv::MOST as i128;
        let mut numbers = vec![0, 1, -1, largest, -largest, 1 << 125, -(1 << 125), i128::from(u64::MAX)];
        numbers.extend((0..200).map(|i| (largest / 201 * i) ^ (i << 17)));
        for width in [16, 13, 11, 10, 8, 6, 4] {
            let windows = HALF_BITS.div_ceil(width);
            for k in &numbers {
                let mut sum = 0i128;
                write(*k, width, windows, |window, digit| {
                    assert!(digit.unsigned_abs() <= 1 << (width - 1), "{k} {width} {window} {digit}");
                    sum = sum.wrapping_add(i128::from(digit) << (window * width));
                });
                assert_eq!(sum, *k, "{width}");
            }
        }
    }
}
