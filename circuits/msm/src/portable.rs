//! The kernel for any processor: batched affine additions over halo2curves' field.

use std::marker::PhantomData;

use ff::{BatchInverter, Field};
use halo2curves::CurveAffine;

use crate::{
    curve::{Curve, element},
    kernel::{Kernel, Op, Upcoming},
    pages::{filled, in_threads, prefetch},
};

/// A point; zeros are the identity, which no point of either curve is.
#[derive(Clone, Copy)]
pub(crate) struct Point<F> {
    x: F,
    y: F,
}

/// What the way back through a batch needs of one addition.
#[derive(Clone, Copy)]
pub(crate) struct Kept<F> {
    pair: [Point<F>; 2],
    gap: F,
    /// The product of the gaps of all additions before in its chain.
    before: F,
}

/// The kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable<C>(PhantomData<C>);

impl<C> Portable<C> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Field> Point<F> {
    const IDENTITY: Self = Self { x: F::ZERO, y: F::ZERO };

    fn is_identity(&self) -> bool {
        self.x.is_zero_vartime() && self.y.is_zero_vartime()
    }

    fn signed(self, negative: bool) -> Self {
        if negative { Self { y: -self.y, ..self } } else { self }
    }
}

fn from_affine<C: Curve>(point: &C::Affine) -> Point<C::Base> {
    let coordinates = Option::<halo2curves::Coordinates<_>>::from(point.coordinates());
    coordinates.map_or(Point::IDENTITY, |at| Point { x: *at.x(), y: *at.y() })
}

fn to_affine<C: Curve>(point: Point<C::Base>) -> C::Affine {
    if point.is_identity() {
        return C::Affine::default();
    }
    let point = C::Affine::from_xy(point.x, point.y);
    Option::from(point).expect("sums of points of the curve lie on it")
}

/// The sum of a and b, whose x differ, from 1 / (xb − xa).
fn chord<F: Field>(inverse: F, a: Point<F>, b: Point<F>) -> Point<F> {
    let slope = (b.y - a.y) * inverse;
    let x = slope.square() - a.x - b.x;
    Point { x, y: slope * (a.x - x) - a.y }
}

/// Products that run side by side, so that one multiplication need not wait for another.
const CHAINS: usize = 4;

/// Sums of pairs of points whose x differ; false, with nothing written, if some are equal.
fn add_batch<F: Field>(
    pair: impl Fn(&Op) -> [Point<F>; 2],
    prefetch: impl Fn(&Op),
    ops: &[Op],
    sums: &mut [Point<F>],
    scratch: &mut Vec<Kept<F>>,
) -> bool {
    const AHEAD: usize = 16;
    scratch.clear();
    let mut all = [F::ONE; CHAINS];
    for (k, op) in ops.iter().enumerate() {
        if let Some(op) = ops.get(k + AHEAD) {
            prefetch(op);
        }
        let pair = pair(op);
        let gap = pair[1].x - pair[0].x;
        scratch.push(Kept { pair, gap, before: all[k % CHAINS] });
        all[k % CHAINS] *= gap;
    }
    let mut inverses = all;
    BatchInverter::invert_with_external_scratch(&mut inverses, &mut all);
    // what is 0 is left as it is
    if inverses.iter().any(F::is_zero_vartime) {
        return false;
    }
    for (k, (op, kept)) in ops.iter().zip(scratch.iter()).enumerate().rev() {
        let [a, b] = kept.pair;
        let inverse = &mut inverses[k % CHAINS];
        sums[op.to as usize] = chord(*inverse * kept.before, a, b);
        *inverse *= kept.gap;
    }
    true
}

impl<C: Curve> Kernel for Portable<C> {
    type Curve = C;
    type Point = Point<C::Base>;
    type Scratch = Vec<Kept<C::Base>>;

    fn identity(&self) -> Self::Point {
        Point::IDENTITY
    }

    fn is_identity(&self, point: &Self::Point) -> bool {
        point.is_identity()
    }

    fn prepare(&self, points: &[C::Affine]) -> Vec<Self::Point> {
        let beta: C::Base = element(&C::BETA);
        let mut prepared = filled(2 * points.len(), self.identity());
        let (own, images) = prepared.split_at_mut(points.len());
        in_threads(points, own, images, |points, own, images| {
            for ((point, own), image) in points.iter().zip(own).zip(images) {
                *own = from_affine::<C>(point);
                *image = Point { x: own.x * beta, y: own.y };
            }
        });
        prepared
    }

    fn to_affine(&self, point: Self::Point) -> C::Affine {
        to_affine::<C>(point)
    }

    fn negative(&self, point: Self::Point) -> Self::Point {
        point.signed(true)
    }

    fn add_signed(
        &self,
        table: &[Self::Point],
        entries: &[u32],
        ops: &[Op],
        sums: &mut [Self::Point],
        scratch: &mut Self::Scratch,
        _: &mut Upcoming,
    ) -> bool {
        let point = |entry: u32| table[(entry >> 1) as usize].signed(entry & 1 == 1);
        let pair = |op: &Op| [point(entries[op.at as usize]), point(entries[op.at as usize + 1])];
        let ahead = |op: &Op| {
            for entry in &entries[op.at as usize..op.at as usize + 2] {
                prefetch::<false, _>(table, (entry >> 1) as usize);
            }
        };
        add_batch(pair, ahead, ops, sums, scratch)
    }

    fn add_neighbours(
        &self,
        points: &[Self::Point],
        ops: &[Op],
        sums: &mut [Self::Point],
        scratch: &mut Self::Scratch,
    ) -> bool {
        add_batch(|op| [points[op.at as usize], points[op.at as usize + 1]], |_| (), ops, sums, scratch)
    }

    fn add_any(&self, points: &mut [Self::Point], pairs: &[(u32, u32)], _: &mut Self::Scratch) {
        let mut inverses = Vec::with_capacity(pairs.len());
        for (to, from) in pairs {
            let (a, b) = (points[*to as usize], points[*from as usize]);
            // the tangent of a doubling, the chord of a sum, and 0 where there is neither
            let exceptional = a.is_identity() || b.is_identity();
            inverses.push(match (exceptional, a.x == b.x, a.y == b.y) {
                (true, ..) | (_, true, false) => C::Base::ZERO,
                (_, true, true) => a.y.double(),
                _ => b.x - a.x,
            });
        }
        let mut scratch = inverses.clone();
        BatchInverter::invert_with_external_scratch(&mut inverses, &mut scratch);
        for ((to, from), inverse) in pairs.iter().zip(inverses) {
            let (a, b) = (points[*to as usize], points[*from as usize]);
            points[*to as usize] = if a.is_identity() {
                b
            } else if b.is_identity() {
                a
            } else if a.x != b.x {
                chord(inverse, a, b)
            } else if a.y == b.y {
                let square = a.x.square();
                let slope = (square.double() + square) * inverse;
                let x = slope.square() - a.x.double();
                Point { x, y: slope * (a.x - x) - a.y }
            } else {
                Point::IDENTITY
            };
        }
    }
}
