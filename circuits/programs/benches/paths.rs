//! What the own multi-scalar multiplication saves: two folds of one ledger step by step in turns, one on the best path of this
//! processor and one with nova's commitments; then compression and verification of both, and each proof under the other
//! path. Usage: `paths [shape [steps [own]]]`; with `own` the second fold is on the best path too, for a profiler. README.md holds
//! the numbers.
#![allow(clippy::float_arithmetic, clippy::unwrap_used)]

use std::time::Instant;

use assay_core::sealed::Sealed;
use assay_fold::keys::Keys;
use assay_msm::{Path, path, set_path};
use assay_programs::{
    ledger::{Ledger, fold::Fold, shape::Shape, verify::verify},
    purpose::TestShapes,
    testing::{batch_roots, test_columns, test_pages, test_statement, whole_accounts},
};

fn timed<T>(path: Path, work: impl FnOnce() -> T) -> (T, f64) {
    set_path(Some(path));
    let start = Instant::now();
    let value = work();
    (value, start.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // cargo passes `--bench`
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let shape = Shape::named(arguments.first().map_or("solvency-64", String::as_str)).unwrap();
    let steps: usize = arguments.get(1).map_or(6, |s| s.parse().unwrap());
    let own = path();
    let other = if arguments.get(2).is_some_and(|argument| argument == "own") { own } else { Path::Nova };
    let both = [own, other];
    println!("{}: {own:?} beside {other:?}, {} threads", shape.name, rayon::current_num_threads());

    let keys = Keys::<Ledger>::derive(shape).unwrap();
    keys.check_pin().unwrap();
    println!("digest                        {} (as pinned)", keys.digest());
    let mut pages = test_pages(shape, steps * shape.batch(), 1);
    pages.truncate(steps * shape.batch());
    whole_accounts(shape, &mut pages);
    let statement = test_statement(shape, keys.digest(), &pages);
    let columns = test_columns(&statement, &pages);
    let statement = Sealed::seal(statement).unwrap();
    let roots = batch_roots(shape, &pages);

    let mut folds = both.map(|_| Fold::begin(&keys, &statement, 0, &roots, &columns).unwrap());
    let mut times = Vec::new();
    // the first two steps of a fold are cheaper
    for (i, batch) in pages.chunks(shape.batch()).enumerate() {
        let mut of = |i: usize| timed(both[i], || folds[i].step(batch.to_vec()).unwrap()).1;
        let turn = [of(0), of(1)];
        if i >= 2 {
            times.push(turn);
        }
    }
    let of = |value: fn(&[f64; 2]) -> f64| median(times.iter().map(value).collect());
    compared("a step", of(|t| t[0]), of(|t| t[1]), of(|t| t[1] / t[0]));

    // the first compression also makes the proving key
    folds[0].compress().unwrap();
    let proofs = [0, 1].map(|i| timed(both[i], || folds[i].compress().unwrap()));
    compared("compression", proofs[0].1, proofs[1].1, proofs[1].1 / proofs[0].1);
    drop(folds);
    for (proof, made) in proofs.iter().map(|(proof, _)| proof).zip(both) {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..4 {
            for (path, times) in both.into_iter().zip(&mut times) {
                let work = || verify(Ok(&statement), proof, TestShapes::Accepted, |_| Ok(&keys));
                let (report, took) = timed(path, work);
                assert!(report.is_valid(), "{:?}", report.checks);
                if round > 0 {
                    times.push(took);
                }
            }
        }
        let [own, nova] = times.map(median);
        compared(&format!("verification, made by {made:?}"), own, nova, nova / own);
    }
}

fn compared(what: &str, own: f64, nova: f64, ratio: f64) {
    println!("{what:<29} {own:.3} s, beside it {nova:.3} s, {ratio:.2} times");
}
