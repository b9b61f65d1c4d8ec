//! Σ k·P for many scalars and points.

use halo2curves::group::Group;
use rayon::prelude::*;

use crate::{buckets, curve::Curve, digits::Digits, kernel::Kernel};

/// The number of weighted points up to which they are summed one after the other.
const SERIAL: usize = 32;

/// Points that will be multiplied often, in the form that a kernel adds.
pub(crate) struct Table<K: Kernel> {
    kernel: K,
    /// The points, then their images under the endomorphism.
    points: Vec<K::Point>,
    /// Which points are the identity; empty if none is.
    identities: Vec<bool>,
}

impl<K: Kernel> Table<K> {
    /// At most [`buckets::MOST_POINTS`] / 2 points.
    pub(crate) fn new(kernel: K, points: &[<K::Curve as Curve>::Affine]) -> Self {
        assert!(2 * points.len() <= buckets::MOST_POINTS, "a table of {} points is too large", points.len());
        let count = points.len();
        let points = kernel.prepare(points);
        let mut identities: Vec<_> = points[..count].iter().map(|point| kernel.is_identity(point)).collect();
        if !identities.contains(&true) {
            identities.clear();
        }
        Self { kernel, points, identities }
    }

    pub(crate) fn length(&self) -> usize {
        self.points.len() / 2
    }

    /// Σ scalars[i] · points[from + i].
    pub(crate) fn multiply(&self, from: usize, scalars: &[<K::Curve as Curve>::Scalar]) -> <K::Curve as Curve>::Point {
        assert!(from + scalars.len() <= self.length(), "more scalars than points");
        let skipped = |i: usize| self.identities.get(from + i).is_some_and(|identity| *identity);
        let digits = Digits::new::<K::Curve>(scalars, skipped);
        let windows: Vec<_> = (0..digits.windows)
            .into_par_iter()
            .map(|window| weighted(self.kernel, buckets::fill(self.kernel, &self.points, from, &digits, window)))
            .collect();
        // Horner's rule over the windows
        windows.into_iter().rev().fold(<K::Curve as Curve>::Point::identity(), |high, window| {
            (0..digits.width).fold(high, |high, _| high.double()) + window
        })
    }
}

/// Σ (i + 1) · points[i], for a power of two of them.
///
/// In segments of m: Σ over all segments of Σ (t + 1)·p_t, and m · Σ s · (sum of segment s). The first by running sums in all
/// segments side by side, the second by the same rule again.
fn weighted<K: Kernel>(kernel: K, points: Vec<K::Point>) -> <K::Curve as Curve>::Point {
    let identity = <K::Curve as Curve>::Point::identity();
    if points.len() <= SERIAL {
        let mut running = identity;
        return points.into_iter().rev().fold(identity, |sum, point| {
            running += kernel.to_affine(point);
            sum + running
        });
    }
    let segment = (points.len() / 8).min(SERIAL);
    let count = points.len() / segment;
    let mut scratch = K::Scratch::default();
    // the last of each segment, twice: what runs and what is weighted
    let length = points.len();
    let mut places = points;
    for _ in 0..2 {
        for s in 0..count {
            places.push(places[s * segment + segment - 1]);
        }
    }
    let (running, weights) = (length as u32, (length + count) as u32);
    for t in (0..segment - 1).rev() {
        let next: Vec<_> = (0..count as u32).map(|s| (running + s, s * segment as u32 + t as u32)).collect();
        kernel.add_any(&mut places, &next, &mut scratch);
        let both: Vec<_> = (0..count as u32).map(|s| (weights + s, running + s)).collect();
        kernel.add_any(&mut places, &both, &mut scratch);
    }
    let weights = places.split_off(length + count);
    // segment s weighs s: without the first, the others weigh one more than their place
    let mut running = places.split_off(length + 1);
    running.push(kernel.identity());
    let high = weighted(kernel, running);
    let high = (0..segment.ilog2()).fold(high, |sum, _| sum.double());
    high + sum(kernel, weights, &mut scratch)
}

/// Σ points, for a power of two of them.
fn sum<K: Kernel>(kernel: K, mut points: Vec<K::Point>, scratch: &mut K::Scratch) -> <K::Curve as Curve>::Affine {
    while points.len() > 1 {
        let half = points.len() as u32 / 2;
        let pairs: Vec<_> = (0..half).map(|i| (i, i + half)).collect();
        kernel.add_any(&mut points, &pairs, scratch);
        points.truncate(half as usize);
    }
    kernel.to_affine(points[0])
}
