//! Products and folds beside nova's, in turns: `cargo bench --package assay-msm --bench msm -- [ROUNDS]`.
//!
//! Prints the median time of each and the median ratio of neighbours. Scalars are full-size; or 57 % bits and the rest
//! full-size, as in a witness; or 64 bits.
#![allow(clippy::float_arithmetic, clippy::unwrap_used, missing_docs)]

use std::time::Instant;

use assay_msm::{Bases, Bn254, Curve, Grumpkin, Path, fold, path, set_path};
use ff::Field;
use halo2curves::group::{Curve as _, Group};
use nova_snark::provider::traits::DlogGroupExt;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

fn seconds<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let value = work();
    (value, start.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs both in turns; returns the medians of each and of their ratio.
fn in_turns<T: PartialEq>(rounds: usize, own: impl Fn() -> T, nova: impl Fn() -> T) -> [f64; 3] {
    let times: Vec<_> = (0..rounds)
        .map(|_| {
            let ((own, a), (nova, b)) = (seconds(&own), seconds(&nova));
            assert!(own == nova, "the results differ");
            (a, b)
        })
        .collect();
    let of = |value: fn(&(f64, f64)) -> f64| median(times.iter().map(value).collect());
    [of(|t| t.0), of(|t| t.1), of(|t| t.1 / t.0)]
}

fn points<C: Curve>(count: usize) -> Vec<C::Affine> {
    let step = C::Point::generator() * C::Scalar::from(0x1234_5678_9abc_def1);
    let row: Vec<_> = (0..count)
        .scan(C::Point::generator(), |at, _| {
            *at += step;
            Some(*at)
        })
        .collect();
    let mut points = vec![C::Affine::default(); count];
    C::Point::batch_normalize(&row, &mut points);
    points
}

fn products<C: Curve>(name: &str, paths: &[Path], sizes: &[usize], rounds: usize) {
    let largest = sizes.iter().copied().max().unwrap();
    let points = points::<C>(largest);
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let full: Vec<_> = (0..largest).map(|_| C::Scalar::random(&mut rng)).collect();
    let mut bit = |random: &C::Scalar| {
        if rng.next_u32() % 100 < 57 { C::Scalar::from(u64::from(rng.next_u32() & 1)) } else { *random }
    };
    let bits: Vec<_> = full.iter().map(&mut bit).collect();
    let small: Vec<_> = (0..largest).map(|_| C::Scalar::from(rng.next_u64())).collect();
    for &count in sizes {
        let own = Bases::<C>::new(points[..count].to_vec());
        for path in paths {
            set_path(Some(*path));
            own.msm(0, &full[..count]);
            for (kind, scalars) in [("full-size", &full), ("57 % bits", &bits), ("64 bits", &small)] {
                let scalars = &scalars[..count];
                let [own, nova, ratio] = in_turns(
                    rounds,
                    || own.msm(0, scalars),
                    || C::Point::vartime_multiscalar_mul(scalars, &points[..count]),
                );
                let (own, nova) = (own * 1e3, nova * 1e3);
                println!("{name}, {path:?}, {count} points, {kind}: {own:.1} ms, nova {nova:.1} ms, {ratio:.2} times");
            }
        }
    }
}

fn folds<C: Curve>(name: &str, paths: &[Path], sizes: &[usize], rounds: usize) {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    for &count in sizes {
        let points = points::<C>(2 * count);
        let (left, right) = points.split_at(count);
        let a = C::Scalar::random(&mut rng);
        let b = a.invert().unwrap();
        for path in paths {
            set_path(Some(*path));
            let [own, nova, ratio] = in_turns(
                rounds,
                || fold::<C>(&a, &b, left, right),
                || {
                    let pairs = left.par_iter().zip(right);
                    pairs.map(|(l, r)| C::Point::vartime_multiscalar_mul(&[a, b], &[*l, *r]).to_affine()).collect()
                },
            );
            let (own, nova) = (own / count as f64 * 1e6, nova / count as f64 * 1e6);
            println!(
                "{name}, {path:?}, fold of {count} pairs: {own:.1} µs a pair, nova {nova:.1} µs, {ratio:.1} times"
            );
        }
    }
}

fn main() {
    // cargo passes `--bench`
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let rounds = arguments.next().map_or(5, |rounds| rounds.parse().unwrap());
    let paths: Vec<_> = [path(), Path::Portable].into_iter().collect();
    let paths = if paths[0] == paths[1] { &paths[..1] } else { &paths[..] };
    println!("{} threads", rayon::current_num_threads());
    let sizes = [1 << 16, 184_000, 427_538];
    products::<Bn254>("BN254", paths, &sizes, rounds);
    products::<Grumpkin>("Grumpkin", paths, &sizes[..1], rounds);
    folds::<Bn254>("BN254", paths, &[1 << 10, 1 << 14], rounds);
    folds::<Grumpkin>("Grumpkin", paths, &[1 << 10], rounds);
}
