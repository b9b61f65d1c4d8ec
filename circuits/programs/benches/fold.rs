//! `make bench`: what a step, a compression and a verification cost, and how the fold compares with nova's own bench
//! circuit and with bare commitments, all in one run. Usage: `fold [shape [steps]]`; README.md holds the numbers.
#![allow(clippy::float_arithmetic, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use assay_core::sealed::Sealed;
use assay_core::{field::F, tree::UpperTree};
use assay_fold::{keys::Keys, slots::Slots, step::FoldStep};
use assay_programs::{
    ledger::{
        Ledger,
        book::FedColumn,
        fold::Fold,
        page::Page,
        shape::Shape,
        state::State,
        statement::{Statement, challenge},
        verify::verify,
        witness::StepWitness,
    },
    purpose::TestShapes,
    testing::{TestRandom, batch_roots, test_columns, test_pages, test_statement, whole_accounts},
};
use ff::{Field, PrimeField};
use nova_snark::{
    frontend::{ConstraintSystem, num::AllocatedNum, util_cs::witness_cs::WitnessCS},
    nova::{PublicParams, RecursiveSNARK},
    provider::{Bn256EngineIPA, GrumpkinEngine},
    traits::{
        Engine,
        circuit::{NonTrivialCircuit, StepCircuit},
        commitment::CommitmentEngineTrait,
        snark::default_ck_hint,
    },
};

type Commitments = <Bn256EngineIPA as Engine>::CE;
type Peer = NonTrivialCircuit<F>;

fn main() {
    // cargo passes `--bench`
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let shape = Shape::named(arguments.first().map_or("solvency-64", String::as_str)).unwrap();
    let steps: usize = arguments.get(1).map_or(6, |s| s.parse().unwrap());
    println!("{}: {} pages a step, {} threads", shape.name, shape.batch(), rayon::current_num_threads());

    let (parameters, took) = timed(|| Keys::<Ledger>::derive(shape).unwrap());
    let (constraints, variables) = (parameters.constraints().0, parameters.variables().0);
    println!("parameters derived            {}", seconds(took));
    let mut file = Vec::new();
    parameters.write_to(&mut file).unwrap();
    let took = timed(|| Keys::<Ledger>::read_from(shape, &mut &file[..]).unwrap()).1;
    println!("parameters read and checked   {}, {} MiB", seconds(took), file.len() >> 20);
    drop(file);
    println!(
        "constraints a step            {constraints} ({:.2} a page), {variables} variables",
        constraints as f64 / shape.batch() as f64
    );

    let mut pages = test_pages(shape, steps * shape.batch(), 1);
    pages.truncate(steps * shape.batch());
    whole_accounts(shape, &mut pages);
    let statement = test_statement(shape, parameters.digest(), &pages);
    let columns = test_columns(&statement, &pages);
    let statement = Sealed::seal(statement).unwrap();
    let roots = batch_roots(shape, &pages);
    let mut fold = Fold::begin(&parameters, &statement, 0, &roots, &columns).unwrap();
    let mut peer = PeerFold::new(constraints);

    // step by step in turns, so that both see the same machine; the first two steps of either fold are cheaper
    let (mut own_times, mut peer_times) = (Vec::new(), Vec::new());
    for (i, batch) in pages.chunks(shape.batch()).enumerate() {
        let own = timed(|| fold.step(batch.to_vec()).unwrap()).1;
        let other = timed(|| peer.step()).1;
        if i >= 2 {
            own_times.push(own);
            peer_times.push(other);
        }
    }
    let (own, other) = (median(own_times), median(peer_times));
    let per_constraint = |t: Duration, n: usize| t.as_secs_f64() * 1e6 / n as f64;
    println!(
        "a step                        {} ({:.3} µs a constraint)",
        seconds(own),
        per_constraint(own, constraints)
    );
    println!("pages a second                {:.0}", shape.batch() as f64 / own.as_secs_f64());
    println!(
        "nova's NonTrivialCircuit      {} ({:.3} µs a constraint, {} constraints)",
        seconds(other),
        per_constraint(other, peer.constraints),
        peer.constraints
    );
    println!(
        "ratio per constraint          {:.3}",
        per_constraint(own, constraints) / per_constraint(other, peer.constraints)
    );

    let (witness, witness_time) =
        witness_of(shape, &statement, &pages, &columns[..columns.len().min(shape.columns_per_step)]);
    println!(
        "witness of a step             {} ({:.1} % of the step)",
        seconds(witness_time),
        100.0 * witness_time.as_secs_f64() / own.as_secs_f64()
    );
    let bare = bare_commitments(&witness, variables, constraints);
    println!(
        "bare commitments              {}; a step takes {:.2} times as long",
        seconds(bare),
        own.as_secs_f64() / bare.as_secs_f64()
    );
    drop(peer);

    let (proof, took) = timed(|| fold.compress().unwrap());
    println!("compression                   {}", seconds(took));
    drop(fold);
    // the first verification also makes the verifying key
    for what in ["first verification", "verification"] {
        let (report, took) = timed(|| verify(Ok(&statement), &proof, TestShapes::Accepted, |_| Ok(&parameters)));
        assert!(report.is_valid(), "{:?}", report.checks);
        println!("{what:<29} {}", seconds(took));
    }
    println!("proof                         {} bytes", proof.len());
    println!("peak memory                   {} MiB, the peer's parameters included", peak_mib());
}

