//! What lines cost: 100,000 lines of Ethereum by all cores, and a line of each form by one.
//!
//! cargo bench --package assay-ownership

use std::time::Instant;

use assay_ownership::{
    Line, judge,
    testing::{context, lines},
};
use rayon::prelude::*;

const LINES: u32 = 100_000;

fn main() {
    let context = context();
    let all = lines(&context, None);
    let personal = all.iter().find(|line| line.name == "personal_sign").expect("a form of Ethereum").line();
    let begun = Instant::now();
    let fresh = (0..LINES).into_par_iter().filter(|_| judge(&personal, &context).is_ok_and(|v| v.is_signed())).count();
    let took = begun.elapsed();
    println!(
        "{fresh} lines of EIP-191 on {} threads: {took:.2?}, {:.1?} a line",
        rayon::current_num_threads(),
        took / LINES
    );
    for line in &all {
        let one: Line<'_> = line.line();
        let begun = Instant::now();
        let times = 200;
        for _ in 0..times {
            std::hint::black_box(judge(std::hint::black_box(&one), &context).is_ok());
        }
        println!("{:15} {:30} {:.1?}", line.chain, line.name, begun.elapsed() / times);
    }
}
