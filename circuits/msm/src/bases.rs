//! Points that are multiplied, and which code does it.

use std::sync::{
    OnceLock,
    atomic::{AtomicU8, Ordering},
};

#[cfg(target_arch = "x86_64")]
use ff::Field;
use halo2curves::group::{Curve as _, Group};
use nova_snark::provider::traits::DlogGroupExt;
use rayon::prelude::*;

use crate::{buckets::MOST_POINTS, curve::Curve, fold as folds, kernel::Kernel, portable::Portable, product::Table};
#[cfg(target_arch = "x86_64")]
use crate::{
    curve::{Bn254, Grumpkin, element},
    ifma::{self, Vector},
};

/// The code that multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Path {
    /// Eight points at a time, by AVX-512 IFMA.
    Vector = 1,
    /// One point at a time, on any processor.
    Portable = 2,
    /// nova's own code: for comparison, and for sums of few points.
    Nova = 3,
}

/// Products of fewer terms are nova's on every path.
const FEW: usize = 64;
/// A share of a product that is worth buckets of its own.
const LEAST_SHARE: usize = 1 << 16;

/// The path that was asked for, 0 for the best.
static ASKED: AtomicU8 = AtomicU8::new(0);

/// The path that is taken: the vector code where the processor has it and a small product by it is right.
pub fn path() -> Path {
    match ASKED.load(Ordering::Relaxed) {
        1 => Path::Vector,
        2 => Path::Portable,
        3 => Path::Nova,
        _ => best(),
    }
}

/// Takes a path from now on, or the best with `None`. For tests and measurements.
///
/// # Panics
/// If the vector code is asked for where the processor lacks it.
pub fn set_path(path: Option<Path>) {
    assert!(path != Some(Path::Vector) || best() == Path::Vector, "this processor lacks the vector instructions");
    ASKED.store(path.map_or(0, |path| path as u8), Ordering::Relaxed);
}

#[cfg(target_arch = "x86_64")]
fn best() -> Path {
    static BEST: OnceLock<Path> = OnceLock::new();
    // made before it is set: a thread that waits for the value may be asked to help with making it
    if let Some(best) = BEST.get() {
        return *best;
    }
    let best = match (Vector::<Bn254>::detect(), Vector::<Grumpkin>::detect()) {
        (Some(first), Some(second)) => {
            // wrong products may be no points at all, which panics
            let right = std::panic::catch_unwind(|| proves_itself(first) && proves_itself(second));
            if right.unwrap_or(false) {
                Path::Vector
            } else {
                tracing::warn!("the vector code gives wrong products on this processor; the portable code is used");
                Path::Portable
            }
        }
        _ => Path::Portable,
    };
    *BEST.get_or_init(|| best)
}

#[cfg(not(target_arch = "x86_64"))]
fn best() -> Path {
    Path::Portable
}

/// Whether a product and a fold of some hundred points by the vector code are right: a guard against a processor or a
/// machine under it that does not do what it says.
#[cfg(target_arch = "x86_64")]
fn proves_itself<C: Curve>(kernel: Vector<C>) -> bool {
    const COUNT: usize = 256;
    let mut scalar: C::Scalar = element(&[0x9e37_79b9_7f4a_7c15, 0xf39c_c060_5ced_c834, 0x1082_276b_f3a2_7251, 0x1]);
    let mut point = C::Point::generator();
    let (mut points, mut scalars, mut sum) = (Vec::new(), Vec::new(), C::Point::identity());
    for _ in 0..COUNT {
        (scalar, point) = (scalar.square() + scalar, point.double() + C::Point::generator());
        points.push(point.to_affine());
        scalars.push(scalar);
        sum += point * scalar;
    }
    let (left, right) = points.split_at(COUNT / 2);
    let folded = ifma::fold::fold(kernel, &scalars[0], &scalars[1], left, right);
    let folds = left.iter().zip(right).map(|(left, right)| (*left * scalars[0] + *right * scalars[1]).to_affine());
    Table::new(kernel, &points).multiply(0, &scalars) == sum && folds.eq(folded)
}

/// Points that are multiplied often. The table of a path is made when it is first taken.
pub struct Bases<C: Curve> {
    points: Vec<C::Affine>,
    #[cfg(target_arch = "x86_64")]
    vector: OnceLock<Tables<Vector<C>>>,
    portable: OnceLock<Tables<Portable<C>>>,
}

impl<C: Curve> Bases<C> {
    /// Points, the identity among them or not.
    pub fn new(points: Vec<C::Affine>) -> Self {
        Self {
            points,
            #[cfg(target_arch = "x86_64")]
            vector: OnceLock::new(),
            portable: OnceLock::new(),
        }
    }

    /// The points.
    pub fn points(&self) -> &[C::Affine] {
        &self.points
    }