/// nova's bench circuit, blown up to as many constraints as ours.
struct PeerFold {
    public: PublicParams<Bn256EngineIPA, GrumpkinEngine, Peer>,
    circuit: Peer,
    recursive: Option<RecursiveSNARK<Bn256EngineIPA, GrumpkinEngine, Peer>>,
    constraints: usize,
}

impl PeerFold {
    fn new(constraints: usize) -> Self {
        let setup = |n: usize| {
            let circuit = Peer::new(n);
            let public = PublicParams::setup(&circuit, &*default_ck_hint(), &*default_ck_hint()).unwrap();
            (circuit, public)
        };
        let own_part = setup(8).1.num_constraints().0 - 8;
        let (circuit, public) = setup(constraints - own_part);
        let constraints = public.num_constraints().0;
        Self { public, circuit, recursive: None, constraints }
    }

    fn step(&mut self) {
        // x ↦ x^2 over and over from a start of full size: every step and every value differs
        let start = [F::from(0x9e37_79b9_7f4a_7c15).pow_vartime([11u64])];
        let recursive =
            self.recursive.get_or_insert_with(|| RecursiveSNARK::new(&self.public, &self.circuit, &start).unwrap());
        recursive.prove_step(&self.public, &self.circuit).unwrap();
    }
}

/// The witness of the last batch, generated as nova does it, and how long that takes.
fn witness_of(
    shape: &'static Shape,
    statement: &Sealed<Statement>,
    pages: &[Page],
    columns: &[FedColumn],
) -> (Vec<F>, Duration) {
    let before = State::initial(shape, challenge(statement), F::from(3).pow_vartime([99u64]));
    let batch = pages[pages.len() - shape.batch()..].to_vec();
    let circuit = FoldStep::<Ledger>::new(
        shape,
        StepWitness { pages: batch, path: UpperTree::new(shape.depths).path(0), columns: columns.to_vec() },
    );
    let run = || {
        let mut cs = WitnessCS::<F>::with_capacity(0, 0);
        let z: Vec<_> =
            before.to_z().iter().map(|x| AllocatedNum::alloc(cs.namespace(|| "z"), || Ok(*x)).unwrap()).collect();
        circuit.synthesize(&mut cs, &z).unwrap();
        cs.aux_assignment().to_vec()
    };
    let times = (0..5).map(|_| timed(run).1).collect();
    (run(), median(times))
}

/// What no fold can do without: one commitment to the witness, of the sizes it has, and one to full-size cross terms.
fn bare_commitments(witness: &[F], variables: usize, constraints: usize) -> Duration {
    let mut random = TestRandom(7);
    let mut full = |n: usize| -> Vec<F> {
        (0..n)
            .map(|_| {
                let limbs = [random.next_u64(), random.next_u64(), random.next_u64(), random.next_u64() >> 3];
                limbs.iter().fold(F::ZERO, |x, l| x * F::from_u128(1 << 64) + F::from(*l))
            })
            .collect()
    };
    let mut vector = witness.to_vec();
    let rest = variables.saturating_sub(vector.len());
    vector.extend(full(rest));
    let cross_terms = full(constraints);
    let key =
        <Commitments as CommitmentEngineTrait<Bn256EngineIPA>>::setup(b"ck", vector.len().max(constraints)).unwrap();
    let times = (0..5)
        .map(|_| {
            timed(|| {
                let _ = Commitments::commit(&key, &vector, &F::ZERO);
                let _ = Commitments::commit(&key, &cross_terms, &F::ZERO);
            })
            .1
        })
        .collect();
    median(times)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// The largest resident size so far, as Linux counts it.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}
