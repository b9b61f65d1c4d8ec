//! The fold of generators, eight pairs at a time under one schedule. Sums are kept in Jacobian coordinates. An exceptional
//! addition (of equal or opposite points, or of the identity) makes Z zero, and Z stays zero from then on: one look at the
//! end finds the lanes that need other arithmetic.

use core::arch::x86_64::*;

use halo2curves::{group::Curve as _, serde::SerdeObject};
use rayon::prelude::*;

use super::{
    lanes::{Lanes, Loose, Modulus, V},
    points::{
        Coordinate, Gap, PRODUCT, Product, Signed, Vector, chord, inverted, load, raw, reduce_once, store, to_array,
    },
};
use crate::{
    curve::Curve,
    fold::{Schedule, schedule},
};

/// The bounds of X and Y that hold in every round.
const X: u32 = 400;
const Y: u32 = 227;

/// Eight points (X / Z², Y / Z³).
#[derive(Clone, Copy)]
struct Jacobian<C> {
    x: Lanes<C, X>,
    y: Lanes<C, Y>,
    z: Product<C>,
}

/// Eight pairs, and what the way back through the block needs of them.
#[derive(Clone, Copy)]
struct Pair<C> {
    left: (Coordinate<C>, Coordinate<C>),
    right: (Coordinate<C>, Coordinate<C>),
    gap: Gap<C>,
    before: Product<C>,
    /// Lanes that need other arithmetic.
    apart: u8,
}

/// a·left + b·right for each pair.
pub(crate) fn fold<C: Curve>(
    _: Vector<C>,
    a: &C::Scalar,
    b: &C::Scalar,
    left: &[C::Affine],
    right: &[C::Affine],
) -> Vec<C::Affine> {
    /// Pairs that share an inversion, at most.
    const BLOCK: usize = 256;
    let schedule = schedule::<C>(a, b);
    let mut folded = vec![C::Affine::default(); left.len()];
    if schedule.is_empty() {
        return folded;
    }
    let share = left.len().div_ceil(rayon::current_num_threads()).next_multiple_of(8).clamp(8, BLOCK);
    let blocks = folded.par_chunks_mut(share).zip(left.par_chunks(share).zip(right.par_chunks(share)));
    blocks.for_each(|(folded, (left, right))| {
        // SAFETY: a `Vector` exists only where `available` found the instructions that the function needs
        #[allow(unsafe_code)]
        let apart = unsafe { block::<C>(&schedule, left, right, folded) };
        for i in apart {
            folded[i] = (left[i] * *a + right[i] * *b).to_affine();
        }
    });
    folded
}

