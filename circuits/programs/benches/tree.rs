//! Leaves a second: the tree over a ledger's pages, and one hash.
#![allow(clippy::float_arithmetic, clippy::unwrap_used)]

use std::time::Instant;

use assay_core::{
    field::F,
    hash::{Domain, hash},
};
use assay_programs::{
    ledger::shape::Shape,
    testing::{batch_roots, test_pages},
};

fn main() {
    for (name, arity) in [("leaf", 3u64), ("node", 8)] {
        let inputs: Vec<F> = (0..arity).map(F::from).collect();
        let mut inputs = inputs;
        let start = Instant::now();
        const HASHES: u32 = 20_000;
        for _ in 0..HASHES {
            inputs[0] = hash(Domain::Leaf, &inputs);
        }
        println!("{name} hash: {:?} on one core", start.elapsed() / HASHES);
    }
    let shape = Shape::named("solvency-512").unwrap();
    let pages = test_pages(shape, 20_000, 1);
    let start = Instant::now();
    let roots = batch_roots(shape, &pages);
    let took = start.elapsed().as_secs_f64();
    println!("{} batches: {:.0} pages a second on one core", roots.len(), pages.len() as f64 / took);
}
