//! a·L + b·R for many pairs of points and one pair of scalars, as the inner-product argument folds its generators.
//!
//! Both scalars are split by the endomorphism and written in joint sparse form, so that one schedule of doublings and additions
//! serves all pairs: about 127 doublings and as many additions of L, R, L + R, L − R and their images.

use halo2curves::group::Curve as _;
use rayon::prelude::*;

use crate::curve::{Curve, element, limbs};

/// An addition: which of L, R, L + R and L − R, whether its image under the endomorphism, and whether its negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addition {
    pub operand: usize,
    pub image: bool,
    pub negative: bool,
}

/// What follows each doubling, from the highest digit on.
pub(crate) type Schedule = Vec<Vec<Addition>>;

/// The joint sparse form of a and b (Solinas 2001), lowest digits first: each −1, 0 or 1, and at least every second pair (0, 0)
/// on average.
fn joint_sparse_form(a: i128, b: i128) -> Vec<(i8, i8)> {
    let sign = |k: i128| if k < 0 { -1 } else { 1 };
    let mut left = [a.unsigned_abs(), b.unsigned_abs()];
    let mut carries = [0u8; 2];
    let mut digits = Vec::with_capacity(129);
    while left != [0; 2] || carries != [0; 2] {
        let low = [0, 1].map(|i| ((left[i] & 7) as u8 + carries[i]) & 7);
        let digit = |own: u8, other: u8| match own {
            _ if own & 1 == 0 => 0,
            3 | 5 if other & 3 == 2 => (own & 3) as i8 - 2,
            _ => 2 - (own & 3) as i8,
        };
        let pair = [digit(low[0], low[1]), digit(low[1], low[0])];
        for i in 0..2 {
            if 2 * carries[i] as i8 == 1 + pair[i] {
                carries[i] = 1 - carries[i];
            }
            left[i] >>= 1;
        }
        digits.push((pair[0] * sign(a), pair[1] * sign(b)));
    }
    digits
}

/// The schedule of a·L + b·R; empty if both are 0.
pub(crate) fn schedule<C: Curve>(a: &C::Scalar, b: &C::Scalar) -> Schedule {
    let ((a1, a2), (b1, b2)) = (C::LATTICE.split(&limbs(a)), C::LATTICE.split(&limbs(b)));
    let (own, images) = (joint_sparse_form(a1, b1), joint_sparse_form(a2, b2));
    let addition = |digits: &[(i8, i8)], place: usize, image: bool| {
        let (operand, lead) = match *digits.get(place)? {
            (0, 0) => return None,
            (u, 0) => (0, u),
            (0, v) => (1, v),
            (u, v) => (if u == v { 2 } else { 3 }, u),
        };
        Some(Addition { operand, image, negative: lead < 0 })
    };
    let places = (0..own.len().max(images.len())).rev();
    places.map(|i| addition(&own, i, false).into_iter().chain(addition(&images, i, true)).collect()).collect()
}

/// a·left + b·right for each pair, by halo2curves' arithmetic.
pub(crate) fn portable<C: Curve>(
    a: &C::Scalar,
    b: &C::Scalar,
    left: &[C::Affine],
    right: &[C::Affine],
) -> Vec<C::Affine> {
    /// Pairs that share an inversion.
    const BLOCK: usize = 256;
    let schedule = schedule::<C>(a, b);
    let beta: C::Base = element(&C::BETA);
    let mut folded = vec![C::Affine::default(); left.len()];
    let blocks = folded.par_chunks_mut(BLOCK).zip(left.par_chunks(BLOCK).zip(right.par_chunks(BLOCK)));
    blocks.for_each(|(folded, (left, right))| {
        let pairs = left.iter().zip(right);
        let sums: Vec<C::Point> = pairs.flat_map(|(l, r)| [*l + *r, *l - *r]).collect();
        let mut sums_affine = vec![C::Affine::default(); sums.len()];
        C::Point::batch_normalize(&sums, &mut sums_affine);
        let results: Vec<C::Point> = left
            .iter()
            .zip(right)
            .zip(sums_affine.chunks_exact(2))
            .map(|((l, r), sums)| {
                let own = [*l, *r, sums[0], sums[1]];
                let images = own.map(|point| image::<C>(&point, beta));
                let mut sum = C::Point::default();
                for additions in &schedule {
                    sum = halo2curves::group::Group::double(&sum);
                    for Addition { operand, image, negative } in additions {
                        let point = if *image { images[*operand] } else { own[*operand] };
                        sum = if *negative { sum - point } else { sum + point };
                    }
                }
                sum
            })
            .collect();
        C::Point::batch_normalize(&results, folded);
    });
    folded
}

/// λ times a point.
fn image<C: Curve>(point: &C::Affine, beta: C::Base) -> C::Affine {
    use halo2curves::CurveAffine;
    let at = Option::<halo2curves::Coordinates<C::Affine>>::from(point.coordinates());
    at.and_then(|at| Option::from(C::Affine::from_xy(*at.x() * beta, *at.y()))).unwrap_or(*point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joint_sparse_forms_give_both_numbers_back_and_are_sparse() {
        let mut pairs = vec![(0, 0), (1, 0), (0, -1), (7, 5), (-3, 3), ((1 << 126) - 1, -(1 << 125))];
        pairs.extend((1..500).map(|i: i128| (i * i * 0x1234_5678_9abc_def1, (i << 90) - i * 977)));
        for (a, b) in pairs {
            let digits = joint_sparse_form(a, b);
            let value = |of: fn(&(i8, i8)) -> i8| digits.iter().rev().fold(0i128, |v, d| 2 * v + i128::from(of(d)));
            assert_eq!((value(|d| d.0), value(|d| d.1)), (a, b));
            // of any three neighbours one is (0, 0)
            assert!(digits.windows(3).all(|three| three.contains(&(0, 0))), "{a} {b}");
        }
    }
}