vector! {
    fn double<C: Curve>(p: &Jacobian<C>) -> Jacobian<C> {
        let x2: Loose<C, 124> = p.x.squared();
        // 3·x² / 2, so that all else is halved with it
        let e: Lanes<C, 202> = x2.plus::<124, 248>(&x2).plus::<124, 372>(&x2).halved();
        let b: Lanes<C, 84> = p.y.squared().carried();
        let xb: Lanes<C, 77> = p.x.times(&b).carried();
        let twice: Loose<C, 154> = xb.plus(&xb);
        let x: Lanes<C, X> = e.squared::<80>().minus::<154, X>(&twice).carried();
        let run: Lanes<C, 493> = xb.minus(&x).carried();
        let b2: Loose<C, 67> = b.squared();
        let y: Lanes<C, Y> = e.times::<493, 102>(&run).minus::<67, Y>(&b2).carried();
        Jacobian { x, y, z: p.y.times(&p.z).carried() }
    }

    /// The sum of p and of an affine point or its negative.
    fn add<C: Curve>(p: &Jacobian<C>, x: &Product<C>, y: &Coordinate<C>, negative: bool) -> Jacobian<C> {
        let z2: Lanes<C, 67> = p.z.squared().carried();
        let z3: Lanes<C, 66> = p.z.times(&z2).carried();
        let h: Lanes<C, 482> = x.times::<67, 66>(&z2).minus::<X, 482>(&p.x.loose()).carried();
        let height: Loose<C, 65> = y.times(&z3);
        let height: Loose<C, 97> = if negative { Loose::<C, 1>::zero().minus(&height) } else { height.widened() };
        let r: Lanes<C, 353> = height.minus::<Y, 353>(&p.y.loose()).carried();
        let h2: Lanes<C, 151> = h.squared().carried();
        let h3: Lanes<C, 92> = h.times(&h2).carried();
        let v: Lanes<C, 87> = p.x.times(&h2).carried();
        let off: Loose<C, 266> = v.plus::<87, 174>(&v).plus(&h3.loose());
        let x: Lanes<C, X> = r.squared::<111>().minus::<266, X>(&off).carried();
        let run: Lanes<C, 503> = v.minus(&x).carried();
        let fall: Loose<C, 72> = p.y.times(&h3);
        let y: Lanes<C, Y> = r.times::<503, 131>(&run).minus::<72, Y>(&fall).carried();
        Jacobian { x, y, z: p.z.times(&h).carried() }
    }

    fn read<C: Curve>(points: &[C::Affine]) -> (Lanes<C, 32>, Lanes<C, 32>) {
        let mut rows = [_mm512_setzero_si512(); 8];
        for (row, point) in rows.iter_mut().zip(points) {
            *row = raw::<C>(point);
        }
        load(rows)
    }

    /// Folds a block of pairs; `left`, `right` and `folded` have one length. Returns the pairs that need other arithmetic.
    fn block<C: Curve>(
        schedule: &Schedule,
        left: &[C::Affine],
        right: &[C::Affine],
        folded: &mut [C::Affine],
    ) -> Vec<usize> {
        let one = Product::<C>::splat(&Modulus::<C>::ONE);
        let form = Lanes::<C, 32>::splat(&Modulus::<C>::FROM_256);
        let beta = Lanes::<C, 32>::splat(&Modulus::<C>::BETA);
        let form_back = Lanes::<C, 32>::splat(&Modulus::<C>::TO_256);
        let mut pairs: Vec<Pair<C>> = Vec::with_capacity(left.len().div_ceil(8));
        let mut all = one;
        for (left, right) in left.chunks(8).zip(right.chunks(8)) {
            let ((lx, ly), (rx, ry)) = (read::<C>(left), read::<C>(right));
            let identity = (lx.zeros() & ly.zeros()) | (rx.zeros() & ry.zeros());
            let [lx, ly, rx, ry] = [lx, ly, rx, ry].map(|c| c.times::<32, PRODUCT>(&form));
            let (lx, ly, rx, ry) = (lx.reduced(), ly.reduced(), rx.reduced(), ry.reduced());
            let gap: Gap<C> = rx.minus(&lx).carried();
            // equal x: neither L + R nor L − R by the chord
            let apart = identity | gap.loose().reduced().zeros();
            let gap = gap.or_where(apart, &Gap::splat(&Modulus::<C>::ONE));
            pairs.push(Pair { left: (lx, ly), right: (rx, ry), gap, before: all, apart });
            all = all.times(&gap).carried();
        }
        let mut inverse = inverted::<C>(&all).expect("no gap is 0");
        let mut results: Vec<(Jacobian<C>, Product<C>)> = Vec::with_capacity(pairs.len());
        let mut all = one;
        for pair in pairs.iter_mut().rev() {
            let own: Product<C> = inverse.times(&pair.before).carried();
            inverse = inverse.times(&pair.gap).carried();
            let ((lx, ly), (rx, ry)) = (pair.left, pair.right);
            let (first, second): (Signed<C>, Signed<C>) = (ly.widened(), ry.widened());
            let plus = chord::<C>(&own, &pair.gap, &lx, &first, &second);
            let minus = chord::<C>(&own, &pair.gap, &lx, &first, &ry.negated(0xff));
            let (x, y) = ([lx, rx, plus.0, minus.0], [ly, ry, plus.1, minus.1]);
            let mut places = [one; 8];
            for i in 0..4 {
                places[i] = x[i].widened();
                places[i + 4] = x[i].times(&beta).carried();
            }
            let mut sum: Option<Jacobian<C>> = None;
            for additions in schedule {
                if let Some(sum) = &mut sum {
                    *sum = double(sum);
                }
                for addition in additions {
                    let x = &places[addition.operand + if addition.image { 4 } else { 0 }];
                    let y = &y[addition.operand];
                    sum = Some(match &sum {
                        Some(sum) => add(sum, x, y, addition.negative),
                        None => {
                            let y: Signed<C> = y.negated(if addition.negative { 0xff } else { 0 });
                            Jacobian { x: x.widened(), y: y.widened(), z: one }
                        }
                    });
                }
            }
            let mut sum = sum.expect("a schedule has an addition");
            pair.apart |= sum.z.loose().reduced().zeros();
            sum.z = sum.z.or_where(pair.apart, &one);
            results.push((sum, all));
            all = all.times(&sum.z).carried();
        }
        let mut inverse = inverted::<C>(&all).expect("no Z is 0");
        let mut apart = Vec::new();
        // results lie in the reverse order of the pairs
        let ends = folded.chunks_mut(8).zip(&pairs).zip(results.iter().rev()).enumerate();
        for (group, ((folded, pair), (sum, before))) in ends {
            let own: Product<C> = inverse.times(before).carried();
            inverse = inverse.times(&sum.z).carried();
            let square: Product<C> = own.squared().carried();
            let x: Product<C> = sum.x.times(&square).carried();
            let cube: Product<C> = own.times(&square).carried();
            let y: Product<C> = sum.y.times(&cube).carried();
            let x = x.times::<32, PRODUCT>(&form_back).reduced();
            let y = y.times::<32, PRODUCT>(&form_back).reduced();
            for (j, (point, folded)) in store(&x, &y).into_iter().zip(folded).enumerate() {
                if pair.apart >> j & 1 == 1 {
                    apart.push(8 * group + j);
                } else {
                    *folded = canonical::<C>(point);
                }
            }
        }
        apart
    }
}

/// A point whose coordinates in halo2curves' form are below 2p.
fn canonical<C: Curve>(point: V) -> C::Affine {
    let mut limbs = to_array(point);
    let [x, y] = limbs.as_chunks_mut().0 else { unreachable!("eight limbs are two coordinates") };
    reduce_once::<C>(x);
    reduce_once::<C>(y);
    let bytes: [u8; 64] = bytemuck::cast(limbs);
    C::Affine::from_raw_bytes_unchecked(&bytes)
}