    /// `Σ scalars[i] · points[from + i]`. The time depends on the scalars.
    ///
    /// # Panics
    /// If there are fewer points than that.
    pub fn msm(&self, from: usize, scalars: &[C::Scalar]) -> C::Point {
        let points = &self.points[from..from + scalars.len()];
        if scalars.len() < FEW {
            return C::Point::vartime_multiscalar_mul(scalars, points);
        }
        match path() {
            Path::Nova => C::Point::vartime_multiscalar_mul(scalars, points),
            #[cfg(target_arch = "x86_64")]
            Path::Vector if let Some(kernel) = Vector::detect() => {
                Tables::of(&self.vector, kernel, &self.points).multiply(from, scalars, share(scalars.len()))
            }
            _ => {
                let tables = Tables::of(&self.portable, Portable::new(), &self.points);
                tables.multiply(from, scalars, share(scalars.len()))
            }
        }
    }
}

/// All points, `most` in each table.
struct Tables<K: Kernel> {
    tables: Vec<Table<K>>,
    most: usize,
}

impl<K: Kernel> Tables<K> {
    /// The tables in the cell, made by who asks first. Others wait: making them uses no thread of rayon's, so none of those that
    /// wait is needed for it.
    fn of<'a>(cell: &'a OnceLock<Self>, kernel: K, points: &[<K::Curve as Curve>::Affine]) -> &'a Self {
        // as many as an index can name
        cell.get_or_init(|| Self::new(kernel, points, MOST_POINTS / 2))
    }

    fn new(kernel: K, points: &[<K::Curve as Curve>::Affine], most: usize) -> Self {
        Self { tables: points.chunks(most).map(|points| Table::new(kernel, points)).collect(), most }
    }

    /// Σ scalars[i] · points[from + i], in pieces of at most `share` terms and of one table each, side by side.
    fn multiply(
        &self,
        from: usize,
        scalars: &[<K::Curve as Curve>::Scalar],
        share: usize,
    ) -> <K::Curve as Curve>::Point {
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < scalars.len() {
            let (table, offset) = (&self.tables[(from + at) / self.most], (from + at) % self.most);
            let length = share.min(scalars.len() - at).min(table.length() - offset);
            pieces.push((table, offset, &scalars[at..at + length]));
            at += length;
        }
        let products = pieces.into_par_iter().map(|(table, offset, scalars)| table.multiply(offset, scalars));
        products.reduce(<K::Curve as Curve>::Point::identity, |a, b| a + b)
    }
}

/// Terms that are multiplied at a time: one product is computed by as many threads as a scalar has digits, about eight, and
/// more threads share the terms.
fn share(terms: usize) -> usize {
    terms.div_ceil(rayon::current_num_threads().div_ceil(8)).max(LEAST_SHARE)
}

/// a·left + b·right for each pair of points.
///
/// # Panics
/// If there are not as many points left as right.
pub fn fold<C: Curve>(a: &C::Scalar, b: &C::Scalar, left: &[C::Affine], right: &[C::Affine]) -> Vec<C::Affine> {
    assert_eq!(left.len(), right.len(), "points without a partner");
    match path() {
        #[cfg(target_arch = "x86_64")]
        Path::Vector if let Some(kernel) = Vector::<C>::detect() => ifma::fold::fold(kernel, a, b, left, right),
        Path::Nova => {
            let pairs = left.par_iter().zip(right);
            pairs.map(|(l, r)| C::Point::vartime_multiscalar_mul(&[*a, *b], &[*l, *r]).to_affine()).collect()
        }
        _ => folds::portable::<C>(a, b, left, right),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use halo2curves::group::Group;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::curve::Bn254;

    type Scalar = <Bn254 as Curve>::Scalar;
    type Point = <Bn254 as Curve>::Point;

    /// Few points in a table and few terms in a piece, so that products go across the ends of both.
    fn across_tables<K: Kernel<Curve = Bn254>>(kernel: K) {
        let mut rng = ChaCha20Rng::seed_from_u64(15);
        let points: Vec<_> = (0..700).map(|_| Point::random(&mut rng).to_affine()).collect();
        let scalars: Vec<_> = (0..700).map(|_| <Scalar as ff::Field>::random(&mut rng)).collect();
        let tables = Tables::new(kernel, &points, 256);
        assert_eq!(tables.tables.len(), 3);
        for (from, terms) in [(0, 700), (0, 256), (255, 2), (256, 256), (100, 600), (699, 1), (700, 0)] {
            for share in [1000, 256, 100, 7] {
                let expected = Point::vartime_multiscalar_mul(&scalars[..terms], &points[from..from + terms]);
                assert_eq!(tables.multiply(from, &scalars[..terms], share), expected, "{from} {terms} {share}");
            }
        }
    }

    #[test]
    fn products_go_across_tables_and_pieces() {
        across_tables(Portable::new());
    }

    #[cfg(target_arch = "x86_64")]
    mod vector {
        use super::*;

        #[test]
        #[ignore = "needs a processor with AVX-512 IFMA: .ci/run vector"]
        fn products_go_across_tables_and_pieces() {
            across_tables(Vector::detect().unwrap());
        }

        #[test]
        #[ignore = "needs a processor with AVX-512 IFMA: .ci/run vector"]
        fn the_vector_code_is_taken_where_it_can_run() {
            assert_eq!(best(), Path::Vector);
        }
    }
}
